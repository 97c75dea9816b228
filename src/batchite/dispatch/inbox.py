"""What a shard's owner has been told and has not looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from batchite.dispatch.inputs import Input


class Inbox:
    """Inputs in order, and whether there may be events that nobody has read."""

    def __init__(self) -> None:
        self._items: list[Input] = []
        self._look = True
        self._filled = asyncio.Event()

    @property
    def is_filled(self) -> bool:
        return self._filled.is_set()

    def put(self, item: Input) -> None:
        """Something happened."""
        self._items.append(item)
        self._filled.set()

    def look(self) -> None:
        """There may be new events."""
        self._look = True
        self._filled.set()

    async def wait(self) -> None:
        """Until something is in it."""
        await self._filled.wait()

    def take(self) -> tuple[list[Input], bool]:
        """All of it: inputs, and whether events are to be looked for."""
        self._filled.clear()
        items, self._items = self._items, []
        look, self._look = self._look, False
        return items, look

    def drop(self, unwanted: Callable[[Input], bool]) -> None:
        self._items = [item for item in self._items if not unwanted(item)]
