"""The static website of an account, as browsers and programs without credentials see it."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import ContentSettings, RetentionPolicy, StaticWebsite
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from multidict import CIMultiDictProxy
from tests.blobs.server import NAME, NEIGHBOUR, WEB_SUFFIX, Server
from yarl import URL

INDEX, DOCS, LOST = b"<h1>Home</h1>", b"<h1>Docs</h1>", b"<h1>Lost?</h1>"
HTML = ContentSettings(content_type="text/html", cache_control="max-age=60")


async def switch_on(client: BlobServiceClient, **more: Any) -> ContainerClient:
    await client.set_service_properties(static_website=StaticWebsite(enabled=True, **more))
    return client.get_container_client("$web")


@pytest.fixture
async def site(client: BlobServiceClient) -> ContainerClient:
    web = await switch_on(client, index_document="index.html", error_document404_path="errors/404.html")
    for name, content in {"index.html": INDEX, "docs/index.html": DOCS, "errors/404.html": LOST}.items():
        await web.upload_blob(name, content, content_settings=HTML, metadata={"author": "me"})
    return web


class Visitor:
    """Without credentials."""

    def __init__(self, session: aiohttp.ClientSession, server: Server) -> None:
        self._session = session
        self._root = "http://{}:{}".format(*server.address)

    async def ask(
        self,
        path: str = "/",
        verb: str = "GET",
        account: str = NAME,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, CIMultiDictProxy[str], bytes]:
        host = {"Host": f"{account}.{WEB_SUFFIX}"}
        url = URL(self._root + path, encoded=True)
        async with self._session.request(verb, url, headers={**host, **(headers or {})}) as answer:
            return answer.status, answer.headers, await answer.read()


@pytest.fixture
async def visitor(server: Server) -> AsyncIterator[Visitor]:
    async with aiohttp.ClientSession() as session:
        yield Visitor(session, server)


@pytest.mark.parametrize(
    "given",
    [
        {"index_document": "index.html", "error_document404_path": "errors/404.html"},
        {"default_index_document_path": "home/start.html", "error_document404_path": "errors/404.html"},
        {"index_document": "index.html"},
        {},
    ],
)
async def test_a_website_is_kept_and_shown(client: BlobServiceClient, given: dict[str, str]) -> None:
    await switch_on(client, **given)
    await client.set_service_properties(delete_retention_policy=RetentionPolicy(True, 1))
    properties: dict[str, Any] = await client.get_service_properties()
    shown = properties["static_website"]
    assert shown.enabled
    for name in ("index_document", "default_index_document_path", "error_document404_path"):
        assert getattr(shown, name) == given.get(name)


async def test_what_was_switched_off_is_forgotten(client: BlobServiceClient, site: ContainerClient) -> None:
    await client.set_service_properties(static_website=StaticWebsite(enabled=False))
    properties: dict[str, Any] = await client.get_service_properties()
    assert not properties["static_website"].enabled
    assert properties["static_website"].index_document is None
    assert await site.get_blob_client("index.html").exists()


async def test_its_container_is_made_unless_it_is_there(client: BlobServiceClient) -> None:
    web = client.get_container_client("$web")
    assert not await web.exists()
    await switch_on(client)
    assert (await web.get_container_properties()).public_access is None
    await web.upload_blob("kept.html", INDEX)
    await switch_on(client, index_document="index.html")
    assert await web.get_blob_client("kept.html").exists()


async def test_two_kinds_of_index_exclude_each_other(client: BlobServiceClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await switch_on(client, index_document="index.html", default_index_document_path="start.html")
    assert refused.value.error_code == "InvalidXmlNodeValue"
    assert not await client.get_container_client("$web").exists()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("/", INDEX),
        ("/index.html", INDEX),
        ("/docs/", DOCS),
        ("/docs", DOCS),
        ("/docs/index.html", DOCS),
        ("/docs%2Findex.html", DOCS),
        ("/docs%5Cindex.html", DOCS),
    ],
)
async def test_paths_show_blobs_and_indexes(
    site: ContainerClient, visitor: Visitor, path: str, content: bytes
) -> None:
    status, headers, body = await visitor.ask(path)
    assert (status, body) == (200, content)
    assert (headers["Content-Type"], headers["Cache-Control"]) == ("text/html", "max-age=60")
    assert headers["Content-Length"] == str(len(content))
    status, shown, body = await visitor.ask(path, "HEAD")
    assert (status, body) == (200, b"")
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Length", "Content-MD5"):
        assert shown[name] == headers[name]


async def test_one_page_may_be_the_index_of_all_directories(
    client: BlobServiceClient, visitor: Visitor
) -> None:
    web = await switch_on(client, default_index_document_path="/app/start.html")
    await web.upload_blob("app/start.html", INDEX)
    assert [(await visitor.ask(path))[0] for path in ("/", "/any/", "/any", "/app")] == [200, 200, 404, 404]


async def test_nothing_tells_more_than_a_web_server_would(site: ContainerClient, visitor: Visitor) -> None:
    _, headers, _ = await visitor.ask("/docs", headers={"Origin": "https://app.example.org"})
    shown = {name.lower() for name in headers if name.lower().startswith(("x-ms-", "access-control-"))}
    assert shown == {"x-ms-request-id", "x-ms-version"}


async def test_what_is_missing_shows_the_websites_own_page(site: ContainerClient, visitor: Visitor) -> None:
    for asked in ({}, {"Range": "bytes=0-3"}, {"If-None-Match": "*"}):
        status, headers, body = await visitor.ask("/none", headers=asked)
        assert (status, headers["x-ms-error-code"], body) == (404, "WebContentNotFound", LOST)
        assert (headers["Content-Type"], headers["Content-Length"]) == ("text/html", str(len(LOST)))
        status, headers, body = await visitor.ask("/none", "HEAD", headers=asked)
        assert (status, headers["x-ms-error-code"], body) == (404, "WebContentNotFound", b"")


async def test_without_such_a_page_the_error_is_one(site: ContainerClient, visitor: Visitor) -> None:
    await site.delete_blob("errors/404.html")
    status, headers, body = await visitor.ask("/none")
    assert (status, headers["x-ms-error-code"]) == (404, "WebContentNotFound")
    assert headers["Content-Type"] == "text/html"
    assert headers["x-ms-request-id"].encode() in body
    await site.delete_container()
    assert (await visitor.ask("/"))[0] == 404


async def test_large_pages_are_sent_whole_and_in_part(site: ContainerClient, visitor: Visitor) -> None:
    film = bytes(range(256)) * 4096
    await site.upload_blob("film.mp4", film)
    await site.upload_blob("errors/404.html", film, overwrite=True)
    assert (await visitor.ask("/film.mp4"))[2] == film
    status, headers, body = await visitor.ask("/film.mp4", headers={"Range": "bytes=1000-299999"})
    assert (status, body) == (206, film[1000:300000])
    assert headers["Content-Range"] == f"bytes 1000-299999/{len(film)}"
    status, _, body = await visitor.ask("/none")
    assert (status, body) == (404, film)
    status, headers, body = await visitor.ask("/film.mp4", headers={"Range": "bytes=2000000-"})
    assert (status, headers["Content-Type"]) == (416, "text/html")
    assert b"InvalidRange" in body


async def test_browsers_ask_whether_anything_is_new(site: ContainerClient, visitor: Visitor) -> None:
    _, headers, _ = await visitor.ask("/docs")
    status, shown, body = await visitor.ask("/docs", headers={"If-None-Match": headers["ETag"]})
    assert (status, shown["ETag"], body) == (304, headers["ETag"], b"")
    since = {"If-Modified-Since": headers["Last-Modified"]}
    assert (await visitor.ask("/docs", "HEAD", headers=since))[0] == 304
    assert (await visitor.ask("/docs", headers={"If-Match": '"0x1"'}))[0] == 412


@pytest.mark.parametrize("verb", ["PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
async def test_a_website_is_for_reading(site: ContainerClient, visitor: Visitor, verb: str) -> None:
    status, headers, body = await visitor.ask("/index.html", verb, headers={"x-ms-blob-type": "BlockBlob"})
    assert (status, headers["x-ms-error-code"]) == (405, "UnsupportedHttpVerb")
    assert headers["Allow"] == "GET, HEAD"
    assert b"<html>" in body
    assert (await visitor.ask("/index.html"))[2] == INDEX


async def test_what_is_of_the_blob_service_means_nothing(site: ContainerClient, visitor: Visitor) -> None:
    await site.get_blob_client("index.html").create_snapshot()
    stranger = {"Authorization": "SharedKey a:b", "x-ms-version": "1", "x-ms-lease-id": "none"}
    for path in ("/?restype=container&comp=list", "/?comp=metadata&snapshot=2020&sig=x&%FF"):
        status, _, body = await visitor.ask(path, headers=stranger)
        assert (status, body) == (200, INDEX)


async def test_only_that_container_is_shown(
    site: ContainerClient, container: ContainerClient, visitor: Visitor
) -> None:
    await container.upload_blob("secret", b"secret")
    for path in ("/things/secret", "/../things/secret", "/%2e%2e/things/secret", "/$web/index.html"):
        assert (await visitor.ask(path))[0] == 404


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/%", 400), ("/%zz", 400), ("/%FF", 400), ("/" + 2000 * "a", 404), ("/a%00b", 404), ("//", 404)],
)
async def test_strange_paths_show_nothing(
    site: ContainerClient, visitor: Visitor, path: str, expected: int
) -> None:
    status, headers, _ = await visitor.ask(path)
    assert (status, headers["Content-Type"]) == (expected, "text/html")


async def test_accounts_have_websites_of_their_own(
    client: BlobServiceClient, site: ContainerClient, visitor: Visitor
) -> None:
    assert (await visitor.ask(account=f"{NAME}-secondary"))[2] == INDEX
    for account in (NEIGHBOUR, "nobody"):
        status, headers, body = await visitor.ask(account=account)
        assert (status, headers["x-ms-error-code"]) == (404, "WebContentNotFound")
        assert b"<li>Reason: " in body
    await client.set_service_properties(static_website=StaticWebsite(enabled=False))
    assert (await visitor.ask())[0] == 404
