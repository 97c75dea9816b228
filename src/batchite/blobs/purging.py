"""Removing what was deleted softly, and blocks that nobody committed, when their time is over.

Nothing waits for it: of what was deleted, nothing that is due is found by any request any more.
"""

from __future__ import annotations

import asyncio
import logging

import sqlalchemy as sa

from batchite.blobs.content.disposal import Disposal
from batchite.store.blobs import blobs, blocks, containers, contents, kept
from batchite.store.database import Database
from batchite.wire.ticks import Clock

PERIOD_SECONDS = 60
_AT_ONCE = 200
"""Blobs in one transaction; what others wait for it."""
_STAGED_AT_ONCE = 10
"""Blobs whose staged blocks go in one transaction; there may be many of each."""

log = logging.getLogger(__name__)


class Purging:
    """Looks at once and then every minute, from `start` to `stop`."""

    def __init__(self, database: Database, disposal: Disposal, clock: Clock) -> None:
        self._database = database
        self._disposal = disposal
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        while True:
            try:
                await self.purge()
            except Exception:  # what is due now is due the next time as well
                log.exception("what was deleted could not be removed for good")
            await asyncio.sleep(PERIOD_SECONDS)

    async def purge(self) -> int:
        """Remove everything that is due; returns how many blobs, containers and blobs of staged blocks
        that were."""
        total = 0
        while found := await self._some():
            total += found
        return total

    async def _some(self) -> int:
        now = self._clock.now().ticks
        count = await self._database.read(lambda connection: _count(connection, now))
        if count:
            self._disposal.dispose(await self._database.write(lambda connection: _remove(connection, now)))
        return count


def _count(connection: sa.Connection, now: int) -> int:
    found = len(kept.due(connection, now, _AT_ONCE)) + len(containers.due(connection, now, 1))
    return found + len(blocks.expired(connection, now, _STAGED_AT_ONCE))


def _remove(connection: sa.Connection, now: int) -> list[int]:
    """Some blobs, a container with all that is in it, and the staged blocks of some blobs."""
    condemned = blobs.delete_rows(connection, kept.due(connection, now, _AT_ONCE))
    for number in containers.due(connection, now, 1):
        condemned += containers.remove(connection, number)
    for number in blocks.expired(connection, now, _STAGED_AT_ONCE):
        condemned += contents.release_blocks(connection, number)
    return condemned
