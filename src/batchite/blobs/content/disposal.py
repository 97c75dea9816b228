"""Removing content that nothing refers to any more, but not under a reader's hands.

A reader looks up what it will read, then holds it. Between the two a content may be removed; so a
lookup is watched, and repeated if that happened.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager, suppress

from batchite.blobs.content.base import Storage, StorageUnavailable
from batchite.store.blobs import contents
from batchite.store.database import Database

RETRY_SECONDS = 30
"""After which a removal that failed is tried again."""

log = logging.getLogger(__name__)


class _Watch:
    """Written out, since every download has one: a generator costs several times as much."""

    __slots__ = ("_watches",)

    def __init__(self, watches: dict[_Watch, set[int]]) -> None:
        self._watches = watches

    def __enter__(self) -> set[int]:
        removed = self._watches[self] = set()
        return removed

    def __exit__(self, *error: object) -> None:
        del self._watches[self]


class Disposal:
    """`dispose` may be called for contents whose last reference was dropped by a commit, only then."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage
        self._held: Counter[int] = Counter()
        self._watches: dict[_Watch, set[int]] = {}
        self._waiting: set[int] = set()
        self._task: asyncio.Task[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []

    def watch(self) -> AbstractContextManager[set[int]]:
        """The set that is entered receives the numbers that are removed meanwhile."""
        return _Watch(self._watches)

    def hold(self, numbers: Collection[int]) -> Callable[[], None]:
        """Keep these contents until the function that is returned is called."""
        self._held.update(numbers)

        def release() -> None:
            self._held.subtract(numbers)
            for number in numbers:
                if not self._held[number]:
                    del self._held[number]
            self._start()

        return release

    def dispose(self, numbers: Iterable[int]) -> None:
        """Remove these contents soon, and their records after them."""
        self._waiting.update(numbers)
        self._start()

    def _start(self) -> None:
        if self._waiting and (self._task is None or self._task.done()) and self._free():
            self._task = asyncio.get_running_loop().create_task(self._run())

    def _free(self) -> set[int]:
        return {number for number in self._waiting if number not in self._held}

    async def _run(self) -> None:
        while free := self._free():
            self._waiting -= free
            for removed in self._watches.values():
                removed |= free
            if not await self._try_to_remove(sorted(free)):
                return

    async def _try_to_remove(self, numbers: list[int]) -> bool:
        """What fails is tried again later; its records stay condemned, so the next start removes it, too."""
        try:
            await self._remove(numbers)
        except Exception as error:
            expected = isinstance(error, StorageUnavailable)
            log.error("content could not be removed for now: %s", error, exc_info=not expected)
            self._dispose_later(RETRY_SECONDS, numbers)
            return False
        return True

    def _dispose_later(self, seconds: float, numbers: list[int]) -> None:
        loop = asyncio.get_running_loop()
        self._timers = [timer for timer in self._timers if timer.when() > loop.time()]
        self._timers.append(loop.call_later(seconds, self.dispose, numbers))

    async def _remove(self, numbers: list[int]) -> None:
        await self._storage.remove(numbers)
        await self._database.write(lambda connection: contents.forget(connection, numbers))

    async def sweep(self) -> int:
        """Remove what a crash left behind; call it before anything is uploaded. Returns how many.

        Where something may still appear afterwards, all is removed once more when that time is over.
        """
        numbers = await self._database.read(contents.leftovers)
        late = self._storage.late_seconds
        if numbers and not late:
            await self._try_to_remove(numbers)
        elif numbers:
            self._dispose_later(late, numbers)
            with suppress(StorageUnavailable):
                await self._storage.remove(numbers)
        return len(numbers)

    async def settle(self) -> None:
        """Wait until everything that is not held has been removed, or could not be."""
        while self._task is not None and not self._task.done():
            await self._task

    async def close(self) -> None:
        """As `settle`, and nothing is tried again."""
        await self.settle()
        for timer in self._timers:
            timer.cancel()
