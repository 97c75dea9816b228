"""What an agent is told to run, and what it reports of that."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from tests.nodes.peer import DEADLINE, Peer

from batchite.link.messages import Failure, Run, RunEnded, RunStarted
from batchite.machine import proc

TERMINATED = Failure("usererror", "TaskEnded", "Terminated by request.")
WAITS = "sleep 600"


def is_running(pid: int) -> bool:
    process = proc.read(pid)
    return process is not None and not process.is_dead


class BackAgain(asyncio.Event):
    """Who is away until somebody waits."""

    async def wait(self) -> Literal[True]:
        self.set()
        return True


def working_in(directory: Path) -> list[int]:
    """The processes that are there, whether they have got to say so or not."""
    found = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]
    return [pid for pid in found if proc.working_directory(pid) == str(directory)]


def started_by(message: RunStarted | RunEnded) -> tuple[str, int]:
    return type(message).__name__, message.number


def sequence(service: Peer) -> list[tuple[str, int]]:
    return [started_by(m) for m in service.heard if isinstance(m, RunStarted | RunEnded)]


def shell(script: str) -> str:
    return f"/bin/sh -c '{script}'"


async def attempt(service: Peer, message: Run) -> RunEnded:
    await service.send(message)
    return await service.first(
        RunEnded, lambda ended: (ended.number, ended.attempt) == (message.number, message.attempt)
    )


async def wait_for(service: Peer, fifo: Path) -> bytes:
    """Block (in a thread) until a task has written to the fifo."""
    return await asyncio.wait_for(asyncio.to_thread(fifo.read_bytes), DEADLINE)


@asynccontextmanager
async def serving(content: bytes) -> AsyncIterator[str]:
    """A server that answers every request so."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + content)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
