"""Copies and content from URLs, within the service and from another one, with the official client."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import (
    BlobBlock,
    BlobSasPermissions,
    BlobType,
    ContentSettings,
    StandardBlobTier,
    generate_blob_sas,
)
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.server import KEY, NAME, NEIGHBOUR, Server, serving

from batchite.blobs.checking import check
from batchite.blobs.copying import AT_ONCE
from batchite.blobs.remote import MAX_LIST_BYTES

BIG = bytes(range(256)) * 512
PAGE = b"p" * 512


def signed(blob: BlobClient, *, permission: str = "r") -> str:
    token = generate_blob_sas(
        blob.credential.account_name,
        blob.container_name,
        blob.blob_name,
        account_key=KEY,
        permission=BlobSasPermissions.from_string(permission),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    return f"{blob.url}?{token}"


async def content(blob: BlobClient) -> bytes:
    return bytes(await (await blob.download_blob()).readall())


@pytest.fixture
async def source(container: ContainerClient) -> BlobClient:
    settings = ContentSettings(content_type="text/x-one", cache_control="none")
    return await container.upload_blob("source", BIG, content_settings=settings, metadata={"Kind": "one"})


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


FAR = ContentSettings(content_type="text/x-far")


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


async def test_a_copy_shares_content_and_takes_everything_over(
    server: Server, container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    started = await copy.start_copy_from_url(source.url)
    assert started["copy_status"] == "success"
    found = await copy.get_blob_properties()
    assert found.metadata == {"Kind": "one"}
    assert (found.content_settings.content_type, found.content_settings.cache_control) == (
        "text/x-one",
        "none",
    )
    assert (found.copy.id, found.copy.progress) == (started["copy_id"], f"{len(BIG)}/{len(BIG)}")
    assert len(await server.files.stored()) == 1
    await source.delete_blob()
    assert await content(copy) == BIG


async def test_metadata_given_with_a_copy_replace_those_of_the_source(
    container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    await copy.start_copy_from_url(source.url, metadata={"Kind": "two"}, tags={"a": "b"})
    assert (await copy.get_blob_properties()).metadata == {"Kind": "two"}
    assert await copy.get_blob_tags() == {"a": "b"}


async def test_this_service_is_known_by_its_other_names(
    server: Server, container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    port = server.address[1]
    for url in (
        f"http://localhost:{port}/{NAME}/things/source",
        f"http://{NAME}.blob.localhost:{port}/things/source",
    ):
        await copy.start_copy_from_url(url)
        assert await content(copy) == BIG


async def test_a_snapshot_is_copied_over_its_blob(container: ContainerClient, source: BlobClient) -> None:
    snapshot = await source.create_snapshot()
    await source.upload_blob(b"later", overwrite=True)
    await source.start_copy_from_url(f"{source.url}?snapshot={snapshot['snapshot']}")
    assert await content(source) == BIG


async def test_append_and_page_blobs_keep_their_type_and_go_their_own_ways(
    container: ContainerClient,
) -> None:
    log = container.get_blob_client("log")
    await log.upload_blob(b"one ", blob_type=BlobType.APPENDBLOB)
    copy = container.get_blob_client("log2")
    await copy.start_copy_from_url(log.url)
    await log.append_block(b"two")
    await copy.append_block(b"TWO")
    assert (await content(log), await content(copy)) == (b"one two", b"one TWO")
    assert (await copy.get_blob_properties()).append_blob_committed_block_count == 2
    disk, other = container.get_blob_client("disk"), container.get_blob_client("disk2")
    await disk.create_page_blob(2048, sequence_number=7)
    await disk.upload_page(PAGE, 512, 512)
    await other.start_copy_from_url(disk.url)
    await other.upload_page(PAGE, 0, 512)
    assert await content(disk) == bytes(512) + PAGE + bytes(1024)
    assert await content(other) == PAGE + PAGE + bytes(1024)
    assert (await other.get_blob_properties()).page_blob_sequence_number == 7


async def test_a_copy_from_url_waits(container: ContainerClient, source: BlobClient) -> None:
    copy = container.get_blob_client("copy")
    done = await copy.start_copy_from_url(signed(source), requires_sync=True)
    assert done["copy_status"] == "success"
    assert await content(copy) == BIG


async def test_a_change_of_properties_forgets_the_copy_and_keeps_the_tags(
    container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    await copy.start_copy_from_url(source.url, tags={"a": "b"})
    await copy.set_blob_metadata({"a": "1"})
    assert (await copy.get_blob_properties()).copy.status == "success"
    await copy.set_http_headers(ContentSettings(content_type="text/plain"))
    found = await copy.get_blob_properties()
    assert (found.copy.status, found.tag_count) == (None, 1)


async def test_put_from_url_keeps_or_replaces_properties(
    container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    await copy.upload_blob_from_url(signed(source))
    assert (await copy.get_blob_properties()).content_settings.content_type == "text/x-one"
    digest = bytearray(hashlib.md5(BIG, usedforsecurity=False).digest())
    await copy.upload_blob_from_url(
        signed(source), overwrite=True, include_source_blob_properties=False, source_content_md5=digest
    )
    found = await copy.get_blob_properties()
    assert found.content_settings.content_type == "application/octet-stream"
    assert (found.content_settings.content_md5, found.copy.id) == (digest, None)
    with pytest.raises(HttpResponseError) as refused:
        await copy.upload_blob_from_url(signed(source), overwrite=True, source_content_md5=bytearray(16))
    assert refused.value.error_code == "Md5Mismatch"


async def test_blocks_appends_and_pages_come_from_ranges_of_a_url(
    container: ContainerClient, source: BlobClient
) -> None:
    blob = container.get_blob_client("blocks")
    ids = [base64.b64encode(str(number).encode()).decode() for number in range(2)]
    await blob.stage_block_from_url(ids[0], signed(source), source_offset=256, source_length=512)
    await blob.stage_block_from_url(ids[1], signed(source))
    await blob.commit_block_list([BlobBlock(block_id) for block_id in ids])
    assert await content(blob) == BIG[256:768] + BIG
    log = container.get_blob_client("log")
    await log.create_append_blob()
    await log.append_block_from_url(signed(source), source_offset=1, source_length=9)
    assert await content(log) == BIG[1:10]
    disk = container.get_blob_client("disk")
    await disk.create_page_blob(1024)
    await disk.upload_pages_from_url(signed(source), offset=512, length=512, source_offset=512)
    assert await content(disk) == bytes(512) + BIG[512:1024]


async def test_conditions_on_the_source_are_checked(container: ContainerClient, source: BlobClient) -> None:
    copy = container.get_blob_client("copy")
    etag = (await source.get_blob_properties()).etag
    for wanted, how, waiting, status in (
        ('"0x1"', MatchConditions.IfNotModified, {}, 412),
        (etag, MatchConditions.IfModified, {}, 412),
        ('"0x1"', MatchConditions.IfNotModified, {"requires_sync": True}, 412),
        (etag, MatchConditions.IfModified, {"requires_sync": True}, 304),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await copy.start_copy_from_url(
                signed(source), source_etag=wanted, source_match_condition=how, **waiting
            )
        expected = "CannotVerifyCopySource" if waiting else "ConditionNotMet"
        assert (refused.value.status_code, refused.value.error_code) == (status, expected)
    await copy.start_copy_from_url(
        source.url, source_etag=etag, source_match_condition=MatchConditions.IfNotModified
    )
    with pytest.raises(HttpResponseError) as exists:
        await copy.start_copy_from_url(source.url, match_condition=MatchConditions.IfMissing)
    assert exists.value.error_code == "BlobAlreadyExists"


async def test_a_source_that_is_not_there_leaves_nothing(container: ContainerClient) -> None:
    copy = container.get_blob_client("copy")
    with pytest.raises(ResourceNotFoundError) as refused:
        await copy.start_copy_from_url(f"{copy.url}-not")
    assert refused.value.error_code == "CannotVerifyCopySource"
    assert "The specified blob does not exist." in str(refused.value)
    assert refused.value.response.headers["x-ms-copy-source-error-code"] == "BlobNotFound"
    assert not await copy.exists()


async def test_only_a_copy_that_nobody_waits_for_takes_a_source_of_the_account_unsigned(
    container: ContainerClient, source: BlobClient
) -> None:
    block, log, disk = (container.get_blob_client(name) for name in ("block", "log", "disk"))
    await log.create_append_blob()
    await disk.create_page_blob(512)

    def ways(url: str) -> list[Callable[[], Awaitable[object]]]:
        return [
            lambda: block.start_copy_from_url(url, requires_sync=True),
            lambda: block.upload_blob_from_url(url, overwrite=True),
            lambda: block.stage_block_from_url("YQ==", url),
            lambda: log.append_block_from_url(url),
            lambda: disk.upload_pages_from_url(url, offset=0, length=512, source_offset=0),
        ]

    for way in ways(source.url):
        with pytest.raises(HttpResponseError) as refused:
            await way()
        assert (refused.value.status_code, refused.value.error_code) == (401, "CannotVerifyCopySource")
        assert "Please refer to the information in the www-authenticate header" in str(refused.value)
        assert refused.value.response.headers["x-ms-copy-source-status-code"] == "401"
    assert not await block.exists()
    for way in ways(signed(source)):
        await way()
    await container.set_container_access_policy({}, public_access="blob")
    for way in ways(source.url):
        await way()
    assert await content(log) == BIG + BIG


async def test_a_token_for_the_target_does_not_open_the_source(
    container: ContainerClient, source: BlobClient
) -> None:
    target = container.get_blob_client("copy")
    async with BlobClient.from_blob_url(signed(target, permission="cw"), retry_total=0) as limited:
        for url in (source.url, signed(source, permission="w"), signed(source)[:-8] + "AAAAAAA%3D"):
            with pytest.raises(HttpResponseError) as refused:
                await limited.start_copy_from_url(url)
            assert refused.value.error_code == "CannotVerifyCopySource"
        assert not await target.exists()
        await limited.start_copy_from_url(signed(source))
    assert await content(target) == BIG


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
    assert await content(copy) == BIG


async def test_content_from_another_origin_is_taken_in_while_the_client_waits(
    here: ContainerClient, elsewhere: BlobClient
) -> None:
    copy = here.get_blob_client("copy")
    await copy.upload_blob_from_url(signed(elsewhere))
    assert await content(copy) == BIG
    await copy.stage_block_from_url("YQ==", signed(elsewhere), source_offset=5, source_length=10)
    await copy.commit_block_list([BlobBlock("YQ==")])
    assert await content(copy) == BIG[5:15]
    await copy.start_copy_from_url(signed(elsewhere), requires_sync=True)
    assert await content(copy) == BIG


async def test_a_copy_whose_source_cannot_be_read_says_so_at_once(
    here: ContainerClient, elsewhere: BlobClient
) -> None:
    copy = here.get_blob_client("copy")
    with pytest.raises(HttpResponseError) as refused:
        await copy.start_copy_from_url(elsewhere.url)
    assert (refused.value.status_code, refused.value.error_code) == (401, "CannotVerifyCopySource")
    assert not await copy.exists()


class Stuck:
    """A source that begins to answer and never ends."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.go_on = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")
        if request.startswith(b"GET"):
            writer.write(b"0123")
            self.asked.set()
            await self.go_on.wait()
            writer.write(b"456789")
        writer.close()


