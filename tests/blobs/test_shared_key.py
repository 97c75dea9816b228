import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.core.pipeline.transport import AioHttpTransport
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.server import NAME, SECOND_KEY, Server

Change = Callable[[Any], None]


class Tampering(AioHttpTransport):
    """Changes requests after the SDK has signed them."""

    def __init__(self, change: Change) -> None:
        super().__init__()
        self._change = change

    async def send(self, request: Any, **options: Any) -> Any:
        self._change(request)
        return await super().send(request, **options)


def set_header(name: str, value: str) -> Change:
    def change(request: Any) -> None:
        request.headers[name] = value

    return change


def replace_in_url(old: str, new: str) -> Change:
    def change(request: Any) -> None:
        assert old in request.url
        request.url = request.url.replace(old, new)

    return change


def set_verb(request: Any) -> None:
    request.method = "DELETE"


def flip_signature(request: Any) -> None:
    scheme, _, signature = request.headers["Authorization"].partition(":")
    other = "A" if signature[0] != "A" else "B"
    request.headers["Authorization"] = f"{scheme}:{other}{signature[1:]}"


def other_account(request: Any) -> None:
    request.headers["Authorization"] = request.headers["Authorization"].replace(NAME, "someoneelse")


UPLOAD_CHANGES: dict[str, Change] = {
    "verb": set_verb,
    "signature": flip_signature,
    "account": other_account,
    "path": replace_in_url("/things/one", "/things/two"),
    "container": replace_in_url("/things/", "/others/"),
    "query": replace_in_url("/one", "/one?comp=metadata"),
    "content type": set_header("Content-Type", "text/evil"),
    "content encoding": set_header("Content-Encoding", "gzip"),
    "content language": set_header("Content-Language", "de"),
    "content md5": set_header("Content-MD5", "1B2M2Y8AsgTpgAmY7PhCfg=="),
    "if match": set_header("If-Match", "*"),
    "if modified": set_header("If-Modified-Since", "Sat, 01 Jan 2022 00:00:00 GMT"),
    "if unmodified": set_header("If-Unmodified-Since", "Sat, 01 Jan 2050 00:00:00 GMT"),
    "if none match": set_header("If-None-Match", '"0x1"'),
    "range": set_header("Range", "bytes=0-1"),
    "metadata": set_header("x-ms-meta-a", "2"),
    "more metadata": set_header("x-ms-meta-b", "2"),
    "blob type": set_header("x-ms-blob-type", "PageBlob"),
    "date": set_header("x-ms-date", format_datetime(datetime.now(UTC) - timedelta(minutes=1), usegmt=True)),
    "version": set_header("x-ms-version", "2020-10-02"),
}


async def upload_through(server: Server, change: Change) -> None:
    transport = Tampering(change)
    async with BlobServiceClient.from_connection_string(
        server.connection_string, retry_total=0, transport=transport
    ) as client:
        await client.get_blob_client("things", "one").upload_blob(
            b"data", metadata={"a": "1"}, overwrite=True
        )


async def test_an_untouched_request_passes(container: ContainerClient, server: Server) -> None:
    await upload_through(server, lambda request: None)
    assert await (await container.download_blob("one")).readall() == b"data"


@pytest.mark.parametrize("part", UPLOAD_CHANGES)
async def test_every_part_is_signed(container: ContainerClient, server: Server, part: str) -> None:
    with pytest.raises(ClientAuthenticationError) as refused:
        await upload_through(server, UPLOAD_CHANGES[part])
    assert refused.value.status_code == 403
    assert refused.value.error_code == "AuthenticationFailed"
    assert [blob.name async for blob in container.list_blobs()] == []


async def test_a_mismatch_shows_what_was_signed(container: ContainerClient, server: Server) -> None:
    with pytest.raises(ClientAuthenticationError) as refused:
        await upload_through(server, set_header("Content-Type", "text/other"))
    text = refused.value.message
    signed = re.search(r"string to sign: '(PUT\n.*)'", text, re.DOTALL)
    assert signed is not None
    assert "\ntext/other\n" in signed[1]
    assert f"/{NAME}/{NAME}/things/one" in signed[1]
    assert f"another key than the account {NAME}" in text


@pytest.mark.parametrize("minutes", [-16, 16])
async def test_a_skewed_clock_is_refused(server: Server, container: ContainerClient, minutes: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(minutes=minutes), usegmt=True)
    with pytest.raises(ClientAuthenticationError) as refused:
        await upload_through(server, set_header("x-ms-date", date))
    assert "Request date header too" in refused.value.message


async def test_the_second_key_signs_as_well(server: Server, container: ContainerClient) -> None:
    credential = {"account_name": NAME, "account_key": SECOND_KEY}
    async with BlobServiceClient(server.url, credential=credential) as client:
        assert [item.name async for item in client.list_containers()] == ["things"]
    wrong = {"account_name": NAME, "account_key": "d3Jvbmc="}
    async with BlobServiceClient(server.url, credential=wrong, retry_total=0) as client:
        with pytest.raises(ClientAuthenticationError):
            await client.create_container("another")


async def test_names_that_sort_differently_are_signed_alike(container: ContainerClient) -> None:
    metadata = {"a_b": "1", "ab": "2", "a1": "3", "a_1": "4", "aB_c": "5"}
    await container.upload_blob("sorted", b"", metadata=metadata)
    stored = (await container.get_blob_client("sorted").get_blob_properties()).metadata
    assert stored == metadata


async def test_without_credentials_there_is_nothing(server: Server, container: ContainerClient) -> None:
    async with BlobServiceClient(server.url, retry_total=0) as client:
        with pytest.raises(HttpResponseError) as refused:
            await client.get_container_client("things").get_container_properties()
    assert refused.value.status_code == 401
    assert refused.value.error_code == "NoAuthenticationInformation"


JOINED: dict[str, Change] = {
    "value": replace_in_url("blockid=MDAw&comp=block", "blockid=MDAw%0Acomp:block"),
    "value, by carriage return": replace_in_url("blockid=MDAw&comp=block", "blockid=MDAw%0D%0Acomp:block"),
    "name": replace_in_url("blockid=MDAw&comp=block", "blockid%0Acomp=block"),
    "colon": replace_in_url("comp=block", "comp:block"),
}


def reorder(request: Any) -> None:
    """The same parameters, in the order in which they are signed."""
    address, _, query = request.url.partition("?")
    request.url = f"{address}?{'&'.join(sorted(query.split('&')))}"


@pytest.mark.parametrize("way", JOINED)
async def test_parameters_are_not_joined_to_make_another_operation(
    container: ContainerClient, server: Server, way: str
) -> None:
    """Put Block From URL without `comp` is Copy Blob."""
    source = await container.upload_blob("source", b"data")

    def join(request: Any) -> None:
        reorder(request)
        JOINED[way](request)

    async with BlobServiceClient.from_connection_string(
        server.connection_string, retry_total=0, transport=Tampering(join)
    ) as client:
        blob = client.get_blob_client("things", "one")
        with pytest.raises(HttpResponseError) as refused:
            await blob.stage_block_from_url("000", f"{source.url}", source_offset=0, source_length=4)
    assert (refused.value.status_code, refused.value.error_code) == (400, "InvalidQueryParameterValue")
    assert "no signature can cover" in refused.value.message
    assert [blob.name async for blob in container.list_blobs()] == ["source"]
