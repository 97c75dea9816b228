"""What describes a blob (metadata, properties, tags, tier) may come with every part of an upload."""

import pytest
from azure.storage.blob import BlobType, ContentSettings
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.by_hand import call
from tests.blobs.server import Server

DATA = b"0123456789abcdef" * 96
DESCRIPTIONS = {
    "x-ms-meta-a": "b",
    "x-ms-blob-content-type": "text/plain",
    "x-ms-blob-content-encoding": "gzip",
    "x-ms-blob-content-length": "512",
    "x-ms-tags": "a=b",
    "x-ms-access-tier": "Cool",
}


@pytest.mark.parametrize("kind", [BlobType.BlockBlob, BlobType.AppendBlob, BlobType.PageBlob])
async def test_an_upload_in_parts_is_described_once(server: Server, kind: BlobType) -> None:
    async with BlobServiceClient.from_connection_string(
        server.connection_string,
        retry_total=0,
        max_single_put_size=512,
        max_block_size=512,
        max_page_size=512,
    ) as client:
        container = await client.create_container("things")
        blob = await container.upload_blob(
            "b",
            DATA,
            kind,
            metadata={"Owner": "me"},
            content_settings=ContentSettings(content_type="text/plain", content_language="de"),
            tags={"color": "red"},
        )
        found = await blob.get_blob_properties()
        assert (found.size, found.metadata, found.tag_count) == (len(DATA), {"Owner": "me"}, 1)
        assert (found.content_settings.content_type, found.content_settings.content_language) == (
            "text/plain", "de",
        )  # fmt: skip
        assert await (await blob.download_blob()).readall() == DATA


@pytest.mark.parametrize(
    ("path", "headers", "body", "status"),
    [
        ("/things/block?comp=block&blockid=AAAA", {}, b"x", 201),
        ("/things/log?comp=appendblock", {}, b"x", 201),
        (
            "/things/disk?comp=page",
            {"x-ms-range": "bytes=0-511", "x-ms-page-write": "update"},
            b"x" * 512,
            201,
        ),
        ("/things/log?comp=seal", {}, b"", 200),
        ("/things/block?comp=tags", {}, b"<Tags><TagSet/></Tags>", 204),
        ("/things/block?comp=lease", {"x-ms-lease-action": "break"}, b"", 409),
        ("/things?restype=container&comp=acl", {}, b"", 200),
    ],
)
async def test_an_operation_that_knows_them_not_leaves_them_alone(
    container: ContainerClient, server: Server, path: str, headers: dict[str, str], body: bytes, status: int
) -> None:
    block, log, disk = (container.get_blob_client(name) for name in ("block", "log", "disk"))
    await block.upload_blob(b"as it was")
    await log.create_append_blob()
    await disk.create_page_blob(1024)
    assert (await call(server, "PUT", path, {**DESCRIPTIONS, **headers}, body))[0] == status
    for blob in (block, log, disk):
        found = await blob.get_blob_properties()
        assert (found.metadata, found.content_settings.content_type) == ({}, "application/octet-stream")
        assert await blob.get_blob_tags() == {}
    assert (await disk.get_blob_properties()).size == 1024