@pytest.fixture
async def stuck() -> AsyncIterator[tuple[Stuck, str]]:
    source = Stuck()
    server = await asyncio.start_server(source.answer, "127.0.0.1", 0)
    async with server:
        yield source, f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        source.go_on.set()


async def test_a_copy_under_way_keeps_others_off_and_can_be_aborted(
    tmp_path: Path, empty_database: bytes, stuck: tuple[Stuck, str]
) -> None:
    source, origin = stuck
    (tmp_path / "blobs.db").write_bytes(empty_database)
    async with (
        serving(tmp_path, origins=(origin,)) as server,
        BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client,
    ):
        container = await client.create_container("here")
        copy = container.get_blob_client("copy")
        started = await copy.start_copy_from_url(f"{origin}/x")
        await asyncio.wait_for(source.asked.wait(), 30)
        for change in (
            lambda: copy.upload_blob(b"x", overwrite=True),
            lambda: copy.set_blob_metadata({}),
            copy.delete_blob,
        ):
            with pytest.raises(HttpResponseError) as refused:
                await change()
            assert refused.value.error_code == "PendingCopyOperation"
        with pytest.raises(HttpResponseError) as other:
            await copy.abort_copy("00000000-0000-0000-0000-000000000000")
        assert other.value.error_code == "CopyIdMismatch"
        async with asyncio.timeout(30):
            while (await copy.get_blob_properties()).copy.progress != "4/10":
                pass
        (listed,) = [blob async for blob in container.list_blobs(include=["copy"])]
        assert (listed.copy.status, listed.copy.progress) == ("pending", "4/10")
        await copy.abort_copy(started["copy_id"])
        await server.app.copying.settle()
        found = await copy.get_blob_properties()
        assert (found.copy.status, found.copy.progress, found.size) == ("aborted", "4/10", 0)
        with pytest.raises(HttpResponseError) as ended:
            await copy.abort_copy(started["copy_id"])
        assert ended.value.error_code == "NoPendingCopyOperation"
        await server.content.settle()
        assert await server.files.stored() == set()


