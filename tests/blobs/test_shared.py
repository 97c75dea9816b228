"""Blocks, appends and pages from blobs of the same service: content is shared, no byte is copied."""

import hashlib

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobBlock, BlobType
from azure.storage.blob.aio import BlobClient, ContainerClient
from tests.blobs.sdk import content, read, signed
from tests.blobs.server import Server

from batchite.blobs import blocks
from batchite.blobs.checking import check

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

LARGE = 3_000_000
MIB = 1024 * 1024
LONG = 3 * MIB - 10


async def all_is_well(server: Server, contents: int) -> None:
    await server.content.settle()
    report = await check(server.database, server.files, lambda _: None)
    assert (report.damages, report.contents, report.leftovers) == ((), contents, 0)


@pytest.fixture
async def source(container: ContainerClient) -> BlobClient:
    return await container.upload_blob("source", content(LARGE))


async def test_blocks_share_the_source(
    container: ContainerClient, source: BlobClient, server: Server
) -> None:
    blob = container.get_blob_client("copy")
    stretches = {"a": (1_000_000, 2_000_000), "b": (0, 10), "c": (0, LARGE)}
    for block_id, (start, length) in stretches.items():
        await blob.stage_block_from_url(block_id, signed(source), source_offset=start, source_length=length)
    assert len(server.files.numbers()) == 1
    _, staged = await blob.get_block_list("all")
    assert {block.id: block.size for block in staged} == {name: at[1] for name, at in stretches.items()}
    await source.delete_blob()
    await all_is_well(server, 1)
    await blob.commit_block_list([BlobBlock(block_id) for block_id in "cab"])
    data = content(LARGE)
    assert await read(blob) == data + data[1_000_000:] + data[:10]
    await blob.delete_blob()
    await all_is_well(server, 0)


async def test_a_block_of_several_pieces_stays_one_block(container: ContainerClient, server: Server) -> None:
    source, blob = container.get_blob_client("source"), container.get_blob_client("copy")
    parts = [bytes([number]) * (MIB + number) for number in range(3)]
    for number, part in enumerate(parts):
        await source.stage_block(str(number), part)
    await source.commit_block_list([BlobBlock(str(number)) for number in range(3)])
    for block_id in ("x", "y"):
        await blob.stage_block_from_url(block_id, signed(source), source_offset=5, source_length=LONG)
    await blob.stage_block("z", b"z" * 20_000)
    await blob.commit_block_list([BlobBlock(block_id) for block_id in "xxzy"])
    shared = b"".join(parts)[5 : 5 + LONG]
    assert await read(blob) == shared + shared + b"z" * 20_000 + shared
    committed, _ = await blob.get_block_list("all")
    sizes = {"x": LONG, "y": LONG, "z": 20_000}
    assert [(block.id, block.size) for block in committed] == [(name, sizes[name]) for name in "xxzy"]
    await blob.commit_block_list([BlobBlock(block_id) for block_id in "zx"])
    assert await read(blob) == b"z" * 20_000 + shared
    await all_is_well(server, 4)


async def test_what_lies_in_many_small_pieces_is_copied(container: ContainerClient, server: Server) -> None:
    log, blob = container.get_blob_client("log"), container.get_blob_client("copy")
    await log.create_append_blob()
    for number in range(20):
        await log.append_block(bytes([number]) * 2000)
    await blob.stage_block_from_url("a", signed(log))
    await blob.commit_block_list([BlobBlock("a")])
    await log.delete_blob()
    assert await read(blob) == b"".join(bytes([number]) * 2000 for number in range(20))
    await all_is_well(server, 1)


async def test_a_small_blob_and_its_block_go_their_own_ways(
    container: ContainerClient, server: Server
) -> None:
    source = await container.upload_blob("source", b"small")
    blob = container.get_blob_client("copy")
    await blob.stage_block_from_url("a", signed(source))
    await source.delete_blob()
    await blob.commit_block_list([BlobBlock("a")])
    assert await read(blob) == b"small"


async def test_appends_and_pages_share_too(
    container: ContainerClient, source: BlobClient, server: Server
) -> None:
    data = content(LARGE)
    log, disk = container.get_blob_client("log"), container.get_blob_client("disk")
    await log.create_append_blob()
    for start in (7, 0):
        await log.append_block_from_url(signed(source), source_offset=start, source_length=1_000_000)
    await disk.create_page_blob(8 * MIB)
    await disk.upload_pages_from_url(signed(source), offset=512, length=MIB, source_offset=100)
    await disk.upload_pages_from_url(signed(disk), offset=4 * MIB, length=4 * MIB, source_offset=0)
    pages = bytes(512) + data[100 : 100 + MIB] + bytes(3 * MIB - 512)
    assert await read(log) == data[7:1_000_007] + data[:1_000_000]
    assert await read(disk) == pages + pages
    await source.delete_blob()
    await all_is_well(server, 1)


