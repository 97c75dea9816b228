"""Pages that follow what they show: the block `live`, rendered again after a change and sent as an event.

A page's stream belongs to its URL. It is told by the feed that something has changed, asks the page's view
as a look would, and sends what came out if that is not what was sent last. A browser stops its stream while
nobody sees the page and goes on with the last event's id, which is what was sent.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeAlias

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from batchite.portal import rendering
from batchite.portal.answers import Page
from batchite.portal.following import Changes
from batchite.web.request import Incoming

PATH = "/-/portal/live"
MEDIA_TYPE = "text/event-stream"
HEARTBEAT_SECONDS = 15.0
PAUSE_SECONDS = 0.5
"""Between two looks, so that whatever happens in a second is sent twice at most."""
PAUSES_OF_A_LOOK = 20
LONGEST_PAUSE_SECONDS = 5.0
"""A pause is so many times as long as the look before, within these bounds, so that many who look at large
pages do not keep a busy service from its work."""
_GONE = b"event: gone\ndata:\n\n"
"""after which a browser does not come back"""

Again: TypeAlias = Callable[[], Awaitable[tuple[Page, dict[str, object]]]]
"""Asks the view again, for the page and all its values. Raises what the view raises."""


class Stream(StreamingResponse):
    """A page, as it changes, until its browser closes it or the service stops. `was` is the digest of what
    the browser has."""

    def __init__(
        self,
        request: Incoming,
        changes: Changes,
        account: str,
        page: Page,
        again: Again,
        was: str,
        headers: dict[str, str],
    ) -> None:
        self._request = request
        self._events = _events(changes, account, page, again, was)
        super().__init__(self._events, headers={**headers, "x-accel-buffering": "no"}, media_type=MEDIA_TYPE)

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Raises ClientGone."""
        async with aclosing(self._events):
            await self._request.unless_gone(self.stream_response(send))


def gone(headers: dict[str, str]) -> Response:
    """To who asks for what is not there, or not for them: there is no need to come back."""
    return Response(_GONE, headers=headers, media_type=MEDIA_TYPE)


async def _events(
    changes: Changes, account: str, page: Page, again: Again, was: str
) -> AsyncGenerator[bytes]:
    if page.watches is None:
        return
    async with changes.follow(account, page.watches) as following:
        yield b":\n\n"
        loop = asyncio.get_running_loop()
        while not following.is_over:
            began = loop.time()
            try:
                found, values = await again()
            except Exception:  # whatever it is, the page itself says it to whoever loads it again
                yield _GONE
                return
            text = rendering.live_block(found.template, values)
            took = loop.time() - began
            now = rendering.digest(text)
            if now != was:
                was = now
                yield _event(text, now)
            await asyncio.sleep(max(PAUSE_SECONDS, min(PAUSES_OF_A_LOOK * took, LONGEST_PAUSE_SECONDS)))
            while not following.is_over and not await following.changed(found.again or HEARTBEAT_SECONDS):
                yield b":\n\n"
                if found.again:
                    break


def _event(text: str, id_: str) -> bytes:
    lines = "\n".join(f"data: {line}" for line in text.split("\n"))
    return f"id: {id_}\n{lines}\n\n".encode()
