"""The shard of an account: what is decided about its job schedules."""

from __future__ import annotations

from collections.abc import Callable, Container, Sequence

import sqlalchemy as sa

from batchite.dispatch.inbox import Inbox
from batchite.dispatch.inputs import Due, Input
from batchite.dispatch.job_schedules import Turn
from batchite.dispatch.reactors.base import Heard
from batchite.scheduling.room import Limits
from batchite.store.batch import events
from batchite.store.batch.shards import OwnedShard
from batchite.store.database import Database
from batchite.store.groups import Unit
from batchite.wire.ticks import Clock, Duration

MOST = 50
"""Events read at once, and schedules that have a turn in one commit beside those that these are about."""


class AccountReactor:
    """Implements `Reactor`. All that it remembers is which schedules are to have a turn; what these are is
    read in the transaction that changes them.

    `limits` is asked at every turn what nodes have to keep within; `period` is the time from one sample of a
    pool to the next; `wake` is told the shards of pools that have events by a turn.
    """

    def __init__(
        self,
        lease: OwnedShard,
        database: Database,
        clock: Clock,
        inbox: Inbox,
        limits: Callable[[], Limits],
        period: Duration,
        wake: Callable[[str], None],
    ) -> None:
        self._lease = lease
        self._database = database
        self._clock = clock
        self._inbox = inbox
        self._limits = limits
        self._period = period
        self._wake = wake
        self._heard: dict[int, None] = {}
        """numbers of schedules of which events have been read, in order: their turn is in the same commit"""
        self._waiting: dict[int, None] = {}
        """of those whose turn is to come"""
        self._taken: list[int] = []
        """of those whose turn is being stored"""

    @property
    def is_idle(self) -> bool:
        return not self._heard and not self._waiting

    @property
    def is_flooded(self) -> bool:
        return False

    @property
    def unended(self) -> Container[int]:
        return ()

    async def load(self) -> None:
        """Whatever is left to do is told by an event, or by a row that is due: they go in the transaction
        that does it."""
        self._heard, self._waiting = {}, {}

    async def begin(self) -> None:
        return None

    async def hear(self) -> Heard:
        found = await self._database.read(lambda c: events.of_shard(c, self._lease.shard, MOST))
        self._heard.update(dict.fromkeys(one.subject for one in found))
        return Heard([one.sequence for one in found], {}, len(found) < MOST)

    def apply(self, items: Sequence[Input]) -> None:
        self._waiting.update(dict.fromkeys(item.subject for item in items if isinstance(item, Due)))

    async def conclude(self) -> Unit[set[str]] | None:
        others = [number for number in self._waiting if number not in self._heard]
        self._taken = [*self._heard, *others[:MOST]]
        if not self._taken:
            return None
        now, numbers, limits = self._clock.now().ticks, self._taken, self._limits()

        def unit(connection: sa.Connection) -> set[str]:
            return Turn(connection, self._lease.account, now, limits, self._period).take(numbers)

        return unit

    async def follow(self, stored: set[str] | None) -> bool:
        self._heard = {}
        for number in self._taken:
            self._waiting.pop(number, None)
        for shard in stored or ():
            self._wake(shard)
        return bool(self._waiting)

    async def recover(self) -> None:
        return None

    def comes_again(self, item: Input) -> bool:
        """What is due is so until the schedule has had its turn."""
        return True

    def look(self) -> None:
        return None

    def sent_home(self, connection: sa.Connection) -> int:
        return 0