async def test_zeros_of_a_page_blob_are_shared_as_zeros(container: ContainerClient, server: Server) -> None:
    disk = container.get_blob_client("disk")
    await disk.create_page_blob(64 * MIB)
    await disk.upload_page(b"p" * 512, 32 * MIB, 512)
    expected = bytes(32 * MIB) + b"p" * 512 + bytes(32 * MIB - 512)
    listed, whole, log = (container.get_blob_client(name) for name in ("listed", "whole", "log"))
    await listed.stage_block_from_url("a", signed(disk))
    await listed.stage_block_from_url("b", signed(disk), source_offset=0, source_length=MIB)
    await listed.commit_block_list([BlobBlock("b"), BlobBlock("a"), BlobBlock("b")])
    await whole.upload_blob_from_url(signed(disk))
    await log.create_append_blob()
    await log.append_block_from_url(signed(disk))
    assert await read(listed) == bytes(MIB) + expected + bytes(MIB)
    assert (await read(whole), await read(log)) == (expected, expected)
    other = container.get_blob_client("other")
    await other.create_page_blob(MIB)
    await other.upload_pages_from_url(signed(listed), offset=0, length=512, source_offset=0)
    written = [(pages.start, pages.end) async for pages in other.list_page_ranges()]
    assert written == [(0, 511)]
    await disk.delete_blob()
    await all_is_well(server, 1)


async def test_the_checksum_of_a_whole_source_is_told(container: ContainerClient, source: BlobClient) -> None:
    copy, other = container.get_blob_client("copy"), container.get_blob_client("other")
    sent = await other.stage_block("a", content(LARGE), validate_content=False)
    whole = await copy.stage_block_from_url("a", signed(source))
    assert whole["content_crc64"] == sent["content_crc64"]
    part = await copy.stage_block_from_url("b", signed(source), source_offset=0, source_length=10)
    assert part["content_crc64"] is None


async def test_a_checksum_that_is_given_is_compared(container: ContainerClient, source: BlobClient) -> None:
    copy = container.get_blob_client("copy")
    digest = hashlib.md5(content(LARGE), usedforsecurity=False).digest()
    await copy.stage_block_from_url("a", signed(source), source_content_md5=digest)
    with pytest.raises(HttpResponseError) as refused:
        await copy.stage_block_from_url("b", signed(source), source_content_md5=bytes(16))
    assert refused.value.error_code == "Md5Mismatch"


async def test_what_is_too_long_or_nothing_is_refused(container: ContainerClient) -> None:
    disk, empty = container.get_blob_client("disk"), container.get_blob_client("empty")
    await disk.create_page_blob(blocks.MAX_BLOCK_BYTES + 512)
    await empty.upload_blob(b"", blob_type=BlobType.BLOCKBLOB)
    copy = container.get_blob_client("copy")
    for source, code in ((disk, "RequestBodyTooLarge"), (empty, "InvalidHeaderValue")):
        with pytest.raises(HttpResponseError) as refused:
            await copy.stage_block_from_url("a", signed(source))
        assert refused.value.error_code == code
    with pytest.raises(HttpResponseError) as behind:
        await copy.stage_block_from_url("a", signed(empty), source_offset=0, source_length=10)
    assert behind.value.error_code == "InvalidRange"


async def test_a_list_does_not_grow_beyond_measure(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "MAX_RANGES", 5)
    disk, blob = container.get_blob_client("disk"), container.get_blob_client("blob")
    await disk.create_page_blob(4 * MIB)
    await disk.upload_page(b"p" * 512, MIB, 512)
    await blob.stage_block_from_url("a", signed(disk))
    await blob.commit_block_list([BlobBlock("a")])
    with pytest.raises(HttpResponseError) as refused:
        await blob.commit_block_list([BlobBlock("a")] * 2)
    assert refused.value.error_code == "InvalidBlockList"


async def test_the_number_of_staged_blocks_is_bounded(
    container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "MAX_STAGED", 2)
    blob = container.get_blob_client("blob")
    for block_id in ("a", "b", "a"):
        await blob.stage_block(block_id, b"x")
    with pytest.raises(HttpResponseError) as refused:
        await blob.stage_block("c", b"x")
    assert refused.value.error_code == "BlockCountExceedsLimit"
    await blob.commit_block_list([BlobBlock("a")])
    await blob.stage_block("c", b"x")
