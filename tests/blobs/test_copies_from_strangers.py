"""Copies from origins that end late, break off or talk nonsense."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.sdk import read
from tests.blobs.server import Server, serving

from batchite.blobs.remote import MAX_LIST_BYTES


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
        await asyncio.wait_for(source.asked.wait(), 60)
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
        async with asyncio.timeout(60):
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
        await asyncio.wait_for(source.asked.wait(), 60)
    source.go_on.set()
    async with (
        serving(tmp_path, origins=(origin,)) as server,
        BlobServiceClient.from_connection_string(server.connection_string, retry_total=0) as client,
    ):
        await server.app.copying.settle()
        assert await read(client.get_blob_client("here", "copy")) == b"0123456789"


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
