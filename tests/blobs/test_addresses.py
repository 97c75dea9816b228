"""The account in the path or in the host, and its copy for reading; names with backslashes."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver, ResolveResult
from azure.core.exceptions import HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob import generate_account_sas, generate_blob_sas
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.by_hand import exchange, signed, status_and_code
from tests.blobs.server import KEY, NAME, Server, serving


class Loopback(AbstractResolver):
    """Every name is this machine's, as `*.localhost` is with most resolvers, but not with all."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host="127.0.0.1", port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Holds nothing."""


@asynccontextmanager
async def client_of(url: str, **options: str) -> AsyncIterator[BlobServiceClient]:
    connector = aiohttp.TCPConnector(resolver=Loopback())
    async with aiohttp.ClientSession(connector=connector) as session:
        transport = AioHttpTransport(session=session, session_owner=False)
        credential = {"account_name": NAME, "account_key": KEY}
        async with BlobServiceClient(
            url, credential, transport=transport, retry_total=0, **options
        ) as client:
            yield client


@pytest.mark.parametrize("host", [f"{NAME}.blob.localhost", f"{NAME.upper()}.Blob.Example.org"])
async def test_the_host_names_the_account(server: Server, host: str) -> None:
    url = f"http://{host}:{server.address[1]}"
    async with client_of(url) as client:
        container = await client.create_container("things")
        await container.upload_blob("a b/ü.txt", b"data")
        assert await (await container.download_blob("a b/ü.txt")).readall() == b"data"
        assert [blob.name async for blob in container.list_blobs()] == ["a b/ü.txt"]
        assert [found.name async for found in client.list_containers()] == ["things"]
    async with client_of(server.url) as client:
        assert [found.name async for found in client.list_containers()] == ["things"]


async def test_the_official_client_finds_the_secondary_by_host(server: Server) -> None:
    host = f"blob.localhost:{server.address[1]}"
    secondary = f"{NAME}-secondary.{host}"
    async with client_of(f"http://{NAME}.{host}", secondary_hostname=secondary) as client:
        assert (await client.get_service_stats())["geo_replication"]["status"] == "live"


async def test_lists_show_the_account_as_it_was_addressed(server: Server) -> None:
    host, port = f"{NAME}.blob.localhost", server.address[1]
    shown = []

    def keep(response: object) -> None:
        shown.append(response.http_response.text())  # type: ignore[attr-defined]

    for url in (f"http://{host}:{port}", server.url, f"{server.url}-secondary"):
        async with client_of(url) as client:
            [found async for found in client.list_containers(raw_response_hook=keep)]
    assert [f'ServiceEndpoint="{url}/"' in text for url, text in zip(
        (f"http://{host}:{port}", server.url, f"{server.url}-secondary"), shown, strict=True
    )] == [True] * 3  # fmt: skip


@pytest.mark.parametrize("style", ["host", "path"])
async def test_the_secondary_reads_and_does_not_write(server: Server, style: str) -> None:
    async with client_of(server.url) as client:
        await (await client.create_container("things")).upload_blob("one", b"data")
    by_host = f"http://{NAME}-secondary.blob.localhost:{server.address[1]}"
    async with client_of(by_host if style == "host" else f"{server.url}-secondary") as client:
        container = client.get_container_client("things")
        assert await (await container.download_blob("one")).readall() == b"data"
        with pytest.raises(HttpResponseError) as caught:
            await container.upload_blob("two", b"data")
        assert (caught.value.status_code, caught.value.error_code) == (403, "InsufficientAccountPermissions")
        assert [blob.name async for blob in container.list_blobs()] == ["one"]


@pytest.mark.parametrize("host", ["unknown.blob.localhost", "a.b.blob.localhost", ".blob.localhost"])
async def test_a_host_of_no_account_is_refused(server: Server, host: str) -> None:
    async with aiohttp.ClientSession() as session:
        url = server.url.rpartition("/")[0]
        async with session.get(f"{url}/{NAME}/things/one", headers={"Host": host}) as answer:
            assert (answer.status, answer.headers["x-ms-error-code"]) in (
                (404, "ResourceNotFound"),
                (400, "InvalidUri"),
            )