async def test_a_copy_under_way_begins_anew_after_a_restart(
    tmp_path: Path, empty_database: bytes, stuck: tuple[Stuck, str]
) -> None:
    source, origin = stuck
    (tmp_path / "blobs.db").write_bytes(empty_database)
    async with (
        serving(tmp_path, origins=(origin,)) as server,
        BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client,
    ):
        container = await client.create_container("here")
        await container.get_blob_client("copy").start_copy_from_url(f"{origin}/x")
        await asyncio.wait_for(source.asked.wait(), 30)
    source.go_on.set()
    async with (
        serving(tmp_path, origins=(origin,)) as server,
        BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client,
    ):
        await server.app.copying.settle()
        assert await content(client.get_blob_client("here", "copy")) == b"0123456789"


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
    assert await content(copy) == await content(there) + b"more"
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
    assert await content(empty) == bytes(1024)
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


class Odd:
    """An origin that says it has a page blob, and what else a test tells it to say."""

    def __init__(self, pages: bytes, content: bytes) -> None:
        self.pages = pages
        self.content = content

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        line = request.partition(b"\r\n")[0]
        status = b"206 Partial" if b"x-ms-range" in request.lower() else b"200 OK"
        body = self.pages if b"comp=pagelist" in line else self.content
        length = b"4096" if line.startswith(b"HEAD") else str(len(body)).encode()
        about = b'x-ms-blob-type: PageBlob\r\nETag: "1"\r\nConnection: close'
        head = b"HTTP/1.1 %s\r\n%s\r\nContent-Length: %s\r\n\r\n" % (status, about, length)
        writer.write(head if line.startswith(b"HEAD") else head + body)
        writer.close()


