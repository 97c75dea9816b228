"""CRC64 of what is sent and of ranges that are read."""

import base64

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobClient, ContainerClient

from batchite.wire.blob.crc64 import crc64


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
