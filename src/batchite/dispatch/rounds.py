"""What is looked up every second: leases, due rows, events that nobody announced, nodes that say nothing, and
what agents have to be told anew."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import sqlalchemy as sa

from batchite.dispatch.inputs import Due
from batchite.dispatch.ownership import Ownership
from batchite.scheduling.silence import LOOK_TICKS
from batchite.store.batch import work
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND, Clock

ROUND_SECONDS = 1.0
RETIRED = 50
"""Shards that are given up in one round; due rows are not to wait for more."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class Rounds:
    def __init__(
        self, database: Database, clock: Clock, ownership: Ownership, each: Callable[[], None]
    ) -> None:
        """`each` is called in every round."""
        self._each = each
        self._database = database
        self._clock = clock
        self._ownership = ownership
        self._looked = 0
        """when shards last looked for silent nodes"""
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="rounds")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            pause = ROUND_SECONDS
            try:
                await self.run_once()
                pause = await self._pause()
            except Exception:
                log.exception("looking for due rows failed")
            await asyncio.sleep(pause)

    async def run_once(self) -> None:
        """Keep the leases; unless nothing is taken any more, also turn due rows into inputs, find events and
        silence, and let go of what is idle."""
        await self._ownership.keep()
        if self._ownership.is_closed:
            return
        self._each()
        now = self._clock.now().ticks
        due = await self.read(partial(work.due_until, until=now))
        await self._ownership.acquire({shard for shard, _, _ in due})
        here = self._ownership.shards
        for name, kind, subject in due:
            if name in here:
                here[name].inbox.put(Due(kind, subject))
        for name in await self.read(work.behind):
            self._ownership.wake(name)
        self._look_for_silence(now)
        for name in [name for name, shard in here.items() if shard.is_idle][:RETIRED]:
            await self._ownership.retire(name)

    async def read(self, query: Callable[[sa.Connection, str, int], T]) -> T:
        """Ask for work that nobody else sees to."""
        name, now = self._ownership.name, self._ownership.now
        return await self._database.read(lambda connection: query(connection, name, now))

    def _look_for_silence(self, now: int) -> None:
        if now - self._looked >= LOOK_TICKS:
            self._looked = now
            for shard in self._ownership.shards.values():
                shard.reactor.look()

    async def _pause(self) -> float:
        next_due = await self.read(work.next_due)
        if next_due is None:
            return ROUND_SECONDS
        left = (next_due - self._clock.now().ticks) / TICKS_PER_SECOND
        return min(max(left, 0.01), ROUND_SECONDS)
