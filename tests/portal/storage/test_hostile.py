"""Requests for storage that no browser sends: all are answered, none with a mistake of ours."""

import random

import pytest
from tests.blobs.server import NAME, NEIGHBOUR
from tests.portal.service import Browser

from batchite.portal.blob_client.client import Client, Where
from batchite.portal.storage.routes import ROUTES

CONTAINERS = [
    "things",
    "things",
    "",
    "%00",
    "%0d%0aX:%20y",
    "..",
    "$web",
    "%E2%80%AE",
    "a" * 3000,
    "a%2Fb",
    "%ff",
]
NAMES = [
    "",
    "kept",
    "kept",
    "%00",
    "..",
    "a%2F..%2Fb",
    "%0d%0a",
    "%F0%9F%A6%84",
    "x" * 1100,
    "%ff",
    "%2F" * 300,
]
MOMENTS = ["", "", "", "now", "2026-01-01T00:00:00.0000000Z", "%0a", "9" * 40]
MARKERS = ["", "", "%ff", "nonsense", "MQph", "9" * 4000]
TEXTS = ["", "yes", "a=1", "=", "\x00", "\r\nX: y", "é", "<b>", "9" * 5000, "a=\u202e"]
FIELDS = [
    "name",
    "metadata",
    "tags",
    "version",
    "replace",
    "type",
    "may-r",
    "of-o",
    "for",
    "until",
    "addresses",
]
FIELDS += ["blob-1", "folder-1", "count"]


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_escapes(explorer: Browser, client: Client, foreign: Client, seed: int) -> None:
    choose = random.Random(seed)  # noqa: S311 - no secrets
    token = await explorer.token()
    for each in (client, foreign):
        await each.put_blob(Where("things", "kept"), b"kept", 4)
    for _ in range(80):
        route = choose.choice([route for route in ROUTES if "{container}/delete" not in route.path])
        path = route.path.replace("{storage}", choose.choice([NAME, NEIGHBOUR, "nobody"]))
        path = path.replace("{container}", choose.choice(CONTAINERS))
        query = {
            "name": choose.choice(NAMES), "prefix": choose.choice(NAMES), "q": choose.choice(NAMES),
            "snapshot": choose.choice(MOMENTS), "versionid": choose.choice(MOMENTS),
            "after": choose.choice(MARKERS), "show": choose.choice(["", "deleted"]),
            "comp": choose.choice(["", "block", "blocklist", "page"]),
            "blockid": choose.choice(["", "YQ==", "%0a"]),
        }  # fmt: skip
        target = path + "?" + "&".join(f"{name}={value}" for name, value in query.items() if value)
        chosen = choose.sample(FIELDS, 4)
        form: dict[str, str] | bytes | None = {field: choose.choice(TEXTS) for field in chosen}
        if route.verb == "PUT":
            form = choose.choice(
                [b"", b"x", b"<BlockList/>", b"<BlockList><Latest>YQ==</Latest></BlockList>"]
            )
        headers = {"x_csrf_token": token, "range": choose.choice(["", "bytes=1-", "bytes=9-1", "x"])}
        answer = await explorer.ask(route.verb, target, form if route.verb != "GET" else None, **headers)
        assert answer.status < 500, (route.verb, target, form, answer.text)
