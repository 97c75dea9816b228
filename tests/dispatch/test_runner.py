"""A runner and a reactor that knows no pool: the shard of an account, which counts what it is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Sequence
from contextlib import asynccontextmanager

import pytest
import sqlalchemy as sa
from tests.dispatch.support import ACCOUNT, rows, until

from batchite.dispatch.inbox import Inbox
from batchite.dispatch.inputs import Due, Input, JobPurged
from batchite.dispatch.reactors.base import Heard
from batchite.dispatch.runner import Runner
from batchite.store.batch import events, schema, shards
from batchite.store.batch.shards import LeaseLostError
from batchite.store.database import Database
from batchite.store.groups import Unit


class Tally:
    """Keeps in `core_usage` how many events and inputs there were. Events about `open` subjects are not
    settled."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._stored = 0
        self.total = 0
        self.open: set[int] = set()
        self.told: list[int] = []
        """what was stored, once it was"""
        self.loads = 0
        self.fails = False
        self.is_idle = True
        self.is_flooded = False

    @property
    def unended(self) -> Container[int]:
        return self.open

    async def load(self) -> None:
        self.loads += 1
        found = await rows(self._database, schema.core_usage)
        self._stored = self.total = sum(row.cores for row in found)

    async def begin(self) -> None:
        self.told.append(self.total)

    async def hear(self) -> Heard:
        found = await self._database.read(lambda c: events.of_shard(c, ACCOUNT, 2))
        self.total += len(found)
        unended = {one.sequence: one.subject for one in found if one.subject in self.open}
        return Heard([one.sequence for one in found], unended, len(found) < 2)

    def apply(self, items: Sequence[Input]) -> None:
        self.total += len(items)

    async def conclude(self) -> Unit[int] | None:
        total = self.total
        return None if total == self._stored else lambda connection: self._write(connection, total)

    def _write(self, connection: sa.Connection, total: int) -> int:
        if self.fails:
            raise OSError("no space left on device")
        connection.execute(sa.delete(schema.core_usage))
        connection.execute(sa.insert(schema.core_usage), {"account": ACCOUNT, "cores": total})
        return total

    async def follow(self, stored: int | None) -> bool:
        if stored is not None:
            self._stored = stored
            self.told.append(stored)
        return False

    async def recover(self) -> None:
        self.fails = False

    def comes_again(self, item: Input) -> bool:
        return isinstance(item, Due)

    def look(self) -> None:
        return None

    def sent_home(self, connection: sa.Connection) -> int:
        return 0


class Running:
    """What a runner of the account's shard works with."""

    def __init__(self, database: Database) -> None:
        self.inbox = Inbox()
        self.reactor = Tally(database)
        self.lost: list[str] = []
        self.holds = True
        self._database = database

    async def begin(self) -> Runner[int]:
        (lease,) = await self._database.write(lambda c: shards.acquire(c, [ACCOUNT], "me", 1, 2))
        holds: Callable[[], bool] = lambda: self.holds  # noqa: E731
        runner = Runner(
            lease, self._database, self.inbox, self.reactor, holds, lambda one: self.lost.append(one.name)
        )
        runner.start()
        return runner


@asynccontextmanager
async def running(database: Database) -> AsyncIterator[tuple[Running, Runner[int]]]:
    at_work = Running(database)
    runner = await at_work.begin()
    try:
        yield at_work, runner
    finally:
        await runner.stop()


def event(connection: sa.Connection, subject: int = 1) -> int:
    return events.append(connection, ACCOUNT, "job", subject)


async def test_events_go_with_what_follows_from_them(database: Database) -> None:
    """However many there are, in as many turns as it takes."""
    numbers = [await database.write(event) for _ in range(5)]
    async with running(database) as (at_work, runner):
        async with asyncio.timeout(60):
            assert await runner.settled(numbers[-1])
        assert await rows(database, schema.events) == []
        assert [row.cores for row in await rows(database, schema.core_usage)] == [5]
        assert at_work.reactor.told == [0, 2, 4, 5]
        at_work.inbox.put(JobPurged(1))
        await until(lambda: at_work.reactor.told[-1:] == [6])


async def test_an_event_is_settled_when_what_it_wants_ended_has(database: Database) -> None:
    async with running(database) as (at_work, runner):
        at_work.reactor.open.add(7)
        number = await database.write(lambda c: event(c, 7))
        at_work.inbox.look()
        settled = asyncio.create_task(runner.settled(number))
        await until(lambda: at_work.reactor.told[-1:] == [1])
        assert not settled.done()
        at_work.reactor.open.clear()
        at_work.inbox.put(JobPurged(7))
        async with asyncio.timeout(60):
            assert await settled


async def test_what_could_not_be_stored_is_decided_again(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """By the events, which are there still; of the inputs, those count that nobody repeats."""
    async with running(database) as (at_work, runner):
        await until(lambda: runner.is_idle)
        at_work.reactor.fails = True
        await database.write(event)
        at_work.inbox.look()
        await until(lambda: "its memory is read again" in caplog.text)
        at_work.inbox.put(JobPurged(1))
        await until(lambda: at_work.reactor.told[-1:] == [2])
        assert at_work.reactor.loads == 2


async def test_only_what_nobody_repeats_is_kept_when_a_commit_fails() -> None:
    inbox = Inbox()
    for item in (Due("empty-job", 1), JobPurged(1)):
        inbox.put(item)
    inbox.drop(lambda item: isinstance(item, Due))
    assert inbox.take() == ([JobPurged(1)], True)
    assert inbox.take() == ([], False)


@pytest.mark.parametrize("is_known", [True, False])
async def test_who_has_lost_the_lease_stores_nothing_more(database: Database, is_known: bool) -> None:
    """Whether it knows by its own clock, or by what the store says at the commit."""
    async with running(database) as (at_work, runner):
        await until(lambda: runner.is_idle)
        if is_known:
            at_work.holds = False
        else:
            await database.write(lambda c: shards.acquire(c, [ACCOUNT], "another", 3, 4))
        number = await database.write(event)
        at_work.inbox.look()
        await until(lambda: at_work.lost == [ACCOUNT])
        runner.give_up()
        assert not await runner.settled(number)
        assert [one.sequence for one in await rows(database, schema.events)] == [number]
        assert await rows(database, schema.core_usage) == []
        if not is_known:
            with pytest.raises(LeaseLostError):
                await runner.store(at_work.reactor.sent_home)


async def test_an_idle_shard_is_given_up_unless_there_is_something_to_do(database: Database) -> None:
    async with running(database) as (at_work, runner):
        await until(lambda: runner.is_idle)
        number = await database.write(event)
        assert not await runner.retire()
        async with asyncio.timeout(60):
            assert await runner.settled(number)
        await until(lambda: runner.is_idle)
        at_work.reactor.is_idle = False
        assert not runner.is_idle
        assert await runner.retire()
        assert await rows(database, schema.shards) == []
