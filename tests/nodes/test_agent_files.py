"""Files of a node, asked for over the link and posted beside it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from tests.nodes.conftest import RunningAgent, StartAgent
from tests.nodes.peer import DEADLINE, Peer, task

from batchite.link.messages import (
    DeleteFile,
    FileDeleted,
    FileFailed,
    FilesListed,
    FileStatus,
    Hello,
    ListFiles,
    SendFile,
    StatFile,
)


class Receiver:
    """Takes what the agent posts: one upload an address."""

    def __init__(self) -> None:
        self.received: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue()
        self.link = ""
        self.status = 200

    async def take(self, request: web.Request) -> web.StreamResponse:
        if request.path.endswith("/link"):
            raise web.HTTPTemporaryRedirect(self.link)
        await self.received.put((request.path, await request.read()))
        return web.Response(status=self.status)


@pytest.fixture
async def receiver(service: Peer, start_agent: StartAgent) -> AsyncIterator[Receiver]:
    """A service whose link lives at another address than its transfers."""
    taker = Receiver()
    application = web.Application(client_max_size=1 << 30)
    application.router.add_route("*", "/{path:.*}", taker.take)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    taker.link = f"{service.url}/-/nodes/x/link"
    try:
        await start_agent(awaited=False, service_url=f"http://{host}:{port}")
        await service.first(Hello)
        yield taker
    finally:
        await runner.cleanup()


async def posted(receiver: Receiver) -> tuple[str, bytes]:
    return await asyncio.wait_for(receiver.received.get(), DEADLINE)


async def make_files(service: Peer) -> None:
    await service.send(
        task(1, "/bin/sh -c 'printf hello > data; ln -s /etc/passwd link; mkdir sub; touch sub/x'")
    )
    await service.ended(1)


BELOW = "workitems/job/job-1/t1"


async def test_looking_and_deleting(service: Peer, agent: RunningAgent) -> None:
    await make_files(service)
    await service.send(
        ListFiles(1, BELOW, True), StatFile(2, f"{BELOW}/wd/data"), StatFile(3, f"{BELOW}/wd/link")
    )
    listed = await service.first(FilesListed)
    names = [file.name for file in listed.files]
    assert names == ["stderr.txt", "stdout.txt", "wd", "wd/data", "wd/sub", "wd/sub/x"]
    status = await service.first(FileStatus)
    assert (status.request, status.file.size) == (2, 5)
    refused = await service.first(FileFailed)
    assert (refused.request, refused.reason) == (3, "outside")
    await service.send(DeleteFile(4, f"{BELOW}/wd/sub", False))
    assert (await service.first(FileFailed, lambda m: m.request == 4)).reason == "not-empty"
    await service.send(DeleteFile(5, f"{BELOW}/wd/sub", True))
    assert (await service.first(FileDeleted)).request == 5


async def test_files_are_posted(service: Peer, receiver: Receiver) -> None:
    await make_files(service)
    await service.send(SendFile(1, f"{BELOW}/wd/data", 0, 100, "/-/transfers/one"))
    assert await posted(receiver) == ("/-/transfers/one", b"hello")
    await service.send(SendFile(2, f"{BELOW}/wd/data", 1, 3, "/-/transfers/two"))
    assert await posted(receiver) == ("/-/transfers/two", b"ell")
    await service.send(SendFile(3, f"{BELOW}/wd/data", 9, 3, "/-/transfers/three"))
    assert await posted(receiver) == ("/-/transfers/three", b"")


async def test_large_files_are_streamed(service: Peer, receiver: Receiver, node: Path) -> None:
    content = bytes(range(256)) * 20_000
    await asyncio.to_thread((node / "root" / "shared" / "large").write_bytes, content)
    await service.send(SendFile(1, "shared/large", 0, len(content), "/-/transfers/large"))
    assert await posted(receiver) == ("/-/transfers/large", content)


async def test_a_file_that_cannot_be_sent_is_answered_for(service: Peer, receiver: Receiver) -> None:
    await make_files(service)
    for number, path, reason in (
        (1, f"{BELOW}/wd/missing", "not-found"),
        (2, f"{BELOW}/wd/link", "outside"),
        (3, f"{BELOW}/wd", "is-directory"),
        (4, "../agent.json", "outside"),
    ):
        await service.send(SendFile(number, path, 0, 10, "/-/transfers/x"))
        failed = await service.first(FileFailed, lambda m, n=number: m.request == n)
        assert failed.reason == reason
    receiver.status = 403
    await service.send(SendFile(5, f"{BELOW}/wd/data", 0, 10, "/-/transfers/x"))
    assert (await service.first(FileFailed, lambda m: m.request == 5)).reason == "unreadable"
    assert receiver.received.qsize() == 1