async def test_a_signature_for_one_host_account_is_none_for_another_path(server: Server) -> None:
    async with client_of(f"http://other.blob.localhost:{server.address[1]}") as client:
        with pytest.raises(HttpResponseError) as caught:
            await client.get_service_properties()
    assert caught.value.error_code == "ResourceNotFound"


async def test_a_backslash_in_a_name_is_a_slash(container: ContainerClient, server: Server) -> None:
    name = "dir\\sub\\file.txt"
    blob = await container.upload_blob(name, b"data", metadata={"a": "1"})
    assert [found.name async for found in container.list_blobs()] == ["dir/sub/file.txt"]
    assert await (await container.download_blob("dir/sub/file.txt")).readall() == b"data"
    await container.get_blob_client("copy").start_copy_from_url(blob.url, requires_sync=False)
    assert await (await container.download_blob("copy")).readall() == b"data"
    token = generate_blob_sas(
        NAME, "things", name.replace("\\", "/"), account_key=KEY, permission="r", expiry="2999-01-01"
    )
    async with BlobClient.from_blob_url(blob.url, token, retry_total=0) as shared:
        assert "%5C" in shared.url
        assert (await shared.get_blob_properties()).metadata == {"a": "1"}
    await container.delete_blob(name)
    assert not await container.get_blob_client("dir/sub/file.txt").exists()


@pytest.mark.parametrize("sent", ["dir%5Cfile", "dir%5cfile", "dir\\file"])
@pytest.mark.parametrize("as_sent", [True, False])
async def test_a_backslash_is_signed_as_sent_or_as_a_slash(
    container: ContainerClient, server: Server, sent: str, as_sent: bool
) -> None:
    await container.upload_blob("dir/file", b"data")
    path, plain = f"/{NAME}/things/{sent}", f"/{NAME}/things/dir/file"
    answer = await exchange(server, "GET", path, signed("GET", path if as_sent else plain, {}))
    assert status_and_code(answer) == (200, "")
    refused = await exchange(server, "GET", path, signed("GET", f"{plain}2", {}))
    assert status_and_code(refused) == (403, "AuthenticationFailed")


async def test_behind_a_proxy_the_service_has_the_proxys_address(tmp_path: Path) -> None:
    public = f"https://data.example.org/{NAME}"
    async with (
        serving(tmp_path, public="https://data.example.org") as server,
        client_of(server.url) as client,
    ):
        container = await client.create_container("things")
        await container.upload_blob("a", b"data")
        copy = container.get_blob_client("copy")
        assert (await copy.start_copy_from_url(f"{public}/things/a"))["copy_status"] == "success"
        with pytest.raises(HttpResponseError, match="CannotVerifyCopySource"):
            await copy.start_copy_from_url(f"http://data.example.org/{NAME}/things/a")
        token = generate_blob_sas(
            NAME, "things", "a", account_key=KEY, permission="r", protocol="https", expiry="2099-01-01"
        )
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{server.url}/things/a?{token}") as answer:
                assert await answer.read() == b"data"
            account = generate_account_sas(
                NAME, KEY, resource_types="c", permission="l", services="b", expiry="2099-01-01"
            )
            async with session.get(f"{server.url}/things?restype=container&comp=list&{account}") as answer:
                assert f'ServiceEndpoint="{public}/"' in await answer.text()


@pytest.mark.parametrize("name", [NAME, f"{NAME}-secondary"])
async def test_the_clouds_name_is_an_accounts_and_stands_for_https(server: Server, name: str) -> None:
    """As whoever leads it here has taken it, so that what an answer names is led here again."""
    host = f"{name}.blob.core.windows.net"
    expiry = datetime.now(UTC) + timedelta(hours=1)
    https_only = generate_account_sas(
        NAME, KEY, resource_types="s", permission="l", expiry=expiry, protocol="https"
    )
    for address, status in ((host, 200), ("127.0.0.1", 403)):
        path = "/" if address == host else f"/{name}"
        reader, writer = await asyncio.open_connection(*server.address)
        request = (
            f"GET {path}?comp=list&{https_only} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
        )
        writer.write(request.encode())
        answer = await reader.read()
        writer.close()
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert (f'ServiceEndpoint="https://{host}/"'.encode() in answer) is (status == 200)
