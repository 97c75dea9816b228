import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob import BlobType, SequenceNumberAction
from azure.storage.blob.aio import BlobClient, ContainerClient
from tests.blobs.sdk import code
from tests.blobs.server import Server

PAGE = 512


@pytest.fixture
async def disk(container: ContainerClient) -> BlobClient:
    blob = container.get_blob_client("disk")
    await blob.create_page_blob(8 * PAGE)
    return blob


def page(letter: bytes, count: int = 1) -> bytes:
    return letter * PAGE * count


async def content(blob: BlobClient) -> str:
    """A letter for each page, - for zeros."""
    data = await (await blob.download_blob()).readall()
    pages = [data[at : at + PAGE] for at in range(0, len(data), PAGE)]
    assert all(len(set(one)) == 1 for one in pages)
    return "".join(chr(one[0]) if one[0] else "-" for one in pages)


async def ranges(
    blob: BlobClient, *, since: str | None = None, **how: int
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """Written and cleared pages, first and behind the last."""
    found = [one async for one in blob.list_page_ranges(previous_snapshot=since, **how)]
    written = [(one.start // PAGE, (one.end + 1) // PAGE) for one in found if not one.cleared]
    return written, [(one.start // PAGE, (one.end + 1) // PAGE) for one in found if one.cleared]


async def test_pages_are_written_over_and_cleared(disk: BlobClient, server: Server) -> None:
    assert await content(disk) == "--------"
    await disk.upload_page(page(b"a", 4), offset=2 * PAGE, length=4 * PAGE)
    assert await content(disk) == "--aaaa--"
    await disk.upload_page(page(b"b", 2), offset=3 * PAGE, length=2 * PAGE)
    assert await content(disk) == "--abba--"
    await disk.clear_page(offset=4 * PAGE, length=2 * PAGE)
    assert await content(disk) == "--ab----"
    await disk.upload_page(page(b"c"), offset=0, length=PAGE)
    assert await content(disk) == "c-ab----"
    assert await ranges(disk) == ([(0, 1), (2, 4)], [])
    part = await disk.download_blob(offset=PAGE, length=2 * PAGE)
    assert await part.readall() == page(b"\0") + page(b"a")
    properties = await disk.get_blob_properties()
    assert (properties.blob_type, properties.size) == (BlobType.PAGEBLOB, 8 * PAGE)
    await disk.delete_blob()
    await server.content.settle()
    assert await server.content.storage.stored() == set()


async def test_large_pages_leave_the_disk_when_nothing_has_them(disk: BlobClient, server: Server) -> None:
    await disk.resize_blob(1000 * PAGE)
    for letter in (b"a", b"b"):
        await disk.upload_page(page(letter, 1000), offset=0, length=1000 * PAGE)
    await server.content.settle()
    assert len(await server.content.storage.stored()) == 1
    await disk.clear_page(offset=0, length=1000 * PAGE)
    await server.content.settle()
    assert await server.content.storage.stored() == set()


async def test_a_snapshot_stays_as_it_was(disk: BlobClient, container: ContainerClient) -> None:
    await disk.upload_page(page(b"a", 4), offset=0, length=4 * PAGE)
    taken = (await disk.create_snapshot())["snapshot"]
    snapshot = container.get_blob_client("disk", snapshot=taken)
    await disk.upload_page(page(b"b"), offset=PAGE, length=PAGE)
    await disk.clear_page(offset=3 * PAGE, length=PAGE)
    await disk.upload_page(page(b"c"), offset=6 * PAGE, length=PAGE)
    assert await content(snapshot) == "aaaa----"
    assert await content(disk) == "aba---c-"
    assert await ranges(disk, since=taken) == ([(1, 2), (6, 7)], [(3, 4)])
    await disk.resize_blob(2 * PAGE)
    await disk.resize_blob(8 * PAGE)
    assert await content(disk) == "ab------"
    assert await content(snapshot) == "aaaa----"


async def test_what_was_cleared_since_a_snapshot_is_told_whatever_it_was_before(
    disk: BlobClient, container: ContainerClient
) -> None:
    async def take() -> str:
        return str((await disk.create_snapshot())["snapshot"])

    async def clear(first: int, count: int) -> None:
        await disk.clear_page(offset=first * PAGE, length=count * PAGE)

    first = await take()
    await disk.upload_page(page(b"a", 3), offset=0, length=3 * PAGE)
    second = await take()
    await clear(1, 1)
    assert await ranges(disk, since=first) == ([(0, 1), (2, 3)], [(1, 2)])
    assert await ranges(disk, since=second) == ([], [(1, 2)])
    third = await take()
    assert await ranges(disk, since=third) == ([], [])
    await clear(1, 4)
    await disk.upload_page(page(b"b"), offset=3 * PAGE, length=PAGE)
    assert await ranges(disk, since=third) == ([(3, 4)], [(1, 3), (4, 5)])
    assert await ranges(disk) == ([(0, 1), (3, 4)], [])
    assert await content(disk) == "a--b----"
    older = container.get_blob_client("disk", snapshot=third)
    assert await ranges(older, since=first) == ([(0, 1), (2, 3)], [(1, 2)])
    copy = container.get_blob_client("copy")
    await copy.start_copy_from_url(disk.url)
    assert (await content(copy), await ranges(copy)) == ("a--b----", ([(0, 1), (3, 4)], []))


async def test_a_blob_is_not_compared_with_what_it_cannot_have_come_from(
    disk: BlobClient, container: ContainerClient
) -> None:
    first = (await disk.create_snapshot())["snapshot"]
    second = (await disk.create_snapshot())["snapshot"]
    older = container.get_blob_client("disk", snapshot=first)
    with pytest.raises(HttpResponseError) as refused:
        await ranges(older, since=second)
    assert code(refused) == (400, "PreviousSnapshotCannotBeNewer")
    with pytest.raises(HttpResponseError) as refused:
        await ranges(disk, since="2020-01-01T00:00:00.0000000Z")
    assert code(refused) == (409, "PreviousSnapshotNotFound")
    await disk.create_page_blob(8 * PAGE)
    with pytest.raises(HttpResponseError) as refused:
        await ranges(disk, since=second)
    assert code(refused) == (409, "BlobOverwritten")


async def test_lists_of_pages_come_in_parts(disk: BlobClient) -> None:
    for at in (0, 2, 4, 6):
        await disk.upload_page(page(b"x"), offset=at * PAGE, length=PAGE)
    listed = disk.list_page_ranges(results_per_page=1)
    starts = [found.start // PAGE async for found in listed]
    assert starts == [0, 2, 4, 6]
    assert await ranges(disk, offset=PAGE, length=2 * PAGE) == ([(2, 3)], [])


async def test_sequence_numbers(disk: BlobClient) -> None:
    for action, number, expected in (
        (SequenceNumberAction.UPDATE, "7", 7),
        (SequenceNumberAction.MAX, "5", 7),
        (SequenceNumberAction.INCREMENT, None, 8),
    ):
        await disk.set_sequence_number(action, number)
        assert (await disk.get_blob_properties()).page_blob_sequence_number == expected
    data, place = page(b"a"), {"offset": 0, "length": PAGE}
    for wrong in (
        {"if_sequence_number_lt": 8},
        {"if_sequence_number_lte": 7},
        {"if_sequence_number_eq": 9},
    ):
        with pytest.raises(HttpResponseError) as refused:
            await disk.upload_page(data, **place, **wrong)
        assert code(refused) == (412, "SequenceNumberConditionNotMet")
    await disk.upload_page(data, **place, if_sequence_number_lte=8)


async def test_what_is_no_page_is_refused(disk: BlobClient, container: ContainerClient) -> None:
    with pytest.raises(HttpResponseError) as refused:
        await disk.upload_page(page(b"a"), offset=8 * PAGE, length=PAGE)
    assert code(refused) == (416, "InvalidPageRange")
    with pytest.raises(HttpResponseError) as refused:
        await disk.resize_blob(100)
    assert code(refused) == (400, "InvalidHeaderValue")
    block = container.get_blob_client("block")
    await block.upload_blob(b"x")
    with pytest.raises(HttpResponseError) as refused:
        await block.resize_blob(PAGE)
    assert code(refused) == (409, "InvalidBlobType")
    assert await content(disk) == "--------"
