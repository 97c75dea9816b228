import asyncio
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobServiceClient, ContainerClient
from tests.blobs.by_hand import PUT, signed
from tests.blobs.sdk import content
from tests.blobs.server import NAME, Server, serving

from batchite.blobs.content.base import Digest
from batchite.blobs.content.files import Files
from batchite.store import groups
from batchite.store.blobs import contents, schema
from batchite.web.request import Incoming


async def pieces(*data: bytes) -> AsyncIterator[bytes]:
    for piece in data:
        yield piece


def content_rows(connection: sa.Connection) -> list[tuple[int, str]]:
    rows = connection.execute(sa.select(schema.contents.c.content_no, schema.contents.c.state))
    return [(number, state) for number, state in rows]


async def test_a_start_removes_what_a_crash_left(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        async with BlobServiceClient.from_connection_string(server.connection_string) as client:
            container = await client.create_container("things")
            await container.upload_blob("kept", content(50_000))
        half, done = [await server.database.write(contents.begin) for _ in range(2)]
        unfinished = await server.files.create(half, Digest(md5=False))
        await unfinished.write(b"half of it")
        await unfinished.close()
        finished = await server.files.create(done, Digest(md5=False))
        await finished.write(b"complete, but never committed")
        await finished.finish()
        assert len(server.files.numbers()) == 3
    async with serving(tmp_path) as server:
        assert len(server.files.numbers()) == 1
        assert [state for _, state in await server.database.read(content_rows)] == ["live"]
        async with BlobServiceClient.from_connection_string(server.connection_string) as client:
            kept = await client.get_blob_client("things", "kept").download_blob()
            assert await kept.readall() == content(50_000)


async def test_a_client_that_leaves_leaves_nothing(container: ContainerClient, server: Server) -> None:
    path = f"/{NAME}/things/half"
    headers = signed("PUT", path, {**PUT, "Content-Length": "5000000"})
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    _, writer = await asyncio.open_connection(*server.address)
    writer.write(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + b"x" * 2_000_000)
    await writer.drain()
    async with asyncio.timeout(60):
        while not await server.database.read(content_rows):
            pass
        writer.close()
        while await server.database.read(content_rows):
            await server.content.settle()
    assert server.files.numbers() == set()
    assert [blob.name async for blob in container.list_blobs()] == []


async def test_a_client_that_leaves_leaves_nothing_in_memory(
    container: ContainerClient, server: Server
) -> None:
    """At once: buffers that wait for the next collection of garbage can be more than there is memory."""
    path = f"/{NAME}/things/half"
    headers = signed("PUT", path, {**PUT, "Content-Length": "5000000"})
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())

    def requests() -> list[Incoming]:
        return [found for found in gc.get_objects() if isinstance(found, Incoming) and found.raw_path == path]

    gc.collect()
    gc.disable()
    try:
        _, writer = await asyncio.open_connection(*server.address)
        writer.write(f"PUT {path} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n".encode() + b"x" * 2_000_000)
        await writer.drain()
        async with asyncio.timeout(60):
            while not requests():
                await server.database.read(content_rows)
            writer.close()
            while requests():
                await server.database.read(content_rows)
    finally:
        gc.enable()


async def test_a_full_disk_is_an_error_and_tears_nothing(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("one")
    await blob.upload_blob(content(50_000))
    taken = max(number for number, _ in await server.database.read(content_rows))
    draft = server.files.draft_path(taken + 1)
    draft.parent.mkdir()
    os.symlink("/dev/full", draft)
    with pytest.raises(HttpResponseError) as refused:
        await blob.upload_blob(content(60_000), overwrite=True)
    assert refused.value.status_code == 507
    assert refused.value.error_code == "InsufficientStorage"
    assert await (await blob.download_blob()).readall() == content(50_000)
    await server.content.settle()
    assert server.files.numbers() == {taken}
    await blob.upload_blob(content(60_000), overwrite=True)
    assert await (await blob.download_blob()).readall() == content(60_000)


async def test_content_is_on_disk_before_it_is_committed(
    container: ContainerClient, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []

    def traced(owner: object, name: str) -> None:
        real = getattr(owner, name)

        def call(*arguments: object, **options: object) -> object:
            result = real(*arguments, **options)
            order.append(name)
            return result

        monkeypatch.setattr(owner, name, call)

    for name in ("fdatasync", "fsync", "rename"):
        traced(os, name)
    traced(Files, "create")
    traced(groups, "commit")
    await container.upload_blob("one", content(50_000))
    writes = order[order.index("create") - 1 :]
    directory = "fsync"  # the first file in it
    assert writes == ["commit", "create", directory, "fdatasync", "rename", "fsync", "commit"]


async def test_a_reader_keeps_what_it_reads(container: ContainerClient, server: Server) -> None:
    blob = container.get_blob_client("one")
    await blob.upload_blob(content(900_000))
    (old,) = server.files.numbers()
    release = server.content.disposal.hold({old})
    await blob.upload_blob(b"new", overwrite=True)
    await server.content.settle()
    assert server.files.numbers() == {old}
    release()
    await server.content.settle()
    assert server.files.numbers() == set()


async def test_reading_while_it_is_replaced_gives_one_or_the_other(container: ContainerClient) -> None:
    blob = container.get_blob_client("one")
    versions = [content(size) for size in (40_000, 50_000, 60_000)]
    await blob.upload_blob(versions[0])
    replaced = asyncio.Event()

    async def replace() -> None:
        for number in range(30):
            await blob.upload_blob(versions[number % 3], overwrite=True)
        replaced.set()

    async def read() -> int:
        seen = 0
        while not replaced.is_set():
            assert await (await blob.download_blob()).readall() in versions
            seen += 1
        return seen

    _, *seen = await asyncio.gather(replace(), read(), read())
    assert all(seen)


async def test_an_upload_that_is_gone_cannot_become_live(server: Server) -> None:
    async with server.content.uploads.receive(
        pieces(content(20_000)), 10**6, inline=True, digest=False
    ) as received:
        assert received.content_no is not None
        await server.database.write(lambda c: contents.abandon(c, received.content_no or 0))
        with pytest.raises(contents.ContentLost):
            await server.database.write(received.store)


async def test_two_writers_of_one_name_leave_one_whole_blob(
    container: ContainerClient, server: Server
) -> None:
    blob = container.get_blob_client("one")
    versions = [content(30_000 + number) for number in range(10)]
    await asyncio.gather(*(blob.upload_blob(data, overwrite=True) for data in versions))
    assert await (await blob.download_blob()).readall() in versions
    await server.content.settle()
    assert len(server.files.numbers()) == 1
