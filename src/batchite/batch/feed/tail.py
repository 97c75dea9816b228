"""The end of the feed, read once for all who follow it.

As long as somebody follows, new rows are read when a commit may have brought some, at the latest after a
second, and kept decoded up to a number of bytes. Who is further behind reads the store, a page at a time and
few at once, so that neither many readers nor a slow one take memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from bisect import bisect_left
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

import sqlalchemy as sa

from batchite.batch.feed.cursors import ExpiredError, Position
from batchite.batch.feed.horizon import Horizon
from batchite.batch.feed.lines import Line, lines
from batchite.store.batch import feed
from batchite.store.database import Database

ROUND_SECONDS = 1.0
"""How often the store is asked for rows that nobody has announced, such as another process's."""
PAUSE_SECONDS = 0.1
"""After a look that has found something, so that under load the next one brings many rows."""
GAP_SECONDS = 0.02
"""Between two looks for what may still become visible."""
LINGER_SECONDS = 60.0
"""How long the end is followed after the last reader has left: one that asks again and again is away shortly
each time."""
KEPT_BYTES = 2 * 1024 * 1024
"""Of decoded rows."""
LINE_BYTES = 160
"""What a line takes besides its text."""
PAGE_BYTES = 64 * 1024
"""Of entries that are read at once; decoded they take ten times as much."""
PAGES_AT_ONCE = 2

log = logging.getLogger(__name__)


class Told(NamedTuple):
    """A row, decoded."""

    number: int
    shard: str
    lines: tuple[Line, ...]

    @property
    def size(self) -> int:
        return sum(len(line.data) + LINE_BYTES for line in self.lines)


class Part(NamedTuple):
    """Rows from a position on, and the number of the next row after them."""

    rows: Sequence[Told]
    next: int


class Tail:
    """`start` and `stop` it; between `enter` and `leave` somebody follows."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._horizon: Horizon | None = None
        """none as long as nobody follows"""
        self._kept: list[Told] = []
        self._size = 0
        self._before = 0
        """all complete rows past this number are kept"""
        self._followers = 0
        self._left = 0.0
        self._reading = asyncio.Lock()
        self._pages = asyncio.Semaphore(PAGES_AT_ONCE)
        self._stirred = asyncio.Event()
        self._is_stirred = False
        self._grown = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self.is_over = False

    async def start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._database.on_commit(self._stir)

    async def stop(self) -> None:
        """Whoever waits waits no longer."""
        self.is_over = True
        self._grown.set()
        if self._following is not None:
            self._following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._following

    # -- who follows

    async def enter(self) -> None:
        self._followers += 1
        try:
            async with self._reading:
                if self._horizon is None:
                    await self._begin()
        except BaseException:
            self.leave()
            raise

    def leave(self) -> None:
        self._followers -= 1
        self._left = self._loop.time()

    async def _begin(self) -> None:
        """With the present: what may have become visible late is waited for."""
        last = await self._database.read(feed.last)
        if await self._database.read(feed.decided) is not None:
            latest = await self._database.read(feed.transaction)
            while (await self._database.read(feed.decided) or 0) <= latest:  # noqa: ASYNC110 (no event)
                await asyncio.sleep(GAP_SECONDS)
        self._horizon = Horizon(last)
        self._before = last
        self._following = asyncio.create_task(self._follow(), name="feed")

    # -- the end of the feed

    @property
    def complete(self) -> int:
        """The number up to which all rows are there that ever will be."""
        return 0 if self._horizon is None else self._horizon.complete

    async def refresh(self) -> None:
        """Read what has been committed until now."""
        async with self._reading:
            if self._horizon is not None:
                self._is_stirred = False
                while await self._advance(self._horizon):
                    pass

    async def grown(self, complete: int, seconds: float) -> None:
        """Wait until more than this is complete, for so many seconds at most, or until it is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.complete <= complete and not self.is_over:
                    await self._grown.wait()

    def _stir(self) -> None:
        """Called after each commit, from any thread."""
        if self._horizon is not None and not self._is_stirred:
            self._is_stirred = True
            with contextlib.suppress(RuntimeError):  # the loop has been closed
                self._loop.call_soon_threadsafe(self._stirred.set)

    async def _follow(self) -> None:
        while self._followers or self._loop.time() - self._left < LINGER_SECONDS:
            before = self.complete
            self._stirred.clear()
            try:
                await self.refresh()
            except Exception:
                log.exception("the end of the feed could not be read; it is tried again")
            waits = self._horizon is not None and self._horizon.gap is not None
            await asyncio.sleep(PAUSE_SECONDS if self.complete > before and not waits else GAP_SECONDS)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(GAP_SECONDS if waits else ROUND_SECONDS):
                    await self._stirred.wait()
        self._horizon = self._following = None
        self._kept, self._size = [], 0

    async def _advance(self, horizon: Horizon) -> bool:
        """Read the next rows; whether there are more."""
        before = horizon.complete
        found, rows = await self._database.read(lambda c: _visible(c, before))
        unknown = horizon.advance([row.number for row in rows], found.decided)
        if unknown is not None:
            horizon.wait_for(unknown, await self._database.read(feed.transaction))
        complete = [row for row in rows if row.number <= horizon.complete]
        if not complete:
            return False
        self._keep(complete)
        grown, self._grown = self._grown, asyncio.Event()
        grown.set()
        return found.more

    def _keep(self, rows: Sequence[Told]) -> None:
        self._kept += rows
        self._size += sum(row.size for row in rows)
        dropped = 0
        while self._size > KEPT_BYTES and dropped < len(self._kept) - 1:
            self._size -= self._kept[dropped].size
            self._before = self._kept[dropped].number
            dropped += 1
        del self._kept[:dropped]

    # -- reading

    async def begin(self) -> Position:
        """Before all that is kept."""
        return Position(await self._database.read(feed.removed) + 1)

    async def check(self, position: Position) -> None:
        """Raises ExpiredError if nobody can read on from there."""
        if position.number > self.complete:
            await self._check_ahead(position)
        elif position.number <= self._before and position.number <= await self._database.read(feed.removed):
            raise ExpiredError

    async def read(self, position: Position) -> Part:
        """Rows from the position on. Raises ExpiredError."""
        complete = self.complete
        if position.number > complete:
            await self._check_ahead(position)
            return Part((), position.number)
        if position.number > self._before:
            first = bisect_left(self._kept, position.number, key=attrgetter("number"))
            return Part(self._kept[first:], complete + 1)
        async with self._pages:
            return await self._database.read(lambda c: _page(c, position, complete))

    async def _check_ahead(self, position: Position) -> None:
        """A position that no row leads to is of other data than these, older ones that were put back."""
        if position > Position(self.complete + 1):
            last = await self._database.read(feed.last)
            if position > Position(last + 1):
                raise ExpiredError


def _visible(connection: sa.Connection, after: int) -> tuple[feed.Visible, list[Told]]:
    found = feed.visible(connection, after, PAGE_BYTES)
    return found, _decoded(found.rows)


def _page(connection: sa.Connection, position: Position, complete: int) -> Part:
    if position.number <= feed.removed(connection):
        raise ExpiredError
    found, more = feed.page(connection, position.number - 1, PAGE_BYTES, complete)
    return Part(_decoded(found), found[-1].number + 1 if more else complete + 1)


def _decoded(rows: Sequence[feed.Row]) -> list[Told]:
    return [Told(row.number, row.shard, lines(row)) for row in rows]
