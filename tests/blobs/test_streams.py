"""Large blobs as they come down: whole and in ranges, while they are replaced, and damaged."""

import asyncio
import socket
from collections.abc import Awaitable
from random import Random
from typing import TypeVar

import aiohttp
import pytest
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import BlobClient, BlobServiceClient, ContainerClient
from tests.blobs.server import Server
from tests.wire.blob.test_structured import decoded

from batchite.store.database import Unit
from batchite.wire.blob import structured

T = TypeVar("T")

pytestmark = pytest.mark.filterwarnings("ignore:Sending a large body directly:ResourceWarning")

MIB = 1024 * 1024
DATA = Random(3).randbytes(8 * MIB)  # noqa: S311
LENGTHS = (1, 700, 20_000, 100_000, 524_287, 524_288, 1_500_000)
"""Of blocks: within the metadata, and in files that are read or sent as they are."""


async def test_every_range_of_a_mixed_list_comes_as_it_was_put(
    server: Server, container: ContainerClient
) -> None:
    random = Random(4)  # noqa: S311
    blob = container.get_blob_client("mixed")
    lengths = [*LENGTHS, *random.choices(LENGTHS[:4], k=12), *random.choices(LENGTHS, k=3)]
    random.shuffle(lengths)
    whole = DATA[: sum(lengths)]
    ends = [sum(lengths[: number + 1]) for number in range(len(lengths))]
    for number, (end, length) in enumerate(zip(ends, lengths, strict=True)):
        await blob.stage_block(f"{number:03}", whole[end - length : end])
    await blob.commit_block_list([BlobBlock(f"{number:03}") for number in range(len(lengths))])
    ranges = [(0, len(whole)), *((end - 1, 2) for end in ends[:-1])]
    ranges += [(random.randrange(len(whole)), random.choice(LENGTHS)) for _ in range(30)]
    url = await open_to_all(container, "mixed")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
        for start, length in ranges:
            headers = {"x-ms-range": f"bytes={start}-{start + length - 1}"}
            async with session.get(url, headers=headers) as answer:
                assert answer.status == 206
                assert await answer.read() == whole[start : start + length]


async def test_a_page_blob_comes_with_its_zeros(container: ContainerClient) -> None:
    disk = container.get_blob_client("disk")
    await disk.create_page_blob(8 * MIB)
    await disk.upload_page(DATA[:MIB], 2 * MIB, MIB)
    url = await open_to_all(container, "disk")
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        assert await answer.read() == bytes(2 * MIB) + DATA[:MIB] + bytes(5 * MIB)


@pytest.mark.parametrize("as_message", [False, True])
async def test_what_is_deleted_is_sent_to_its_end(
    server: Server, container: ContainerClient, as_message: bool
) -> None:
    await container.upload_blob("large", DATA)
    path = (await open_to_all(container, "large")).partition(f"{server.address[1]}")[2]
    reader, writer = await slow_reader(server)
    form = f"{structured.HEADER}: {structured.FORM}\r\n" if as_message else ""
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{form}\r\n".encode())
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 OK\r\n")
    await container.delete_blob("large")
    assert len(server.files.numbers()) == 1
    length = structured.Encoder(len(DATA)).length if as_message else len(DATA)
    body = await asyncio.wait_for(reader.readexactly(length), 60)
    assert (decoded(body, len(DATA), at_once=MIB) if as_message else body) == DATA
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    assert (await reader.read()).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    await server.content.settle()
    assert server.files.numbers() == set()


async def put_in_blocks(blob: BlobClient, *contents: bytes) -> None:
    """As a list of ranges, which a reader looks up off the event loop."""
    names = [f"{number:03}" for number in range(len(contents))]
    for name, content in zip(names, contents, strict=True):
        await blob.stage_block(name, content)
    await blob.commit_block_list([BlobBlock(name) for name in names])


def after_a_look(server: Server, monkeypatch: pytest.MonkeyPatch, meanwhile: Awaitable[object]) -> list[bool]:
    """Let this happen, and what it leaves be removed, when a reader has found what it will read, and before
    it can hold it. Tells of each look whether it was the first."""
    database, looks = server.database, list[bool]()
    real = database.read

    async def read(query: Unit[T]) -> T:
        found = await real(query)
        looks.append(not looks)
        if looks[-1]:
            monkeypatch.setattr(database, "read", real)
            await meanwhile
            await server.content.disposal.settle()
            monkeypatch.setattr(database, "read", read)
        return found

    monkeypatch.setattr(database, "read", read)
    return looks


async def test_what_is_replaced_between_look_and_hold_is_looked_up_again(
    server: Server, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = (DATA[:100_000], DATA[MIB : MIB + 50_000]), (DATA[-100_000:], DATA[-300_000:-200_000])
    blob = container.get_blob_client("list")
    await put_in_blocks(blob, *old)
    removed = server.files.numbers()
    looks = after_a_look(server, monkeypatch, put_in_blocks(blob, *new))
    assert await (await container.download_blob("list", max_concurrency=1)).readall() == b"".join(new)
    assert looks == [True, False]
    assert server.files.numbers().isdisjoint(removed)


async def test_what_is_deleted_between_look_and_hold_is_not_there(
    server: Server, container: ContainerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    blob = container.get_blob_client("list")
    await put_in_blocks(blob, DATA[:100_000], DATA[MIB : MIB + 50_000])
    after_a_look(server, monkeypatch, blob.delete_blob())
    with pytest.raises(ResourceNotFoundError):
        await container.download_blob("list")
    assert server.files.numbers() == set()


@pytest.mark.parametrize("left", [None, 0, len(DATA) - 1])
async def test_damaged_content_is_an_error_and_no_short_answer(
    server: Server, client: BlobServiceClient, container: ContainerClient, left: int | None
) -> None:
    await container.upload_blob("large", DATA)
    (number,) = server.files.numbers()
    if left is None:
        server.files.path(number).unlink()
    else:
        with server.files.path(number).open("r+b") as file:
            file.truncate(left)
    with pytest.raises(HttpResponseError) as refused:
        await container.download_blob("large")
    assert refused.value.status_code == 500


async def open_to_all(container: ContainerClient, blob: str) -> str:
    """The blob's URL, which then needs no signature."""
    await container.set_container_access_policy(signed_identifiers={}, public_access="blob")
    return container.get_blob_client(blob).url


async def slow_reader(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection for which the system keeps little, so that most waits at the service."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, server.address)
    return await asyncio.open_connection(sock=client)
