"""Who may ask something from a page: whoever a rule allows; elsewhere a key has to be one's own."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import CorsRule
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs import bearer
from tests.blobs.server import KEY, NAME, SECOND_KEY, Server, serving
from yarl import URL

PAGE = "https://page.example.org"
RULES = [CorsRule([PAGE], ["GET"])]


async def by_key(container: ContainerClient, origin: str) -> None:
    await container.get_container_properties(headers={"Origin": origin})


async def by_token(container: ContainerClient, origin: str) -> None:
    url = f"{container.url}/one?{bearer.token()}"
    async with aiohttp.ClientSession() as session, session.get(url, headers={"Origin": origin}) as answer:
        if answer.status != 200:
            raise HttpResponseError(await answer.text())


WAYS = [by_key, by_token]
Way = Callable[[ContainerClient, str], Awaitable[None]]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("origin", [PAGE, "null", "http://localhost:1"])
async def test_a_key_that_everybody_knows_is_none_for_foreign_pages(
    client: BlobServiceClient, container: ContainerClient, way: Way, origin: str
) -> None:
    await container.upload_blob("one", b"data")
    with pytest.raises(HttpResponseError) as refused:
        await way(container, origin)
    assert "AuthorizationFailure" in str(refused.value)
    assert origin in str(refused.value)
    assert "CORS" in str(refused.value)


@pytest.mark.parametrize("way", WAYS)
async def test_a_rule_lets_a_page_in_and_its_own_pages_need_none(
    client: BlobServiceClient, container: ContainerClient, server: Server, way: Way
) -> None:
    await container.upload_blob("one", b"data")
    await way(container, f"http://127.0.0.1:{server.address[1]}")
    await client.set_service_properties(cors=RULES)
    await way(container, PAGE)
    with pytest.raises(HttpResponseError):
        await container.upload_blob("two", b"data", headers={"Origin": PAGE})


async def test_a_key_of_ones_own_is_enough(tmp_path: Path) -> None:
    async with serving(tmp_path, keys=(SECOND_KEY,)) as server:
        credential = {"account_name": NAME, "account_key": SECOND_KEY}
        async with BlobServiceClient(server.url, credential, retry_total=0) as client:
            await by_key(await client.create_container("things"), PAGE)


async def test_the_service_s_own_pages_need_no_rule_and_no_list_shows_theirs(tmp_path: Path) -> None:
    async with serving(tmp_path, portal_origins=[PAGE]) as server:
        async with BlobServiceClient(server.url, KEY, retry_total=0) as client:
            container = await client.create_container("things")
            await by_key(container, PAGE)
            await container.upload_blob("one", b"data", headers={"Origin": PAGE})
            await by_token(container, PAGE)
            assert (await client.get_service_properties())["cors"] == []
            await client.set_service_properties(cors=[CorsRule(["https://other.example"], ["GET"])])
            await by_key(container, PAGE)
            with pytest.raises(HttpResponseError):
                await by_key(container, "https://stranger.example")
        asked = {"Origin": PAGE, "Access-Control-Request-Method": "PUT"}
        asked["Access-Control-Request-Headers"] = "x-ms-blob-type,x-ms-version"
        async with aiohttp.ClientSession() as session:
            async with session.options(f"{server.url}/things/one", headers=asked) as answer:
                assert answer.status == 200
                assert answer.headers["Access-Control-Allow-Origin"] == PAGE
            stranger = {**asked, "Origin": "https://stranger.example"}
            async with session.options(f"{server.url}/things/one", headers=stranger) as answer:
                assert answer.status == 403


async def test_pages_can_read_what_the_service_refuses_and_where_it_fails(tmp_path: Path) -> None:
    """Also outside of what the operations themselves answer."""
    told = {"Origin": PAGE, "x-ms-version": "2025-01-05", "x-ms-client-request-id": "mine"}
    async with serving(tmp_path, portal_origins=[PAGE]) as server, aiohttp.ClientSession() as session:
        async with BlobServiceClient(server.url, KEY, retry_total=0) as client:
            await client.create_container("things")
        url = f"{server.url}/things/one?comp=tags&{bearer.token()}"
        large = session.put(URL(url, encoded=True), headers=told, data=b"x" * 200_000)
        async with large as answer:
            assert (answer.status, answer.headers["x-ms-error-code"]) == (413, "RequestBodyTooLarge")
            _check_readable(answer)
        server.database.close()
        async with session.get(
            URL(f"{server.url}/things/one?{bearer.token()}", encoded=True), headers=told
        ) as answer:
            assert answer.status == 500
            _check_readable(answer)


def _check_readable(answer: aiohttp.ClientResponse) -> None:
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "x-ms-error-code" in answer.headers["Access-Control-Expose-Headers"].split(",")
    assert answer.headers["x-ms-client-request-id"] == "mine"
    assert answer.headers["x-ms-version"] == "2025-01-05"


@pytest.mark.parametrize("path", ["/healthz", f"/{NAME}/things/one"])
async def test_a_name_of_somebody_else_is_refused(server: Server, path: str) -> None:
    url = f"http://127.0.0.1:{server.address[1]}{path}"
    headers = {"Host": "rebound.example.org"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        assert (answer.status, answer.headers["x-ms-error-code"]) == (400, "InvalidHeaderValue")
        text = await answer.text()
    assert "<HeaderName>Host</HeaderName>" in text
    assert "rebound.example.org" in text
    assert "allowed_hosts" in text
