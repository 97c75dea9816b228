"""Containers of auto storage become URLs when a definition is sent to a node."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest

from batchite.configuration.accounts import Accounts, BatchAccount, StorageAccount
from batchite.dispatch.auto_storage import AutoStorage
from batchite.machine.clock import SystemClock
from batchite.wire.signing import sas
from batchite.wire.signing.sas import Target
from batchite.wire.ticks import TICKS_PER_SECOND

KEY = "a2V5"
ACCOUNTS = Accounts(
    batch=(
        BatchAccount("own", (KEY,), "films"),
        BatchAccount("elsewhere", (KEY,), "far"),
        BatchAccount("none", (KEY,)),
    ),
    storage=(StorageAccount("films", (KEY,)), StorageAccount("far", (KEY,), "https://far.blob.example.net")),
)
FILES = [
    {"autoStorageContainerName": "in-put", "blobPrefix": "a"},
    {"httpUrl": "http://h/x", "filePath": "x"},
]
DEFINITION = json.dumps({"commandLine": "true", "resourceFiles": FILES}, separators=(",", ":")).encode()
OURS = "http://127.0.0.1:10000"


def filled(account: str, definition: bytes = DEFINITION, blob_url: str = OURS) -> bytes:
    return AutoStorage(ACCOUNTS, SystemClock(), blob_url).filled(account, definition)


@pytest.mark.parametrize(
    ("account", "place"),
    [
        ("own", f"{OURS}/films/in-put"),
        ("elsewhere", "https://far.blob.example.net/in-put"),
    ],
)
def test_a_url_that_lists_and_reads_the_container(account: str, place: str) -> None:
    one, other = json.loads(filled(account))["resourceFiles"]
    assert other == FILES[1]
    url = one.pop("storageContainerUrl")
    assert one == {"blobPrefix": "a"}
    parts = urlsplit(url)
    assert url.partition("?")[0] == place
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    assert (query["sp"], query["sr"]) == ("rl", "c")
    name = "films" if account == "own" else "far"
    storage = ACCOUNTS.find_storage(name)
    assert storage is not None
    now = SystemClock().wall()
    token = sas.verify(query, Target(name, "in-put", "b", "https", "127.0.0.1"), storage.key_bytes, now)
    assert set(token.permissions) == set("rl")
    _, end = sas.times(query)
    assert 0 < end.ticks - now.ticks <= 24 * 3600 * TICKS_PER_SECOND


def test_what_names_none_stays_as_it_is() -> None:
    assert filled("own", b'{"commandLine":"autoStorageContainerName"}') == (
        b'{"commandLine":"autoStorageContainerName"}'
    )
    assert filled("none") == DEFINITION
    assert filled("own", blob_url="") == DEFINITION
    deep = b'{"multiInstanceSettings":{"commonResourceFiles":[{"autoStorageContainerName":"c"}]}}'
    (one,) = json.loads(filled("own", deep))["multiInstanceSettings"]["commonResourceFiles"]
    assert one["storageContainerUrl"].startswith(f"{OURS}/films/c?")
