import base64
import io

import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import ContainerClient
from tests.blobs.sdk import content
from tests.blobs.server import Server


def listed(blocks: list[BlobBlock]) -> list[tuple[str, int]]:
    return [(block.id, block.size) for block in blocks]


async def test_a_blob_is_the_blocks_in_the_order_listed(container: ContainerClient) -> None:
    blob = container.get_blob_client("built")
    parts = {f"id-{n}": content(1000 * n) for n in range(1, 6)}
    for name, data in parts.items():
        await blob.stage_block(name, data)
    with pytest.raises(ResourceNotFoundError):
        await blob.get_blob_properties()
    committed, uncommitted = await blob.get_block_list("all")
    assert committed == []
    assert listed(uncommitted) == [(name, len(data)) for name, data in parts.items()]
    order = ["id-3", "id-1", "id-5", "id-1"]
    await blob.commit_block_list([BlobBlock(name) for name in order], metadata={"a": "b"})
    whole = b"".join(parts[name] for name in order)
    assert await (await blob.download_blob()).readall() == whole
    for offset, length in ((0, 10), (2990, 20), (3000, 1000), (3500, 5000), (len(whole) - 1, 1)):
        part = await blob.download_blob(offset=offset, length=length)
        assert await part.readall() == whole[offset : offset + length]
    committed, uncommitted = await blob.get_block_list("all")
    assert listed(committed) == [(name, len(parts[name])) for name in order]
    assert uncommitted == []
    assert (await blob.get_blob_properties()).metadata == {"a": "b"}


async def test_committed_blocks_can_be_used_again(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("built")
    for name in ("a", "b", "c"):
        await blob.stage_block(name, name.encode() * 20_000)
    await blob.commit_block_list([BlobBlock(name) for name in "abc"])
    await blob.stage_block("b", b"n" * 20_000)
    await blob.commit_block_list([BlobBlock("c"), BlobBlock("b"), BlobBlock("a")])
    written = await (await blob.download_blob()).readall()
    assert written == b"c" * 20_000 + b"n" * 20_000 + b"a" * 20_000
    await server.content.settle()
    assert len(server.files.numbers()) == 3


async def test_a_missing_block_changes_nothing(container: ContainerClient) -> None:
    blob = container.get_blob_client("built")
    await blob.upload_blob(b"before")
    await blob.stage_block("there", b"x")
    with pytest.raises(HttpResponseError) as refused:
        await blob.commit_block_list([BlobBlock("there"), BlobBlock("absent")])
    assert refused.value.status_code == 400
    assert refused.value.error_code == "InvalidBlockList"
    assert await (await blob.download_blob()).readall() == b"before"
    assert listed((await blob.get_block_list("uncommitted"))[1]) == [("there", 1)]


async def test_putting_a_blob_drops_what_was_staged(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("built")
    await blob.stage_block("a", content(100))
    await blob.upload_blob(b"whole")
    assert await blob.get_block_list("all") == ([], [])
    await server.content.settle()
    assert server.files.numbers() == set()


async def test_an_empty_list_makes_an_empty_blob(container: ContainerClient) -> None:
    blob = container.get_blob_client("built")
    await blob.commit_block_list([])
    assert await (await blob.download_blob()).readall() == b""


async def test_ids_of_one_blob_have_one_length(container: ContainerClient) -> None:
    blob = container.get_blob_client("built")
    await blob.stage_block("four", b"x")
    for other in ("longer-id", "fives", "six"):
        with pytest.raises(HttpResponseError) as refused:
            await blob.stage_block(other, b"x")
        assert (refused.value.status_code, refused.value.error_code) == (400, "InvalidBlobOrBlock")
    with pytest.raises(HttpResponseError) as invalid:
        await blob.stage_block(base64.b64encode(b"x" * 65).decode(), b"x")
    assert invalid.value.error_code == "InvalidBlockId"


async def test_ids_that_are_counted_end_with_the_ninth(container: ContainerClient) -> None:
    blob = container.get_blob_client("counted")
    for number in range(1, 10):
        await blob.stage_block(str(number), b"x")
    with pytest.raises(HttpResponseError) as refused:
        await blob.stage_block("10", b"x")
    assert (refused.value.status_code, refused.value.error_code) == (400, "InvalidBlobOrBlock")


async def test_a_large_upload_goes_by_blocks_in_parallel(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("large")
    data = content(6 * 1024 * 1024 + 5)
    blob._config.max_single_put_size = 1024 * 1024
    blob._config.max_block_size = 512 * 1024
    await blob.upload_blob(io.BytesIO(data), max_concurrency=4, validate_content=True)
    assert await (await blob.download_blob(max_concurrency=4)).readall() == data
    assert len((await blob.get_block_list())[0]) == 13
    await blob.delete_blob()
    await server.content.settle()
    assert server.files.numbers() == set()