def listed_pages(*ranges: tuple[int, int]) -> bytes:
    found = "".join(f"<PageRange><Start>{a}</Start><End>{b}</End></PageRange>" for a, b in ranges)
    return f"<PageList>{found}</PageList>".encode()


@pytest.mark.parametrize(
    ("pages", "sent", "told"),
    [
        (b"<PageList><PageRange><Start>x</Start>", b"", "400"),
        (listed_pages((512, 1023), (0, 511)), b"", "not in order"),
        (listed_pages((0, 1023), (512, 2047)), b"", "not in order"),
        (listed_pages((4096, 5119)), b"", "not in order"),
        (listed_pages((1024, 511)), b"", "not in order"),
        (listed_pages((0, 511)), b"short", "another length"),
        (listed_pages((0, 511)), b"l" * 513, "another length"),
        (b" " * (MAX_LIST_BYTES + 1), b"", "too long"),
    ],
)
async def test_an_origin_that_talks_nonsense_fails_the_copy(
    tmp_path: Path, empty_database: bytes, pages: bytes, sent: bytes, told: str
) -> None:
    (tmp_path / "blobs.db").write_bytes(empty_database)
    odd = await asyncio.start_server(Odd(pages, sent).answer, "127.0.0.1", 0)
    origin = f"http://127.0.0.1:{odd.sockets[0].getsockname()[1]}"
    async with (
        odd,
        serving(tmp_path, origins=(origin,)) as server,
        BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client,
    ):
        copy = (await client.create_container("here")).get_blob_client("copy")
        await copy.start_copy_from_url(f"{origin}/x")
        await server.app.copying.settle()
        found = await copy.get_blob_properties()
        assert (found.copy.status, found.size) == ("failed", 0)
        assert told in (found.copy.status_description or "")
        await server.content.settle()
        assert await server.files.stored() == set()


