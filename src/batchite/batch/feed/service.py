"""The feed of the Batch service, composed."""

from __future__ import annotations

from collections.abc import Sequence

from batchite.batch.feed.api import Events
from batchite.batch.feed.retention import Kept, Retention
from batchite.batch.feed.tail import Tail
from batchite.batch.own import Endpoint
from batchite.store.database import Database
from batchite.wire.ticks import Clock, Duration


class Feed:
    """`start` it before its endpoints are served; `stop` ends every answer that waits for events."""

    def __init__(self, database: Database, clock: Clock, *, events: int, hours: int) -> None:
        """So many events are kept at most, each for so many hours."""
        self._tail = Tail(database)
        self._retention = Retention(database, clock, Kept(events, Duration.of(seconds=hours * 3600).ticks))
        self._events = Events(self._tail)

    @property
    def tail(self) -> Tail:
        """For whoever else follows."""
        return self._tail

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        return self._events.endpoints

    async def start(self) -> None:
        await self._tail.start()
        await self._retention.start()

    async def stop(self) -> None:
        await self._tail.stop()
        await self._retention.stop()
