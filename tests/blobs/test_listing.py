from xml.etree import ElementTree

from azure.storage.blob.aio import BlobPrefix, ContainerClient
from tests.blobs.by_hand import LIST, call, exchange, signed
from tests.blobs.server import NAME, Server

NAMES = ["a", "a.txt", "dir/1", "dir/2", "dir/sub/3", "dir0", "z/9", "é/x", "\U0001f600"]
GROUPED = ["a", "a.txt", "dir/", "dir0", "z/", "é/", "\U0001f600"]


async def fill(container: ContainerClient) -> None:
    for name in NAMES:
        await container.upload_blob(name, name.encode(), metadata={"n": "1"})


async def test_names_come_in_order_with_what_they_have(container: ContainerClient) -> None:
    await fill(container)
    found = [blob async for blob in container.list_blobs(include=["metadata"])]
    assert [blob.name for blob in found] == NAMES
    assert [blob.size for blob in found] == [len(name.encode()) for name in NAMES]
    assert found[0].metadata == {"n": "1"}
    direct = await container.get_blob_client("a").get_blob_properties()
    assert found[0].etag == direct.etag.strip('"')
    assert found[0].last_modified == direct.last_modified
    assert found[0].content_settings.content_md5 == direct.content_settings.content_md5


async def test_a_prefix_selects(container: ContainerClient) -> None:
    await fill(container)
    assert [b.name async for b in container.list_blobs("dir/")] == ["dir/1", "dir/2", "dir/sub/3"]
    assert [b.name async for b in container.list_blobs("nothing")] == []


async def test_a_delimiter_groups(container: ContainerClient) -> None:
    await fill(container)
    top = sorted([(item.name, isinstance(item, BlobPrefix)) async for item in container.walk_blobs()])
    assert top == [(name, name.endswith("/")) for name in GROUPED]
    inner = sorted([item.name async for item in container.walk_blobs("dir/")])
    assert inner == ["dir/1", "dir/2", "dir/sub/"]


async def test_pages_of_every_size_make_the_same_list(container: ContainerClient) -> None:
    await fill(container)
    for size in (1, 2, 3, 100):
        pages = container.walk_blobs(results_per_page=size).by_page()
        got = [[item.name async for item in page] async for page in pages]
        assert sorted(name for page in got for name in page) == GROUPED
        assert all(len(page) == size for page in got[:-1])
        flat = container.list_blobs(results_per_page=size).by_page()
        assert [item.name async for page in flat async for item in page] == NAMES


async def test_a_list_begins_and_ends_where_asked(container: ContainerClient, server: Server) -> None:
    await fill(container)
    found = [blob.name async for blob in container.list_blobs(start_from="dir/2", results_per_page=2)]
    assert found == NAMES[3:]
    assert [blob.name async for blob in container.list_blobs("dir/", start_from="a")] == NAMES[2:5]
    groups = [item.name async for item in container.walk_blobs(start_from="dir/2")]
    assert sorted(groups) == sorted(GROUPED[2:])
    for bounds, names in (("startFrom=a.&endBefore=dir/2", NAMES[1:3]), ("prefix=dir&endBefore=b", [])):
        document = (await answer(server, f"{LIST}&{bounds}")).partition(b"\r\n\r\n")[2]
        assert [name.text for name in ElementTree.fromstring(document).iter("Name")] == names  # noqa: S314


async def answer(server: Server, path: str) -> bytes:
    path = f"/{NAME}{path}"
    return await exchange(server, "GET", path, signed("GET", path, {}))


async def test_only_lists_in_xml_are_made(container: ContainerClient, server: Server) -> None:
    headers = {"Accept": "application/vnd.apache.arrow.stream"}
    assert await call(server, "GET", LIST, headers) == (400, "UnsupportedHeader")
    assert await call(server, "GET", f"{LIST}&startFrom=a%00") == (400, "InvalidQueryParameterValue")
