"""How an answer leaves: its head together with the first of its body, and files without copies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from batchite.web import zerocopy

JOINED_BYTES = 64 * 1024
"""A longer body is not copied for it; it takes more than one packet anyway."""


class Joined:
    """Stands between an answer and its transport; what a small answer has goes out in one piece.

    Two would be two system calls and two packets, and wake the client twice. Whatever is written before
    the answer has started (`100 Continue`) goes out at once.
    """

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._transport = cycle.transport
        self._complete = cycle.on_response
        self._send = cycle.send
        self._head: bytes | None = None
        self._head_written = False
        cycle.transport = self  # type: ignore[assignment]  # it uses these methods alone
        cycle.on_response = self._on_response
        cycle.send = self.send  # type: ignore[assignment]

    def send(self, message: Any) -> Awaitable[None]:
        if message["type"] == zerocopy.EXTENSION:
            return self._send_file(message)
        return self._send(message)

    async def _send_file(self, message: dict[str, Any]) -> None:
        """`offset` and `count` have to be given, and the answer to have told its length."""
        cycle, count = self._cycle, message["count"]
        if cycle.disconnected:
            return
        if count > cycle.expected_content_length:
            raise RuntimeError("more of a file than the answer's Content-Length has room for")
        self._flush()
        if await zerocopy.send_file(self._transport, cycle.flow, message["file"], message["offset"], count):
            cycle.expected_content_length -= count
            if not message.get("more_body", False):
                await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            cycle.disconnected = True

    def write(self, data: bytes) -> None:
        if self._cycle.response_started and not self._head_written and self._head is None:
            self._head = data
        elif self._head is not None and len(data) <= JOINED_BYTES:
            self._head += data
            self._flush()
        else:
            self._flush()
            self._transport.write(data)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()

    def _flush(self) -> None:
        if self._head is not None:
            head, self._head, self._head_written = self._head, None, True
            self._transport.write(head)

    def _on_response(self) -> None:
        self._flush()  # an answer to HEAD writes no body
        self._complete()


def join(transport: asyncio.Transport, cycle: RequestResponseCycle | None) -> None:
    """Let the answer of a request that has just begun on `transport` be joined."""
    if cycle is not None and cycle.transport is transport:
        Joined(cycle)
