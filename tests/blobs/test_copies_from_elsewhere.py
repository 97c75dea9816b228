"""Copies and content from another service, which is an origin that has to be allowed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, ContentSettings, StandardBlobTier
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.sdk import read, signed
from tests.blobs.server import Server, serving
from tests.blobs.test_copies import BIG, PAGE, refuse_archived

from batchite.blobs.checking import check
from batchite.blobs.copying import AT_ONCE

FAR = ContentSettings(content_type="text/x-far")


@pytest.fixture
async def elsewhere(tmp_path: Path, empty_database: bytes) -> AsyncIterator[BlobClient]:
    """A blob of a service that is another origin."""
    directory = tmp_path / "elsewhere"
    directory.mkdir()
    (directory / "blobs.db").write_bytes(empty_database)
    async with (
        serving(directory) as other,
        BlobServiceClient.from_connection_string(other.connection_string, retry_total=0) as client,
    ):
        there = await client.create_container("there")
        yield await there.upload_blob("far", BIG, metadata={"Kind": "far"}, content_settings=FAR)


@pytest.fixture
async def allowing(tmp_path: Path, empty_database: bytes, elsewhere: BlobClient) -> AsyncIterator[Server]:
    """A service that may copy from there."""
    directory = tmp_path / "allowing"
    directory.mkdir()
    (directory / "blobs.db").write_bytes(empty_database)
    async with serving(directory, origins=(elsewhere.url.partition("/devstoreaccount1")[0],)) as server:
        yield server


@pytest.fixture
async def here(allowing: Server) -> AsyncIterator[ContainerClient]:
    async with BlobServiceClient.from_connection_string(allowing.connection_string, retry_total=0) as client:
        yield await client.create_container("here")


async def test_other_origins_are_refused_unless_allowed(
    container: ContainerClient, elsewhere: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    for way in (copy.start_copy_from_url, copy.upload_blob_from_url):
        with pytest.raises(HttpResponseError) as refused:
            await way(signed(elsewhere))
        assert refused.value.status_code == 403
        assert "copy_origins" in str(refused.value)


async def test_a_copy_from_another_origin_goes_on_by_itself(
    allowing: Server, here: ContainerClient, elsewhere: BlobClient
) -> None:
    copy = here.get_blob_client("copy")
    started = await copy.start_copy_from_url(signed(elsewhere))
    assert started["copy_status"] == "pending"
    await allowing.app.copying.settle()
    found = await copy.get_blob_properties()
    assert (found.copy.status, found.copy.id) == ("success", started["copy_id"])
    assert "sig=" not in found.copy.source
    assert (found.metadata, found.content_settings.content_type) == ({"Kind": "far"}, "text/x-far")
    assert await read(copy) == BIG


async def test_content_from_another_origin_is_taken_in_while_the_client_waits(
    here: ContainerClient, elsewhere: BlobClient
) -> None:
    copy = here.get_blob_client("copy")
    await copy.upload_blob_from_url(signed(elsewhere))
    assert await read(copy) == BIG
    await copy.stage_block_from_url("YQ==", signed(elsewhere), source_offset=5, source_length=10)
    await copy.commit_block_list([BlobBlock("YQ==")])
    assert await read(copy) == BIG[5:15]
    await copy.start_copy_from_url(signed(elsewhere), requires_sync=True)
    assert await read(copy) == BIG


async def test_a_copy_whose_source_cannot_be_read_says_so_at_once(
    here: ContainerClient, elsewhere: BlobClient
) -> None:
    copy = here.get_blob_client("copy")
    with pytest.raises(HttpResponseError) as refused:
        await copy.start_copy_from_url(elsewhere.url)
    assert (refused.value.status_code, refused.value.error_code) == (401, "CannotVerifyCopySource")
    assert not await copy.exists()


async def test_a_copy_is_sealed_as_its_source_is_or_as_the_request_says(
    allowing: Server, here: ContainerClient, elsewhere: BlobClient
) -> None:
    for where in (here.get_blob_client("log"), sibling(elsewhere, "log")):
        await where.create_append_blob()
        await where.append_block(b"one")
        for sealed in (False, True):
            if sealed:
                await where.seal_append_blob()
            for wish, expected in ((None, sealed), (True, True), (False, False)):
                copy = here.get_blob_client(f"{sealed}-{wish}")
                await copy.start_copy_from_url(signed(where), seal_destination_blob=wish)
                await allowing.app.copying.settle()
                assert bool((await copy.get_blob_properties()).is_append_blob_sealed) is expected


async def test_an_append_blob_from_another_origin_can_be_appended_to(
    allowing: Server, here: ContainerClient, elsewhere: BlobClient
) -> None:
    there = sibling(elsewhere, "log")
    await there.create_append_blob(metadata={"Kind": "log"})
    for number in range(3):
        await there.append_block(bytes([number]) * 9000)
    copy = here.get_blob_client("copy")
    await copy.start_copy_from_url(signed(there))
    await allowing.app.copying.settle()
    found = await copy.get_blob_properties()
    assert (found.blob_type, found.append_blob_committed_block_count) == ("AppendBlob", 3)
    assert (found.copy.status, found.metadata) == ("success", {"Kind": "log"})
    await copy.append_block(b"more")
    assert await read(copy) == await read(there) + b"more"
    other = here.get_blob_client("other")
    await other.start_copy_from_url(signed(there), seal_destination_blob=True)
    await allowing.app.copying.settle()
    assert (await other.get_blob_properties()).is_append_blob_sealed


def sibling(blob: BlobClient, name: str) -> BlobClient:
    """Another blob of the same container, to be closed by whoever closes that one."""
    return blob._get_container_client().get_blob_client(name)


async def test_a_page_blob_from_another_origin_brings_what_was_written_only(
    allowing: Server, here: ContainerClient, elsewhere: BlobClient
) -> None:
    there = sibling(elsewhere, "disk")
    size = 1024**4
    await there.create_page_blob(size, sequence_number=7)
    for start in (512, 1024**3, size - 512):
        await there.upload_page(PAGE, start, 512)
    copy, empty = here.get_blob_client("copy"), here.get_blob_client("empty")
    await copy.start_copy_from_url(signed(there))
    await allowing.app.copying.settle()
    found = await copy.get_blob_properties()
    assert (found.blob_type, found.size, found.page_blob_sequence_number) == ("PageBlob", size, 7)
    assert (found.copy.status, found.copy.progress) == ("success", f"{size}/{size}")
    written = [(pages.start, pages.end) async for pages in copy.list_page_ranges()]
    assert written == [(512, 1023), (1024**3, 1024**3 + 511), (size - 512, size - 1)]
    for start in (0, 1024**3 - 512, size - 1024):
        part = await (await copy.download_blob(start, 1024)).readall()
        assert part == bytes(512) + PAGE
    assert (await check(allowing.database, allowing.files, lambda _: None)).damages == ()
    await there.create_page_blob(1024)
    await empty.start_copy_from_url(signed(there))
    await allowing.app.copying.settle()
    assert await read(empty) == bytes(1024)
    with pytest.raises(HttpResponseError) as refused:
        await copy.start_copy_from_url(signed(there), standard_blob_tier=StandardBlobTier.COOL)
    assert refused.value.error_code == "InvalidBlobType"


async def test_a_source_that_was_changed_meanwhile_fails_the_copy(
    allowing: Server, here: ContainerClient, elsewhere: BlobClient
) -> None:
    for _ in range(AT_ONCE):  # their places are taken: the next one waits
        await allowing.app.copying._places.acquire()
    copy = here.get_blob_client("copy")
    await copy.start_copy_from_url(signed(elsewhere))
    await elsewhere.upload_blob(b"other", overwrite=True)
    for _ in range(AT_ONCE):
        allowing.app.copying._places.release()
    await allowing.app.copying.settle()
    found = await copy.get_blob_properties()
    assert (found.copy.status, found.size) == ("failed", 0)
    assert "412" in (found.copy.status_description or "")


async def test_an_archived_blob_of_another_service_cannot_be_read(
    here: ContainerClient, elsewhere: BlobClient
) -> None:
    await refuse_archived(elsewhere, here.get_blob_client("copy"))
