"""CRC64 of what is sent and of ranges that are read."""

import base64

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobClient, ContainerClient
from tests.blobs.server import Server
from tests.blobs.test_hostile import call

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
