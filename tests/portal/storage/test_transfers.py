"""Uploads and downloads: where they are sent to, what those URLs permit, and the way through the portal."""

import json
import tracemalloc
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
import pytest
from tests.blobs.server import NAME, NEIGHBOUR
from tests.portal.blobs import HOSTILE
from tests.portal.service import Browser
from yarl import URL

from batchite.portal.blob_client.client import Client, Where
from batchite.portal.blob_client.problems import StorageProblem
from batchite.portal.storage import media_types
from batchite.portal.visit import ROOT

OWN = f"/storage/{NAME}/containers/things"
FAR = f"/storage/{NEIGHBOUR}/containers/things"
IDS = ["YmxvY2sxMQ==", "YmxvY2syMg=="]
SCRIPT = {"sec_fetch_mode": "cors", "sec_fetch_dest": "empty"}
"""Headers of what a script asks"""


async def granted(explorer: Browser, below: str, name: str, **more: str) -> dict[str, object]:
    answer = await explorer.post(f"{below}/upload", {"name": name, **more}, **SCRIPT)
    assert answer.status == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: dict[str, object] = json.loads(answer.text)
    return found


async def asked(verb: str, url: object, content: bytes = b"", **headers: str) -> tuple[int, bytes]:
    """Of the Blob service, by nothing but the URL."""
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession() as session,
        session.request(
            verb, URL(str(url), encoded=True), data=content, headers=told, allow_redirects=False
        ) as answer,
    ):
        return answer.status, await answer.read()


async def put(explorer: Browser, url: str, content: bytes, **headers: str) -> int:
    """As a script of the portal does."""
    told = {"x_csrf_token": await explorer.token(), **SCRIPT, **headers}
    return (await explorer.ask("PUT", url, content, **told)).status


async def content_of(client: Client, where: Where) -> bytes:
    async with client.read(where) as answer:
        return await answer.content(1 << 20)


async def test_an_upload_is_sent_straight_to_the_service_and_may_do_nothing_else(
    explorer: Browser, client: Client
) -> None:
    grant = await granted(explorer, OWN, "a/new & old.csv", type="text/strange")
    assert (grant["exists"], grant["type"]) == (False, "text/csv")
    direct = grant["direct"]
    status, _ = await asked(
        "PUT", direct, b"1,2", x_ms_blob_type="BlockBlob", x_ms_blob_content_type="text/csv"
    )
    assert status == 201
    where = Where("things", "a/new & old.csv")
    assert await content_of(client, where) == b"1,2"
    assert (await asked("GET", direct))[0] == 403
    assert (await asked("DELETE", direct))[0] == 403
    assert (await asked("PUT", direct, b"again", x_ms_blob_type="BlockBlob"))[0] in (403, 409)
    elsewhere = str(direct).replace("new%20&", "other%20&").replace("new%20%26", "other%20%26")
    assert elsewhere != direct
    assert (await asked("PUT", elsewhere, b"x", x_ms_blob_type="BlockBlob"))[0] == 403
    assert await granted(explorer, OWN, "a/new & old.csv") == {
        "exists": True, "direct": "", "through": "", "type": "", "page": "",
    }  # fmt: skip
    grant = await granted(explorer, OWN, "a/new & old.csv", replace="yes")
    assert (await asked("PUT", grant["direct"], b"3", x_ms_blob_type="BlockBlob"))[0] == 201
    assert await content_of(client, where) == b"3"


async def test_whatever_a_file_is_called(explorer: Browser, client: Client, foreign: Client) -> None:
    for name in HOSTILE:
        grant = await granted(explorer, OWN, name)
        if grant["direct"]:
            assert (await asked("PUT", grant["direct"], b"direct", x_ms_blob_type="BlockBlob"))[0] == 201
        else:
            assert name in (".", "..")
            assert await put(explorer, str(grant["through"]), b"direct") == 201
        assert await content_of(client, Where("things", name)) == b"direct"
        grant = await granted(explorer, FAR, name)
        assert grant["direct"] == ""
        assert await put(explorer, str(grant["through"]), name.encode()) == 201
        answer = await explorer.get(f"{FAR}/blob/download?name={quote(name, safe='')}")
        assert (answer.status, answer.content) == (200, name.encode())
        assert answer.headers["content-disposition"].startswith('attachment; filename="')


