"""Parts of a process that are made when they are first asked for: a start takes no longer for them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

A = TypeVar("A", bound="ASGIApp")


class Late(Generic[A]):
    """ASGI. `make` imports and makes the application, once, in a thread: others are served meanwhile."""

    def __init__(self, make: Callable[[], A]) -> None:
        self._make = make
        self._making = asyncio.Lock()
        self.app: A | None = None
        """none: nobody has asked for it yet"""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app or await self._made()
        await app(scope, receive, send)

    async def _made(self) -> A:
        async with self._making:
            if self.app is None:
                self.app = await asyncio.to_thread(self._make)
        return self.app
