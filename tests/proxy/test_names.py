"""Which names of hosts mean a service here, and which lead nowhere."""

from typing import cast

import msgspec
import pytest

from batchite.configuration.accounts import Accounts, BatchAccount, KnownAccounts, StorageAccount
from batchite.proxy.names import HostLines, Names
from batchite.proxy.problems import RefusedError

KEYS = ("a2V5",)
ACCOUNTS = Accounts(
    batch=(BatchAccount("render", KEYS),),
    storage=(
        StorageAccount("films", KEYS),
        StorageAccount("far", KEYS, blob_endpoint="https://far.blob.core.windows.net"),
    ),
)


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("films.blob.core.windows.net", "blob"),
        ("films-secondary.blob.core.windows.net", "blob"),
        ("render.japaneast.batch.azure.com", "batch"),
        ("far.blob.core.windows.net", None),  # of another service
        ("other.blob.core.windows.net", None),
        ("other.japaneast.batch.azure.com", None),
        ("example.org", None),
    ],
)
def test_names_of_accounts_lead_to_their_service_and_others_on(host: str, service: str | None) -> None:
    assert Names(ACCOUNTS).service(host) == service
    offline = Names(ACCOUNTS, offline=True)
    if service:
        assert offline.service(host) == service
    else:
        with pytest.raises(RefusedError, match=f"{host} is refused with --offline"):
            offline.service(host)


@pytest.mark.parametrize("host", ["localhost", "a.blob.localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine_is_no_network(host: str) -> None:
    assert Names(ACCOUNTS, offline=True).service(host) is None


def test_another_service_of_an_account_of_ours_is_nobodys() -> None:
    """The account of that name in the cloud is somebody else's."""
    with pytest.raises(RefusedError, match=r"films\.queue.*serves blobs only"):
        Names(ACCOUNTS).service("films.queue.core.windows.net")
    assert Names(ACCOUNTS).service("far.queue.core.windows.net") is None


@pytest.mark.parametrize(
    ("host", "hint"),
    [
        ("fils.blob.core.windows.net", "no storage account fils here; there are films"),
        ("rendr.x.batch.azure.com", "no Batch account rendr here; there are render"),
    ],
)
def test_a_mistyped_account_is_told_with_those_that_there_are(host: str, hint: str) -> None:
    with pytest.raises(RefusedError, match=hint):
        Names(ACCOUNTS, offline=True).service(host)


def test_a_hosts_file_has_the_accounts_of_both_services() -> None:
    names = [
        "films.blob.core.windows.net",
        "films-secondary.blob.core.windows.net",
        "render.japaneast.batch.azure.com",
        "render.westus.batch.azure.com",
    ]
    lines = HostLines(ACCOUNTS, "127.64.0.1", ["japaneast", "westus", "japaneast"])
    assert lines() == tuple(f"127.64.0.1\t{name}" for name in names)
    assert lines() is lines()
    assert [Names(ACCOUNTS).service(name) for name in names] == ["blob", "blob", "batch", "batch"]


def test_the_lines_of_a_hosts_file_are_those_of_the_accounts_that_there_are() -> None:
    class Changing:
        current = ACCOUNTS

        def __getattr__(self, name: str) -> object:
            return getattr(self.current, name)

    accounts = Changing()
    lines = HostLines(cast("KnownAccounts", accounts), "127.64.0.1", [])
    before = lines()
    accounts.current = msgspec.structs.replace(
        ACCOUNTS, storage=(*ACCOUNTS.storage, StorageAccount("later", KEYS))
    )
    assert [line for line in lines() if line not in before] == [
        f"127.64.0.1\tlater{end}.blob.core.windows.net" for end in ("", "-secondary")
    ]
