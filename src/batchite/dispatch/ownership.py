"""The shards of this process, and the leases under which it has them.

A lease is renewed when a third of it is over. While it lasts nobody else takes the shard; so an owner that
could not renew stops deciding before it ends, however its commits fare, and lets the shard go. The fence in
each commit stays the truth: clocks may differ, and whoever has the name of the owner takes at any time.

A service whose database is nobody else's, as the lock of its data directory makes sure, has leases without
end and heeds no others: they are those of a service that ran here before. So a start waits for nothing, and
neither a clock that is set nor a machine that slept costs it a shard.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType

from batchite.dispatch.background import Background
from batchite.dispatch.runner import AnyRunner
from batchite.store.batch import shards, work
from batchite.store.batch.shards import OwnedShard
from batchite.store.database import Database
from batchite.wire.ticks import MAX_TICKS, Clock, Duration

LEASE = Duration.of(seconds=15)
"""How long a shard whose owner has died waits for another; the owners' clocks must differ by far less."""

log = logging.getLogger(__name__)


class Ownership:
    """`begin` makes the runner of a lease; `lost` is told the names of shards that are another's now.

    Without a `lease` the database is nobody else's.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        lease: Duration | None,
        begin: Callable[[OwnedShard], AnyRunner],
        lost: Callable[[str], None],
    ) -> None:
        self.name = secrets.token_hex(8)
        self._database = database
        self._clock = clock
        self._lease = lease
        self._begin = begin
        self._lost = lost
        self._shards: dict[str, AnyRunner] = {}
        self._changing_hands = asyncio.Lock()
        """held while shards are taken or given up"""
        self._ends = 0
        """when this process stops deciding unless it renews, which is a little before its leases end"""
        self._renews = 0
        self._acquisitions = Background()
        self.is_closed = False
        """nothing is taken any more"""

    @property
    def shards(self) -> Mapping[str, AnyRunner]:
        """Those of this process, by name."""
        return MappingProxyType(self._shards)

    @property
    def now(self) -> int:
        """The time up to which the leases of others have ended."""
        return MAX_TICKS if self._lease is None else self._clock.now().ticks

    @property
    def holds(self) -> bool:
        """The leases of this process last."""
        return self._lease is None or self._clock.now().ticks < self._ends

    async def acquire(self, names: Collection[str]) -> None:
        """Take those that are not here yet and nobody else's; none once it is closed."""
        async with self._changing_hands:
            new = [name for name in names if name not in self._shards]
            if not new or self.is_closed:
                return
            now, until = self.now, self._until()
            leases = await self._database.write(lambda c: shards.acquire(c, new, self.name, now, until))
            if not self._shards:
                self._count_from(now)
            for lease in leases:
                shard = self._shards[lease.shard] = self._begin(lease)
                shard.start()

    def wake(self, name: str) -> None:
        """There may be new events of the shard."""
        shard = self._shards.get(name)
        if shard is not None and not shard.is_closing:
            shard.inbox.look()
        elif not self.is_closed:
            self._acquisitions.start(self.acquire([name]))

    async def owned(self, name: str) -> AnyRunner | None:
        """The shard, taken if it is nobody's; None if it is another's, or nothing is taken any more."""
        shard = self._shards.get(name)
        if shard is None or shard.is_closing:
            await self.acquire([name])
            shard = self._shards.get(name)
        return shard

    async def keep(self) -> None:
        """Renew in time, compare what is held with what the store says, and take what others have left
        behind; to be called every second or so."""
        if self._lease is None:
            return
        if self._shards and not self.holds:
            log.error("the leases could not be renewed in time; all shards are let go")
            self._lose(list(self._shards.values()))
        if self._clock.now().ticks < self._renews:
            return
        await self.acquire(await self._renew())

    async def _renew(self) -> Collection[str]:
        """Returns what is to be taken: what this process has left behind, or others."""
        async with self._changing_hands:
            now, until = self.now, self._until()
            held = await self._database.write(lambda c: shards.renew(c, self.name, until))
            self._count_from(now)
            here = self._shards.values()
            self._lose([shard for shard in here if held.get(shard.name) != shard.lease.epoch])
        left = await self._database.read(lambda c: work.abandoned(c, self.name, now))
        return {*held, *left} - self._shards.keys()

    async def retire(self, name: str) -> None:
        """Give the shard up if it is idle."""
        async with self._changing_hands:
            shard = self._shards.get(name)
            if shard is not None and shard.is_idle and not self.is_closed and await shard.retire():
                del self._shards[name]

    def lose(self, shard: AnyRunner) -> None:
        """It is another's."""
        self._lose([shard])

    async def close(self) -> list[AnyRunner]:
        """Take nothing any more; returns those that are here."""
        self.is_closed = True
        async with self._changing_hands:
            return list(self._shards.values())

    async def give_back(self) -> None:
        """Leave what there is to do to whoever comes."""
        try:
            await self._database.write(lambda c: shards.give_back(c, self.name))
        except Exception:
            log.exception("shards could not be given back; their leases end by themselves")

    def _lose(self, lost: Collection[AnyRunner]) -> None:
        for shard in lost:
            if self._shards.get(shard.name) is shard:
                log.error("shard %s is let go: its lease is lost", shard.name)
                del self._shards[shard.name]
                shard.give_up()
                self._lost(shard.name)

    def _until(self) -> int:
        if self._lease is None:
            return MAX_TICKS
        return (self._clock.now() + self._lease).ticks

    def _count_from(self, now: int) -> None:
        if self._lease is not None:
            self._renews = now + self._lease.ticks // 3
            self._ends = now + self._lease.ticks * 9 // 10
