"""Taking the rest of a long body from the connection straight into the buffers of whoever reads it.

On the ordinary way, through the parser, every byte is copied a few times, and a reader is woken for
each quarter of a mebibyte.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from uvicorn.protocols.http.flow_control import FlowControl

from batchite.web.buffers import Buffers
from batchite.web.problems import ClientGone

LEAST_BYTES = 256 * 1024
"""Of a body; less goes the ordinary way."""
_DROPPED_BYTES = 64 * 1024


class Connection(Protocol):
    """What a body needs of the protocol that it stands in for (`web.protocol`)."""

    transport: asyncio.Transport
    flow: FlowControl
    heard: int
    """bytes that have come"""

    def body_taken(self) -> None:
        """The end of the body has come."""

    def connection_lost(self, exc: Exception | None) -> None: ...
    def eof_received(self) -> bool | None: ...
    def pause_writing(self) -> None: ...
    def resume_writing(self) -> None: ...


class Body(asyncio.BufferedProtocol):
    """Stands in for the connection's protocol while `rest` bytes of a body are still to come.

    While nobody asks for them the connection is paused. When the request has been answered it goes on,
    and what still comes of the body is dropped.
    """

    def __init__(self, protocol: Connection, rest: int) -> None:
        self._rest = rest
        self._protocol = protocol
        self._flow = protocol.flow
        self._into: memoryview | None = None
        """what is still to be filled; dropped bytes have no place"""
        self._filled: asyncio.Future[None] | None = None
        self._flow.pause_reading()
        self._before = protocol.transport.get_protocol()
        protocol.transport.set_protocol(self)

    async def blocks(self) -> AsyncIterator[memoryview]:
        """All of it, in views of buffers. Raises ClientGone."""
        buffers = Buffers()
        try:
            while self._rest:
                view = memoryview(buffers.take())[: self._rest]
                await self._fill(view)
                yield view
                del view
        finally:
            buffers.leave()

    async def _fill(self, view: memoryview) -> None:
        if self._protocol.transport.is_closing():
            raise _gone()
        self._into = view
        self._filled = asyncio.get_running_loop().create_future()
        self._flow.resume_reading()
        try:
            await self._filled
        finally:
            self._into = self._filled = None

    def get_buffer(self, sizehint: int) -> memoryview | bytearray:
        return bytearray(min(self._rest, _DROPPED_BYTES)) if self._into is None else self._into

    def buffer_updated(self, nbytes: int) -> None:
        self._rest -= nbytes
        self._protocol.heard += nbytes
        if self._into is not None:
            self._into = self._into[nbytes:]
            if not self._into:
                self._flow.pause_reading()
                self._tell(None)
        if not self._rest:
            self._end()

    def _end(self) -> None:
        self._flow.pause_reading()  # a transport reads for the protocol it had when it began
        self._protocol.transport.set_protocol(self._before)
        self._flow.resume_reading()
        self._protocol.body_taken()

    def _tell(self, problem: ClientGone | None) -> None:
        """Whoever waits for a buffer to be full."""
        if self._filled is None or self._filled.done():
            return
        if problem is None:
            self._filled.set_result(None)
        else:
            self._filled.set_exception(problem)

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell(_gone())
        self._protocol.connection_lost(exc)

    def eof_received(self) -> None:
        self._protocol.eof_received()

    def pause_writing(self) -> None:
        self._protocol.pause_writing()

    def resume_writing(self) -> None:
        self._protocol.resume_writing()


def _gone() -> ClientGone:
    return ClientGone("The connection was closed before the body was complete.")
