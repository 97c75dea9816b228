"""A block list of the greatest length, of 100 GB: one block stored, and listed 50,000 times."""

import pytest
import sqlalchemy as sa
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobClient, ContainerClient
from tests.blobs.sdk import content, signed
from tests.blobs.server import Server

from batchite.store.blobs import schema

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

BLOCKS = 50_000
BLOCK_BYTES = 2 * 1024 * 1024


@pytest.fixture
async def large(container: ContainerClient) -> BlobClient:
    blob = container.get_blob_client("large")
    await blob.stage_block("block", content(BLOCK_BYTES))
    return blob


async def test_100_gigabytes_are_committed_as_they_lie_and_read_in_parts(
    large: BlobClient, server: Server
) -> None:
    """Whatever moved them, or went through them to a part, would be at it for minutes."""
    await large.commit_block_list([BlobBlock("block")] * BLOCKS)
    assert (await large.get_blob_properties()).size == BLOCKS * BLOCK_BYTES
    assert len(server.files.numbers()) == 1
    data = content(BLOCK_BYTES)
    middle = BLOCKS // 2 * BLOCK_BYTES
    for start in (0, middle - 5, BLOCKS * BLOCK_BYTES - 10):
        read = await (await large.download_blob(start, 10)).readall()
        at = start % BLOCK_BYTES
        assert read == (data + data)[at : at + 10]


async def test_100_gigabytes_of_shared_blocks(container: ContainerClient, server: Server) -> None:
    """Of one uploaded blob: 100 blocks that share it, listed 250 times each."""
    size = 4 * 1024 * 1024
    source = await container.upload_blob("source", content(size))
    blob = container.get_blob_client("shared")
    ids = [f"{number:03}" for number in range(100)]
    for block_id in ids:
        await blob.stage_block_from_url(block_id, signed(source))
    await blob.commit_block_list([BlobBlock(block_id) for block_id in ids * 250])
    assert (await blob.get_blob_properties()).size == 25_000 * size
    await source.delete_blob()
    read = await (await blob.download_blob(24_999 * size - 5, 10)).readall()
    assert read == content(size)[-5:] + content(size)[:5]
    await server.content.settle()
    assert len(server.files.numbers()) == 1


async def test_it_is_listed_committed_again_and_deleted(large: BlobClient, server: Server) -> None:
    await large.commit_block_list([BlobBlock("block")] * BLOCKS)
    committed, _ = await large.get_block_list("all")
    assert [block.size for block in committed] == [BLOCK_BYTES] * BLOCKS
    await large.commit_block_list([BlobBlock("block")] * 3)
    assert (await large.get_blob_properties()).size == 3 * BLOCK_BYTES
    await large.delete_blob()
    await server.content.settle()
    assert server.files.numbers() == set()
    left = sa.select(sa.func.count()).select_from(schema.ranges)
    assert await server.database.read(lambda connection: connection.execute(left).scalar_one()) == 0
