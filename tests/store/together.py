"""Writes that wait for the same commit."""

from __future__ import annotations

import asyncio
import threading

from batchite.store.database import Database, Unit

PATIENCE = 60
"""Seconds that a thread may take to do its part."""


class Busy:
    """A unit that holds its transaction open: wait until it has `begun`, and let it `go_on`."""

    def __init__(self) -> None:
        self._begun = threading.Event()
        self._may_go_on = threading.Event()

    def __call__(self, _connection: object) -> None:
        self._begun.set()
        assert self._may_go_on.wait(PATIENCE)

    async def begun(self) -> None:
        assert await asyncio.to_thread(self._begun.wait, PATIENCE)

    def go_on(self) -> None:
        self._may_go_on.set()


async def at_once(database: Database, *units: Unit[object]) -> list[object]:
    """What comes of units that are written in one transaction; they collect while another is under way."""
    busy = Busy()
    writing = asyncio.create_task(database.write(busy))
    await busy.begun()
    waiting = asyncio.gather(*map(database.write, units), return_exceptions=True)
    await asyncio.sleep(0)  # now they are all in the queue
    busy.go_on()
    await writing
    return await waiting
