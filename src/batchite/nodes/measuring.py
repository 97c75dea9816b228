"""Answering what the node uses. Looking takes a while, so one look at a time serves all who ask meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from batchite.link.messages import FromAgent, UseMeasured
from batchite.nodes.sandbox.use import Use
from batchite.nodes.threads import in_thread

_NOTHING = Use(None, None, None, None)


class Measuring:
    """`use` looks, in a thread; `send` puts an answer on the link."""

    def __init__(self, use: Callable[[], Use], send: Callable[[FromAgent], None]) -> None:
        self._use = use
        self._send = send
        self._asked: list[int] = []
        self._look: asyncio.Task[None] | None = None

    def serve(self, request: int) -> None:
        self._asked.append(request)
        if self._look is None:
            self._look = asyncio.get_running_loop().create_task(self._answer())

    async def close(self) -> None:
        if self._look is not None:
            self._look.cancel()
            await asyncio.wait([self._look])

    async def _answer(self) -> None:
        try:
            used = await in_thread(self._use)
        except OSError:
            used = _NOTHING
        finally:
            self._look = None
        asked, self._asked = self._asked, []
        for request in asked:
            self._send(UseMeasured(request, *used))
