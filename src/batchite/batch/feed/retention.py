"""How much of the feed is kept: so many events at most, for so long at most."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from typing import NamedTuple

from batchite.store.batch import feed
from batchite.store.batch.feed import Size
from batchite.store.database import Database
from batchite.wire.ticks import Clock

ROUND_SECONDS = 5.0
COUNTED_AT_ONCE = 5000
"""Rows whose sizes are read at once."""
REMOVED_AT_ONCE = 500
"""Rows removed in one transaction, so that nobody waits long for it."""
PORTIONS = 20
"""In one round."""

log = logging.getLogger(__name__)


class Kept(NamedTuple):
    """The bounds."""

    events: int
    ticks: int


def cut(oldest: Sequence[Size], excess: int, since: int) -> int | None:
    """The number of the last of these rows that is to be removed: as many as bring at least `excess` events
    less, and all that are older than `since`. None: there are none."""
    last = None
    for row in oldest:
        if excess <= 0 and row.at >= since:
            break
        last = row.number
        excess -= row.size
    return last


class Retention:
    """Removes what is too much, a small portion at a time; `start` and `stop` it."""

    def __init__(self, database: Database, clock: Clock, kept: Kept) -> None:
        self._database = database
        self._clock = clock
        self._kept = kept
        self._removed = 0
        self._counted = 0
        self._events = 0
        """of the rows past `_removed` up to `_counted`"""
        self._rounds: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._rounds = asyncio.create_task(self._run(), name="feed retention")

    async def stop(self) -> None:
        if self._rounds is not None:
            self._rounds.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._rounds

    async def _run(self) -> None:
        while True:
            try:
                await self.run_once()
            except Exception:
                log.exception("what is too old of the feed could not be removed; it is tried again")
            await asyncio.sleep(ROUND_SECONDS)

    async def run_once(self) -> None:
        """Count what is new, and remove what is too much, so many portions at most."""
        await self._count()
        for _ in range(PORTIONS):
            oldest = await self._sizes(self._removed, REMOVED_AT_ONCE)
            last = cut(oldest, self._events - self._kept.events, self._clock.now().ticks - self._kept.ticks)
            if last is None:
                return
            await self._remove(last)
            self._events -= sum(row.size for row in oldest if row.number <= last)
            self._removed = last

    async def _count(self) -> None:
        """Where others write, too, what becomes visible late is not counted, and what they have removed makes
        it begin anew."""
        removed = await self._database.read(feed.removed)
        if removed != self._removed:
            self._removed, self._counted, self._events = removed, removed, 0
        while rows := await self._sizes(self._counted, COUNTED_AT_ONCE):
            self._events += sum(row.size for row in rows)
            self._counted = rows[-1].number

    async def _sizes(self, after: int, limit: int) -> list[Size]:
        return await self._database.read(lambda connection: feed.sizes(connection, after, limit))

    async def _remove(self, through: int) -> None:
        await self._database.write(lambda connection: feed.remove(connection, through))
