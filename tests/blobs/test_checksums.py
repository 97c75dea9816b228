"""CRC64 of what is sent and of ranges that are read."""

import base64

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, ContentSettings
from azure.storage.blob.aio import BlobClient, ContainerClient
from tests.blobs.by_hand import PUT, WRITES, call, exchange, signed
from tests.blobs.server import NAME, Server
from tests.blobs.test_conditional import calling

from batchite.wire.blob.crc64 import crc64
from batchite.wire.blob.headers import md5_of


def header(data: bytes) -> dict[str, str]:
    return {"x-ms-content-crc64": base64.b64encode(crc64(data)).decode()}


@pytest.fixture
async def blob(container: ContainerClient) -> BlobClient:
    return container.get_blob_client("b")


async def test_a_right_checksum_is_accepted(blob: BlobClient) -> None:
    await blob.upload_blob(b"whole", headers=header(b"whole"))
    await blob.stage_block("YQ==", b"block", headers=header(b"block"))
    await blob.commit_block_list([BlobBlock("YQ==")])
    assert await (await blob.download_blob()).readall() == b"block"


async def test_a_wrong_checksum_stores_nothing(blob: BlobClient) -> None:
    for send in (
        lambda: blob.upload_blob(b"whole", headers=header(b"other")),
        lambda: blob.stage_block("YQ==", b"block", headers=header(b"other")),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await send()
        assert refused.value.error_code == "Crc64Mismatch"
    assert not await blob.exists()


async def test_a_wrong_checksum_appends_and_writes_nothing(container: ContainerClient) -> None:
    log, disk = container.get_blob_client("log"), container.get_blob_client("disk")
    await log.create_append_blob()
    await disk.create_page_blob(512)
    for send in (
        lambda: log.append_block(b"x", headers=header(b"y")),
        lambda: disk.upload_page(b"x" * 512, 0, 512, headers=header(b"y")),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await send()
        assert refused.value.error_code == "Crc64Mismatch"
    assert await (await log.download_blob()).readall() == b""
    assert await (await disk.download_blob()).readall() == bytes(512)


async def test_the_checksum_of_a_range_is_told(blob: BlobClient) -> None:
    await blob.upload_blob(b"0123456789")
    seen = {}
    await blob.download_blob(
        offset=2, length=3, headers={"x-ms-range-get-content-crc64": "true"},
        raw_response_hook=lambda response: seen.update(response.http_response.headers),
    )  # fmt: skip
    assert seen["x-ms-content-crc64"] == header(b"234")["x-ms-content-crc64"]


@pytest.mark.parametrize(
    ("verb_and_path", "document"),
    [
        ("PUT /things/b?comp=blocklist", b"<BlockList></BlockList>"),
        ("PUT /things/kept?comp=tags", b"<Tags><TagSet/></Tags>"),
        ("PUT /things?restype=container&comp=acl", b"<SignedIdentifiers/>"),
        ("PUT ?restype=service&comp=properties", b"<StorageServiceProperties/>"),
    ],
)
@pytest.mark.parametrize("name", ["x-ms-content-crc64", "Content-MD5"])
async def test_the_checksum_of_a_document_is_compared(
    container: ContainerClient, server: Server, verb_and_path: str, document: bytes, name: str
) -> None:
    await container.upload_blob("kept", b"x", tags={"a": "1"})
    verb, _, path = verb_and_path.partition(" ")
    path = path if path.startswith("/") else f"/{path}"
    right, wrong = (
        header(data)["x-ms-content-crc64"]
        if name != "Content-MD5"
        else base64.b64encode(md5_of(data)).decode()
        for data in (document, b"other")
    )
    code = "Md5Mismatch" if name == "Content-MD5" else "Crc64Mismatch"
    assert await call(server, verb, path, {name: wrong}, document) == (400, code)
    assert [blob.name async for blob in container.list_blobs()] == ["kept"]
    assert await container.get_blob_client("kept").get_blob_tags() == {"a": "1"}
    assert (await call(server, verb, path, {name: right}, document))[0] < 300


def md5(data: bytes) -> str:
    return base64.b64encode(md5_of(data)).decode()


@pytest.mark.parametrize("name", WRITES)
async def test_every_answer_tells_the_crc64_and_an_md5_that_was_given(
    written: ContainerClient, server: Server, name: str
) -> None:
    path, headers, body = WRITES[name]
    path = f"/{NAME}{path}"
    for given in ({}, {"Content-MD5": md5(body)}, header(body)):
        sent = signed("PUT", path, {**headers, **given, "Content-Length": str(len(body))})
        told = (await exchange(server, "PUT", path, sent, body)).decode().split("\r\n")
        assert "201" in told[0]
        assert f"x-ms-content-crc64: {header(body)['x-ms-content-crc64']}" in told
        assert (f"content-md5: {md5(body)}" in told) == ("Content-MD5" in given or name == "Put Blob")


@pytest.mark.parametrize("name", WRITES)
async def test_both_checksums_at_once_are_refused_and_so_is_half_a_crc64(
    written: ContainerClient, server: Server, name: str
) -> None:
    path, headers, body = WRITES[name]
    both = {"Content-MD5": md5(body), **header(body)}
    assert await call(server, "PUT", path, {**headers, **both}, body) == (400, "BothCrc64AndMd5HeaderPresent")
    for text, code in (
        ("YWJjZA==", "InvalidHeaderValue"),
        ("%", "InvalidHeaderValue"),
        (md5(b""), "Crc64Mismatch"),
    ):
        wrong = {**headers, "x-ms-content-crc64": text}
        assert await call(server, "PUT", path, wrong, body) == (400, code)


async def test_the_md5_of_a_blob_goes_before_that_of_the_body(
    container: ContainerClient, server: Server
) -> None:
    right, wrong = md5(b"data"), md5(b"other")
    for of_blob, of_body, expected in ((right, wrong, (201, "")), (wrong, right, (400, "Md5Mismatch"))):
        headers = {**PUT, "x-ms-blob-content-md5": of_blob, "Content-MD5": of_body}
        assert await call(server, "PUT", "/things/b", headers, b"data") == expected
    found = await container.get_blob_client("b").get_blob_properties()
    assert bytes(found.content_settings.content_md5) == md5_of(b"data")


async def test_an_md5_that_is_only_a_property_is_whatever_the_client_says(
    container: ContainerClient, server: Server
) -> None:
    blob = await container.upload_blob("b", b"data")
    for digest in (b"short", md5_of(b"other"), b"rather long for a digest"):
        await blob.set_http_headers(ContentSettings(content_md5=bytearray(digest)))
        assert bytes((await blob.get_blob_properties()).content_settings.content_md5) == digest
    refused = await call(server, "PUT", "/things/b?comp=properties", {"x-ms-blob-content-md5": "%"})
    assert refused == (400, "InvalidMd5")


@pytest.mark.parametrize("size", [0, 100, 100_000])
async def test_a_copy_from_url_tells_an_md5_to_whoever_gave_one(
    container: ContainerClient, server: Server, size: int
) -> None:
    data = b"d" * size
    await container.upload_blob("source", data)
    async with calling(server) as caller:
        copying = {"x-ms-copy-source": caller.address("source"), "x-ms-requires-sync": "true"}
        for given in ({}, {"x-ms-source-content-md5": md5(data)}):
            status, answer = await caller.call("PUT", "copy", headers={**copying, **given})
            assert (status, answer.get("Content-MD5")) == (202, md5(data) if given else None)
            assert answer["x-ms-content-crc64"] == header(data)["x-ms-content-crc64"]