async def test_blocks_go_through_the_portal(explorer: Browser, foreign: Client) -> None:
    through = str((await granted(explorer, FAR, "big.bin"))["through"])
    for block, byte in zip(IDS, (b"a", b"b"), strict=True):
        assert await put(explorer, f"{through}&comp=block&blockid={quote(block)}", byte * 1000) == 201
    document = "".join(f"<Latest>{block}</Latest>" for block in IDS)
    body = f"<?xml version='1.0'?><BlockList>{document}</BlockList>".encode()
    headers = {"if_none_match": "*", "x_ms_blob_content_type": "image/png"}
    assert await put(explorer, f"{through}&comp=blocklist", body, **headers) == 201
    where = Where("things", "big.bin")
    assert await content_of(foreign, where) == b"a" * 1000 + b"b" * 1000
    assert await put(explorer, through, b"x", if_none_match="*") == 409
    assert await content_of(foreign, where) == b"a" * 1000 + b"b" * 1000


@pytest.mark.parametrize(
    ("query", "body", "said"),
    [
        ("comp=block&blockid=%21", b"x", "block"),
        ("comp=blocklist", b"<!DOCTYPE a><BlockList/>", "XML"),
        ("comp=page", b"x", "comp is block or blocklist"),
        ("", b"", "has its name"),
    ],
)
async def test_what_is_no_upload_is_refused_in_plain_text(
    explorer: Browser, foreign: Client, query: str, body: bytes, said: str
) -> None:
    name = "name=x&" if query else ""
    told = {"x_csrf_token": await explorer.token(), **SCRIPT}
    answer = await explorer.ask("PUT", f"{ROOT}{FAR}/blob/content?{name}{query}", body, **told)
    assert answer.status in (400, 404)
    assert answer.headers["content-type"].startswith("text/plain")
    assert said in answer.text
    assert (await foreign.blobs("things", limit=9)).entries == ()


async def test_nobody_else_uploads_through_the_portal(explorer: Browser, foreign: Client) -> None:
    through = str((await granted(explorer, FAR, "mine"))["through"])
    for headers in ({}, {"x_csrf_token": "0" * 64}, {"x_csrf_token": await explorer.token(), "origin": ""}):
        answer = await explorer.ask("PUT", through, b"theirs", **SCRIPT, **headers)
        assert answer.status in (400, 403)
    with pytest.raises(StorageProblem, match="no such blob"):
        await foreign.properties(Where("things", "mine"))


async def test_a_download_leads_to_a_url_that_saves_and_reads_only(explorer: Browser, client: Client) -> None:
    await client.put_blob(
        Where("things", "a/ü.html"), b"<script>", 8, {"x-ms-blob-content-type": "text/html"}
    )
    answer = await explorer.get(f"{OWN}/blob/download?name=a%2F%C3%BC.html")
    assert answer.status == 302
    url = answer.headers["location"]
    async with aiohttp.ClientSession() as session, session.get(URL(url, encoded=True)) as found:
        assert await found.read() == b"<script>"
        disposition = found.headers["content-disposition"]
        assert disposition == "attachment; filename=\"_.html\"; filename*=UTF-8''%C3%BC.html"
    assert (await asked("PUT", url, b"x", x_ms_blob_type="BlockBlob"))[0] == 403
    answer = await explorer.get(f"{OWN}/blob/download?through=1&name=a%2F%C3%BC.html")
    assert (answer.status, answer.content) == (200, b"<script>")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["x-content-type-options"] == "nosniff"


