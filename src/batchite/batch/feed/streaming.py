"""An answer that goes on: server-sent events, with the cursor as the id of each.

So a browser that lost the connection comes back with the last one (`Last-Event-ID`). While nothing happens a
comment shows that the connection lives, or an event `cursor` how far it was read. What is sent waits for the
client; one that takes nothing for too long is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from batchite.batch.feed.cursors import Cursors, ExpiredError, expired
from batchite.batch.feed.reading import Found, Reader
from batchite.web.problems import BrokenOff
from batchite.web.request import Incoming

MEDIA_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
SEND_SECONDS = 60.0
"""How long a client may take none of what is sent."""
RETRY_MILLISECONDS = 1000
"""When a browser that has lost the connection comes back."""
MOST = 1000
"""Events in one piece."""


class EventStream(Response):
    """Sends what the reader finds until the client goes or the feed is over; `leave` is called at the end."""

    def __init__(
        self,
        request: Incoming,
        reader: Reader,
        cursors: Cursors,
        headers: Mapping[str, str],
        leave: Callable[[], None],
        heartbeat: float = HEARTBEAT_SECONDS,
    ) -> None:
        super().__init__(None, 200, {**headers, "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self.headers["Content-Type"] = f"{MEDIA_TYPE}; charset=utf-8"
        self._request = request
        self._reader = reader
        self._cursors = cursors
        self._leave = leave
        self._heartbeat = heartbeat

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        try:
            await self._request.unless_gone(self._send_all(send))
        finally:
            self._leave()

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await self._send(send, b"retry: %d\n%b" % (RETRY_MILLISECONDS, self._cursor()))
        told = self._reader.position
        while not self._reader.is_over:
            try:
                found = await self._reader.next(MOST, self._heartbeat)
            except ExpiredError:
                await self._send(send, _gone())
                break
            if self._reader.is_over and not found:
                break
            if found:
                piece = self._events(found)
            elif self._reader.position != told:
                piece = self._cursor()
            else:
                piece = b":\n\n"
            told = found[-1].after if found else self._reader.position
            await self._send(send, piece)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send, piece: bytes) -> None:
        """Raises BrokenOff."""
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except TimeoutError:
            raise BrokenOff(f"the reader of events took none for {SEND_SECONDS:g} seconds") from None

    def _events(self, found: Sequence[Found]) -> bytes:
        text = self._cursors.text
        return b"".join(
            b"id: %b\nevent: %b\ndata: %b\n\n" % (text(after).encode(), line.kind.encode(), line.data)
            for line, after in found
        )

    def _cursor(self) -> bytes:
        text = self._cursors.text(self._reader.position).encode()
        return b'id: %b\nevent: cursor\ndata: {"cursor":"%b"}\n\n' % (text, text)


def _gone() -> bytes:
    error = expired()
    told = msgspec.json.encode({"code": error.code, "message": error.message})
    return b"event: expired\ndata: %b\n\n" % told
