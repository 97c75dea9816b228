"""Hearing of changes: one who reads the feed for a page that somebody looks at."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from batchite.batch.feed.cursors import ExpiredError, Position
from batchite.batch.feed.reading import Reader, Wanted
from batchite.batch.feed.tail import Tail
from batchite.portal.answers import Watched

MOST = 1000
"""Changes that are taken note of at once; what they are is looked up anyway."""
MOST_FOLLOWERS = 100
"""Pages that are followed at the same time."""


class Following:
    """From the present on."""

    def __init__(self, tail: Tail, wanted: Wanted) -> None:
        self._tail = tail
        self._reader = self._read(wanted)
        self._wanted = wanted

    def _read(self, wanted: Wanted) -> Reader:
        return Reader(self._tail, wanted, Position(self._tail.complete + 1))

    @property
    def is_over(self) -> bool:
        """The service stops."""
        return self._tail.is_over

    async def changed(self, seconds: float) -> bool:
        """Whether something has changed since the last call; waits for it so many seconds."""
        try:
            return bool(await self._reader.next(MOST, seconds))
        except ExpiredError:  # more than is kept has changed
            self._reader = self._read(self._wanted)
            return True


class Changes:
    """The feed, for all pages that are looked at."""

    def __init__(self, tail: Tail) -> None:
        self._tail = tail
        self._followers = 0

    @property
    def is_full(self) -> bool:
        """There may be no more followers."""
        return self._followers >= MOST_FOLLOWERS

    @asynccontextmanager
    async def follow(self, account: str, watched: Watched) -> AsyncIterator[Following]:
        """What changes of an account, as far as it changes the page."""
        self._followers += 1
        try:
            await self._tail.enter()
            try:
                await self._tail.refresh()
                yield Following(
                    self._tail, Wanted(account, watched.job, watched.pool, frozenset(watched.kinds))
                )
            finally:
                self._tail.leave()
        finally:
            self._followers -= 1
