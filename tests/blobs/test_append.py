import pytest
from azure.core.exceptions import HttpResponseError, ResourceModifiedError
from azure.storage.blob import BlobType
from azure.storage.blob.aio import ContainerClient
from tests.blobs.sdk import code
from tests.blobs.server import Server


async def test_what_is_appended_is_what_one_gets(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("log")
    await blob.create_append_blob(metadata={"kind": "log"})
    assert await (await blob.download_blob()).readall() == b""
    expected = b""
    for number, size in enumerate((1, 10, 16 * 1024, 20_000, 5, 600_000, 1), 1):
        data = bytes([number]) * size
        answer = await blob.append_block(data)
        assert answer["blob_append_offset"] == str(len(expected))
        assert answer["blob_committed_block_count"] == number
        expected += data
    assert await (await blob.download_blob()).readall() == expected
    part = await blob.download_blob(offset=16_000, length=30_000)
    assert await part.readall() == expected[16_000:46_000]
    properties = await blob.get_blob_properties()
    assert properties.blob_type == BlobType.APPENDBLOB
    assert properties.append_blob_committed_block_count == 7
    assert properties.metadata == {"kind": "log"}
    await blob.delete_blob()
    await server.content.settle()
    assert await server.content.storage.stored() == set()


async def test_snapshots_and_what_is_appended_later(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("log")
    await blob.create_append_blob()
    await blob.append_block(b"a" * 20_000)
    old = container.get_blob_client("log", snapshot=(await blob.create_snapshot())["snapshot"])
    await blob.append_block(b"b" * 20_000)
    assert await (await old.download_blob()).readall() == b"a" * 20_000
    assert (await old.get_blob_properties()).append_blob_committed_block_count == 1
    await blob.create_append_blob()
    assert (await blob.get_blob_properties()).size == 0
    assert await (await old.download_blob()).readall() == b"a" * 20_000
    await blob.delete_blob(delete_snapshots="include")
    await server.content.settle()
    assert await server.content.storage.stored() == set()


async def test_conditions_of_place_and_size(container: ContainerClient) -> None:
    blob = container.get_blob_client("log")
    await blob.create_append_blob()
    await blob.append_block(b"12345", appendpos_condition=0, maxsize_condition=5)
    with pytest.raises(HttpResponseError) as refused:
        await blob.append_block(b"6", appendpos_condition=4)
    assert code(refused) == (412, "AppendPositionConditionNotMet")
    with pytest.raises(HttpResponseError) as refused:
        await blob.append_block(b"6", maxsize_condition=5)
    assert code(refused) == (412, "MaxBlobSizeConditionNotMet")
    assert (await blob.get_blob_properties()).size == 5


async def test_a_sealed_blob_takes_no_more(container: ContainerClient) -> None:
    blob = container.get_blob_client("log")
    await blob.create_append_blob()
    await blob.append_block(b"end")
    await blob.seal_append_blob()
    with pytest.raises(HttpResponseError) as refused:
        await blob.append_block(b"more")
    assert code(refused) == (409, "BlobIsSealed")
    assert (await blob.get_blob_properties()).is_append_blob_sealed


async def test_types_are_not_mixed(container: ContainerClient) -> None:
    block = container.get_blob_client("block")
    await block.upload_blob(b"x")
    with pytest.raises(HttpResponseError) as refused:
        await block.append_block(b"more")
    assert code(refused) == (409, "InvalidBlobType")
    log = container.get_blob_client("log")
    await log.create_append_blob()
    for call in (log.stage_block("AAAA", b"x"), log.commit_block_list([]), log.get_block_list()):
        with pytest.raises(HttpResponseError) as refused:
            await call
        assert code(refused) == (409, "InvalidBlobType")
    await log.create_snapshot()
    with pytest.raises(HttpResponseError) as refused:
        await log.upload_blob(b"x", overwrite=True, blob_type=BlobType.BLOCKBLOB)
    assert code(refused) == (409, "SnapshotsPresent")


async def test_wrong_md5_changes_nothing(container: ContainerClient) -> None:
    blob = container.get_blob_client("log")
    await blob.create_append_blob()
    await blob.append_block(b"right", validate_content=True)
    with pytest.raises(HttpResponseError) as refused:
        await blob.append_block(b"wrong", headers={"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="})
    assert code(refused) == (400, "Md5Mismatch")
    assert await (await blob.download_blob()).readall() == b"right"


async def test_an_etag_guards_appending(container: ContainerClient) -> None:
    from azure.core import MatchConditions

    blob = container.get_blob_client("log")
    first = (await blob.create_append_blob())["etag"]
    await blob.append_block(b"1", etag=first, match_condition=MatchConditions.IfNotModified)
    with pytest.raises(ResourceModifiedError):
        await blob.append_block(b"2", etag=first, match_condition=MatchConditions.IfNotModified)