async def test_a_download_through_the_portal_goes_on_where_it_broke_off(
    explorer: Browser, foreign: Client
) -> None:
    where = Where("things", "long")
    await foreign.put_blob(where, b"0123456789", 10)
    path = f"{FAR}/blob/download?name=long"
    whole = await explorer.get(path)
    etag = whole.headers["etag"]
    rest = await explorer.get(path, range="bytes=4-", if_range=etag)
    assert (rest.status, rest.content) == (206, b"456789")
    assert rest.headers["content-range"] == "bytes 4-9/10"
    await foreign.put_blob(where, b"changed", 7)
    anew = await explorer.get(path, range="bytes=4-", if_range=etag)
    assert (anew.status, anew.content) == (200, b"changed")
    head = await explorer.ask("HEAD", f"{ROOT}{path}")
    assert (head.status, head.headers["content-length"], head.content) == (200, "7", b"")
    assert (await explorer.get(f"{FAR}/blob/download?name=nothing")).status == 404


async def test_images_are_shown_by_what_they_are_and_nothing_else_is(
    explorer: Browser, client: Client
) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(20)
    await client.put_blob(Where("things", "image"), png, len(png), {"x-ms-blob-content-type": "text/html"})
    answer = await explorer.get(
        f"{OWN}/blob/image?name=image", sec_fetch_dest="image", sec_fetch_mode="no-cors"
    )
    assert (answer.status, answer.content) == (200, png)
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "/blob/image?name=image" in await explorer.page(f"{OWN}/blob?name=image")
    for name, content in [
        ("a.png", b"<script>alert(1)</script>"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>'),
    ]:
        told = {"x-ms-blob-content-type": "image/png"}
        await client.put_blob(Where("things", name), content, len(content), told)
        answer = await explorer.get(f"{OWN}/blob/image?name={name}")
        assert answer.status == 404
        assert "alert" not in answer.text
        assert "/blob/image" not in await explorer.page(f"{OWN}/blob?name={name}")


async def test_content_passes_through_the_portal_without_being_gathered(
    explorer: Browser, foreign: Client
) -> None:
    """Of 64 MiB on the way in and out, no more than a few are held at a time, by all who take part."""
    size, piece = 64 << 20, bytes(1 << 20)
    through = str((await granted(explorer, FAR, "big"))["through"])

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(size // len(piece)):
            yield piece

    headers = {
        "cookie": "; ".join(f"{name}={value}" for name, value in explorer.cookies.items()),
        "x-csrf-token": await explorer.token(), "origin": explorer.url, "content-length": str(size),
    }  # fmt: skip
    async with aiohttp.ClientSession() as session:
        tracemalloc.start()
        try:
            url = URL(explorer.url + through, encoded=True)
            async with session.put(url, data=pieces(), headers=headers) as answer:
                assert answer.status == 201
            received = 0
            url = URL(f"{explorer.url}{ROOT}{FAR}/blob/download?name=big", encoded=True)
            async with session.get(url, headers=headers) as answer:
                async for chunk in answer.content.iter_chunked(1 << 18):
                    received += len(chunk)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
    assert received == size
    assert (await foreign.properties(Where("things", "big"))).size == size
    assert peak < 16 << 20


@pytest.mark.parametrize(
    ("name", "said", "media_type"),
    [
        ("a/B.CSV", "", "text/csv"),
        ("page.html", "text/plain", "text/html"),
        ("notes.md", "", "text/markdown"),
        ("archive.tar.gz", "", "application/gzip"),
        ("strange.q1z", "x/y", "x/y"),
        ("strange.q1z", "x/y\r\nSet-Cookie: a=b", "application/octet-stream"),
        ("none", "", "application/octet-stream"),
    ],
)
def test_media_types_by_the_ends_of_names(name: str, said: str, media_type: str) -> None:
    assert media_types.guess(name, said) == media_type