class Scripted:
    """An origin that answers every request with the same, and remembers what was asked."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self.asked: list[bytes] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(await reader.readuntil(b"\r\n\r\n"))
        head, blank, _ = self._answer.partition(b"\r\n\r\n")
        writer.write(head + blank if self.asked[-1].startswith(b"HEAD") else self._answer)
        writer.close()


@asynccontextmanager
async def scripted(
    directory: Path, answer: bytes, database: bytes
) -> AsyncIterator[tuple[Scripted, str, Server, ContainerClient]]:
    """The origin, its URL, a service that may copy from there, and a container of that."""
    (directory / "blobs.db").write_bytes(database)
    origin = Scripted(answer)
    listening = await asyncio.start_server(origin.answer, "127.0.0.1", 0)
    url = f"http://localhost:{listening.sockets[0].getsockname()[1]}"
    async with (
        listening,
        serving(directory, origins=(url,)) as server,
        BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client,
    ):
        yield origin, url, server, await client.create_container("here")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(tmp_path: Path, empty_database: bytes, status: int) -> None:
    answer = b"HTTP/1.1 %d Elsewhere\r\nLocation: /other\r\nContent-Length: 0\r\n\r\n" % status
    async with scripted(tmp_path, answer, empty_database) as (origin, url, _, here):
        copy = here.get_blob_client("copy")
        for start in (copy.upload_blob_from_url, copy.start_copy_from_url):
            with pytest.raises(HttpResponseError) as refused:
                await start(f"{url}/x")
            assert refused.value.error_code == "CannotVerifyCopySource"
        assert len(origin.asked) == 2
        assert not await copy.exists()


async def test_a_cookie_of_an_origin_is_not_sent_to_it_with_another_copy(
    tmp_path: Path, empty_database: bytes
) -> None:
    answer = b"HTTP/1.1 200 OK\r\nSet-Cookie: sid=alice\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx"
    async with scripted(tmp_path, answer, empty_database) as (origin, url, _, here):
        for name in ("one", "two"):
            await here.get_blob_client(name).upload_blob_from_url(f"{url}/x")
        assert len(origin.asked) == 2
        assert b"cookie" not in b"".join(origin.asked).lower()


async def test_metadata_that_no_blob_could_have_are_left_out_alone(
    tmp_path: Path, empty_database: bytes
) -> None:
    named = b"x-ms-meta-Good: v\r\nx-ms-meta-bad-name: v\r\nx-ms-meta-: v"
    answer = b"HTTP/1.1 200 OK\r\n%s\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx" % named
    async with scripted(tmp_path, answer, empty_database) as (_, url, _, here):
        copy = here.get_blob_client("copy")
        await copy.upload_blob_from_url(f"{url}/x")
        assert (await copy.get_blob_properties()).metadata == {"Good": "v"}


async def test_a_source_that_stops_early_is_said_to(tmp_path: Path, empty_database: bytes) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nConnection: close\r\n\r\nonly a part"
    async with scripted(tmp_path, answer, empty_database) as (_, url, server, here):
        copy = here.get_blob_client("copy")
        await copy.start_copy_from_url(f"{url}/x?sig=secret")
        await server.app.copying.settle()
        found = (await copy.get_blob_properties()).copy
        assert found.status == "failed"
        assert found.status_description == "the source ended before all had come that it had announced"


async def test_another_port_is_another_service_whatever_the_host(
    server: Server, container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    port = server.address[1]
    for origin in (f"http://{NAME}.blob.localhost:{port - 1}", f"https://{NAME}.blob.localhost:{port}"):
        with pytest.raises(HttpResponseError) as refused:
            await copy.start_copy_from_url(f"{origin}/things/source")
        assert (refused.value.status_code, refused.value.error_code) == (403, "CannotVerifyCopySource")
    assert not await copy.exists()


async def test_an_archived_blob_is_copied_to_an_online_tier_only(
    container: ContainerClient, source: BlobClient
) -> None:
    await source.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    copy = container.get_blob_client("copy")
    with pytest.raises(HttpResponseError) as refused:
        await copy.start_copy_from_url(source.url)
    assert refused.value.error_code == "BlobArchived"
    with pytest.raises(HttpResponseError) as waiting:
        await copy.upload_blob_from_url(signed(source), standard_blob_tier=StandardBlobTier.HOT)
    assert waiting.value.error_code == "BlobArchived"
    await copy.start_copy_from_url(source.url, standard_blob_tier=StandardBlobTier.HOT)
    assert await content(copy) == BIG


async def refuse_archived(source: BlobClient, copy: BlobClient) -> None:
    """Whether an online tier is wanted or not."""
    await source.set_standard_blob_tier(StandardBlobTier.ARCHIVE)
    url = signed(source)
    for way in (
        lambda: copy.start_copy_from_url(url),
        lambda: copy.start_copy_from_url(url, standard_blob_tier=StandardBlobTier.HOT),
        lambda: copy.start_copy_from_url(url, requires_sync=True),
        lambda: copy.upload_blob_from_url(url),
        lambda: copy.stage_block_from_url("YQ==", url),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await way()
        assert (refused.value.status_code, refused.value.error_code) == (409, "CannotVerifyCopySource")
        assert refused.value.response.headers["x-ms-copy-source-error-code"] == "BlobArchived"
    assert not await copy.exists()


async def test_an_archived_blob_of_another_account_cannot_be_read(
    server: Server, container: ContainerClient
) -> None:
    neighbour = BlobServiceClient.from_connection_string(server.connection_to(NEIGHBOUR), retry_total=0)
    async with neighbour:
        there = await neighbour.create_container("there")
        await refuse_archived(await there.upload_blob("source", BIG), container.get_blob_client("copy"))


async def test_an_archived_blob_of_another_service_cannot_be_read(
    here: ContainerClient, elsewhere: BlobClient
) -> None:
    await refuse_archived(elsewhere, here.get_blob_client("copy"))


async def test_a_list_shows_tiers_tags_and_copies(container: ContainerClient, source: BlobClient) -> None:
    await source.set_blob_tags({"a": "b"})
    await source.set_standard_blob_tier(StandardBlobTier.COOL)
    await container.get_blob_client("copy").start_copy_from_url(source.url)
    copy, original = [blob async for blob in container.list_blobs(include=["tags", "copy"])]
    assert (copy.copy.status, copy.copy.progress) == ("success", f"{len(BIG)}/{len(BIG)}")
    assert (copy.blob_tier, copy.blob_tier_inferred, copy.tags) == ("Hot", True, None)
    assert (original.blob_tier, original.tags, original.tag_count) == ("Cool", {"a": "b"}, 1)
    plain = [blob async for blob in container.list_blobs()]
    assert [(blob.copy.id, blob.tags) for blob in plain] == [(None, None), (None, None)]


async def test_what_a_kind_of_copy_cannot_do_is_refused(
    container: ContainerClient, source: BlobClient
) -> None:
    copy = container.get_blob_client("copy")
    url = {"x-ms-copy-source": source.url}
    for wanted in (
        lambda: copy.start_copy_from_url(source.url, seal_destination_blob=True),
        lambda: copy.start_copy_from_url(
            source.url, requires_sync=True, headers={**url, "x-ms-seal-blob": "true"}
        ),
        lambda: copy.upload_blob_from_url(source.url, headers={**url, "x-ms-seal-blob": "true"}),
        lambda: copy.start_copy_from_url(source.url, headers={**url, "x-ms-copy-source-tag-option": "COPY"}),
        lambda: copy.upload_blob_from_url(source.url, headers={**url, "x-ms-source-range": "bytes=0-0"}),
        lambda: copy.start_copy_from_url(source.url, headers={**url, "x-ms-source-range": "bytes=0-0"}),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await wanted()
        assert (refused.value.status_code, refused.value.error_code) == (400, "UnsupportedHeader")
    assert not await copy.exists()


async def test_a_source_by_the_clouds_name_is_here_if_the_account_is(
    container: ContainerClient, source: BlobClient
) -> None:
    here = signed(source).replace(source.url.partition("/things")[0], f"https://{NAME}.blob.core.windows.net")
    copied = container.get_blob_client("copied")
    await copied.upload_blob_from_url(here)
    assert await content(copied) == BIG
    with pytest.raises(HttpResponseError, match="copy_origins"):
        await copied.upload_blob_from_url(here.replace(NAME, "another"))
