"""How an answer leaves: its head together with the first of its body, and files without copies."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, RequestResponseCycle

from batchite.web import dating, zerocopy

JOINED_BYTES = 64 * 1024
"""A longer body is not copied for it; it takes more than one packet anyway."""

_FOR_THE_SERVER = frozenset({b"connection", b"transfer-encoding"})
_CONTROLS = bytes({*range(32), 127} - {ord("\t")})
"""No value has them; a line break would end the head."""


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
        if message["type"] == "http.response.start":
            self._cycle.default_headers = dating.now()
            if self._start(message):
                return _done()
        return self._send(message)

    def _start(self, message: dict[str, Any]) -> bool:
        """Takes the head of an ordinary answer; the server, which does it header by header, takes as long
        as the look-up of a blob. False for what is left to the server, and for what it has to refuse."""
        cycle, headers = self._cycle, message.get("headers", ())
        known = dict(headers)
        if b"content-length" not in known or not known.keys().isdisjoint(_FOR_THE_SERVER):
            return False
        if cycle.response_started or cycle.disconnected or cycle.flow.write_paused or not cycle.keep_alive:
            return False
        lines = [b"%b: %b\r\n" % header for header in (*cycle.default_headers, *headers)]
        head = b"%b%b\r\n" % (STATUS_LINE[message["status"]], b"".join(lines))
        if len(head.translate(None, _CONTROLS)) != len(head) - 2 * (len(lines) + 2):  # a CR and LF each
            return False
        cycle.response_started, cycle.waiting_for_100_continue = True, False
        cycle.expected_content_length, cycle.chunked_encoding = int(known[b"content-length"]), False
        self._head = head
        return True

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
        self.part()
        self._complete()

    def part(self) -> None:
        """Let both be freed when nobody has any more use for them, rather than when garbage is collected."""
        self._cycle.transport = self._transport
        self._cycle.on_response = self._complete
        del self._cycle.send


async def _done() -> None:
    """There is nothing to wait for."""


def join(transport: asyncio.Transport, cycle: RequestResponseCycle | None) -> None:
    """Let the answer of a request that has just begun on `transport` be joined."""
    if cycle is not None and cycle.transport is transport:
        Joined(cycle)


def part(cycle: RequestResponseCycle) -> None:
    """The answer of this request will not be sent."""
    if isinstance(cycle.transport, Joined):
        cycle.transport.part()
