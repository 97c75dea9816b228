"""The service's side of the link, played by a script: a real WebSocket server on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from batchite.link import framing
from batchite.link.messages import (
    Acknowledge,
    FromAgent,
    Hello,
    Report,
    Run,
    RunEnded,
    ToAgent,
    Welcome,
)
from batchite.link.spec import NodeSpec

M = TypeVar("M")

DEADLINE = 60.0
NODE = "tvmps_0123_d"


class Peer:
    """Welcomes agents, keeps all they say in `heard`, and acknowledges reports unless told not to."""

    def __init__(self) -> None:
        self.heard: list[FromAgent] = []
        self.frames: list[list[FromAgent]] = []
        self.requests: list[Request] = []
        self.acknowledges = True
        self.welcomes = True
        self.heartbeat = 15.0
        """seconds; an agent that hears nothing for four of them connects anew, and what was on its way is
        lost, so it is short in tests of that alone"""
        self.refusal: tuple[int, Mapping[str, str]] | None = None
        self.connections: list[ServerConnection] = []
        self._changed = asyncio.Event()
        self._server: Server | None = None

    async def start(self) -> None:
        self._server = await serve(
            self._serve, "127.0.0.1", 0, process_request=self._decide, compression=None, max_size=None
        )

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    @property
    def url(self) -> str:
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def send(self, *messages: ToAgent) -> None:
        await self.connections[-1].send(framing.encode(messages))

    async def cut(self) -> None:
        """Break the connection without a word."""
        self.connections[-1].transport.abort()

    async def cut_all(self) -> None:
        """Break every connection, welcomed or not."""
        assert self._server is not None
        for connection in self._server.connections:
            connection.transport.abort()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def first(self, kind: type[M], matches: Callable[[M], bool] = lambda _: True) -> M:
        """The first message of this kind (that matches), now or later."""
        await self.until(lambda: any(isinstance(m, kind) and matches(m) for m in self.heard))
        return next(m for m in self.heard if isinstance(m, kind) and matches(m))

    async def ended(self, task: int) -> RunEnded:
        return await self.first(RunEnded, lambda message: message.number == task)

    def of_kind(self, kind: type[M]) -> list[M]:
        return [message for message in self.heard if isinstance(message, kind)]

    async def _decide(self, _: ServerConnection, request: Request) -> Response | None:
        from websockets.datastructures import Headers

        self.requests.append(request)
        self._changed.set()
        if self.refusal is None:
            return None
        status, headers = self.refusal
        return Response(status, HTTPStatus(status).phrase, Headers({**headers, "Content-Length": "0"}), b"")

    async def _serve(self, connection: ServerConnection) -> None:
        try:
            async for frame in connection:
                assert isinstance(frame, bytes)
                messages = framing.from_agent.decode(frame)
                self.frames.append(messages)
                for message in messages:
                    await self._hear(connection, message)
                self._changed.set()
        except ConnectionClosed:
            pass
        finally:
            self._changed.set()

    async def _hear(self, connection: ServerConnection, message: FromAgent) -> None:
        self.heard.append(message)
        if isinstance(message, Hello) and self.welcomes:
            self.connections.append(connection)
            await connection.send(framing.encode([Welcome(self.heartbeat)]))
        if self.acknowledges and isinstance(message, Report):
            await connection.send(framing.encode([Acknowledge(message.report)]))


@asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    service = Peer()
    await service.start()
    try:
        yield service
    finally:
        await service.stop()


def node_spec(service_url: str, **changes: object) -> NodeSpec:
    spec = NodeSpec(
        node_id=NODE,
        pool_id="pool",
        account="devbatch",
        account_url="http://127.0.0.1:10003",
        service_url=service_url,
        token="the-token",
        dedicated=True,
        slots=1,
        environment={},
    )
    return msgspec.structs.replace(spec, **changes)


def task(
    number: int,
    command_line: str,
    *,
    slots: int = 1,
    attempt: int = 1,
    retries: int = 0,
    requeues: int = 0,
    **definition: object,
) -> Run:
    content = msgspec.json.encode({"id": f"t{number}", "commandLine": command_line, **definition})
    return Run(number, attempt, "job", f"t{number}", slots, content, retries, requeues)


def start_task(attempt: int, definition: bytes, *, retries: int = 0) -> Run:
    return Run(0, attempt, "", "", 0, definition, retries, kind="starttask")


def task_directory(node: Path, number: int) -> Path:
    return node / "root" / "workitems" / "job" / "job-1" / f"t{number}"
