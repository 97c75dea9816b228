"""Two services on one database: whose a shard is, until when, and what becomes of it when that changes."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, suppress
from typing import NamedTuple

import pytest
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    ScriptedAgent,
    ScriptedEngine,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    counts,
    intend,
    make_dispatch,
    rows,
    running,
    until,
    until_stored,
)
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from batchite.dispatch.ownership import LEASE
from batchite.dispatch.service import Dispatch
from batchite.link import messages as link
from batchite.link.spec import NodeSpec
from batchite.resources.keys import pool_shard
from batchite.store.batch import schema, shards
from batchite.store.database import Database
from batchite.wire.ticks import MAX_TICKS

ANOTHER = pool_shard(ACCOUNT, "another")
A_THIRD = LEASE.ticks // 3
"""After which it is renewed."""
NOT_YET = LEASE.ticks // 4
A_WHILE = 2 * LEASE.ticks
TOO_LATE = LEASE.ticks * 9 // 10
"""After which an owner that has not renewed decides nothing more."""


@pytest.fixture
async def other(batch_url: str, database: Database) -> AsyncIterator[Database]:
    """A second writer."""
    other = Database(batch_url)
    yield other
    other.close()


class Service(NamedTuple):
    dispatch: Dispatch
    url: str
    engine: ScriptedEngine
    clock: StepClock


async def service(stack: AsyncExitStack, database: Database, *, ahead: int = 0, **how: bool) -> Service:
    """One whose clock shows `ahead` ticks more; it is stopped when the stack ends."""
    clock = StepClock()
    clock.ticks += ahead
    dispatch, engine = make_dispatch(database, clock=clock)
    return Service(dispatch, await stack.enter_async_context(running(dispatch, **how)), engine, clock)


class Held(NamedTuple):
    """A service with a node on which two tasks run, while a third waits."""

    service: Service
    agent: ScriptedAgent
    spec: NodeSpec


async def held(stack: AsyncExitStack, database: Database, **how: bool) -> Held:
    await database.write(lambda c: add_pool(c, 1, slots=2))
    job = await database.write(add_job)
    first = await service(stack, database, **how)
    (agent,) = await connect_all(stack, first.url, first.engine, 1, runs_tasks=False)
    await database.write(lambda c: add_tasks(c, job, 3))
    first.dispatch.wake(SHARD)
    await until(lambda: len(agent.runs) == 2)
    for order in agent.runs:
        await agent.begin(order)
    await until(lambda: agent.acknowledged == 2)
    (spec,) = first.engine.started.values()
    return Held(first, agent, spec)


async def owner(database: Database) -> tuple[str, int]:
    (row,) = await rows(database, schema.shards)
    return row.owner, row.epoch


async def is_turned_away(url: str, spec: NodeSpec) -> bool:
    """The agent is asked to come again, which one that is not wanted any more is not."""
    with pytest.raises(InvalidStatus) as refused:
        async with ScriptedAgent(url, spec):
            pass
    response = refused.value.response
    return response.status_code == 503 and response.headers["Retry-After"] == "1"


async def test_a_shard_that_was_taken_under_running_tasks_goes_on_at_its_new_owner(
    database: Database, other: Database
) -> None:
    """Whose clock is ahead. The former one finds that out when it commits what its agent reports, which is
    told to the new one."""
    async with AsyncExitStack() as stack:
        first, agent, spec = await held(stack, database, end_nodes=True)
        second = await service(stack, other, ahead=A_WHILE)
        assert list(second.dispatch.shards) == [SHARD]
        assert list(second.engine.adopted) == [spec.node_id]
        await agent.end(agent.runs[0])
        await until(lambda: agent.is_cut_off)
        assert agent.acknowledged == 2
        assert not first.dispatch.shards
        assert await is_turned_away(first.url, spec)
        again = await stack.enter_async_context(ScriptedAgent(second.url, spec))
        await until_stored(database, schema.tasks, lambda all: {task.state for task in all} == {"completed"})
        assert await counts(database) == (0, 0, 3, 0)
        assert [task.attempt for task in await rows(database, schema.tasks)] == [1, 1, 1]
        assert [run.number for run in again.runs] == [1, 2, 3]
        await first.dispatch.stop(end_nodes=True)
        assert (first.engine.stopped, first.engine.killed) == ([], [])
        assert not again.is_cut_off


async def test_a_change_settles_whichever_service_is_asked(database: Database, other: Database) -> None:
    """That which does not own the shard asks the store."""
    async with AsyncExitStack() as stack:
        first, agent, _ = await held(stack, database)
        second = await service(stack, other)
        assert not second.dispatch.shards
        sequence = await other.write(lambda c: intend(c, "terminate", 2))
        settling = [
            asyncio.create_task(one.dispatch.settled(SHARD, sequence, 60, task=2)) for one in (second, first)
        ]
        await until(lambda: bool(agent.heard(link.EndRun)))
        assert not await second.dispatch.settled(SHARD, sequence, 0.01, task=2)
        assert not any(one.done() for one in settling)
        await agent.end(agent.runs[1])
        assert await asyncio.gather(*settling) == [True, True]
        assert (await rows(database, schema.tasks))[1].state == "completed"
        assert not second.dispatch.shards


async def test_who_waits_when_a_shard_is_taken_is_answered_by_the_store(
    database: Database, other: Database
) -> None:
    async with AsyncExitStack() as stack:
        first, agent, spec = await held(stack, database)
        sequence = await other.write(lambda c: intend(c, "delete", 1))
        waiting = asyncio.create_task(first.dispatch.settled(SHARD, sequence, 60, task=1))
        first.dispatch.wake(SHARD)
        await until(lambda: bool(agent.heard(link.EndRun)))
        second = await service(stack, other, ahead=A_WHILE)
        first.clock.ticks += A_THIRD
        await first.dispatch.run_once()
        assert not first.dispatch.shards
        assert not waiting.done()
        await stack.enter_async_context(ScriptedAgent(second.url, spec))
        assert await waiting
        assert [task.task_no for task in await rows(database, schema.tasks)] == [2, 3]


async def test_a_round_finds_what_others_have_taken(database: Database, other: Database) -> None:
    """However quiet the shard: its agents are to find their way to its owner."""
    async with AsyncExitStack() as stack:
        first, agent, spec = await held(stack, database)
        mine = await owner(database)
        second = await service(stack, other, ahead=A_WHILE)
        theirs = await owner(database)
        assert theirs[0] != mine[0]
        first.clock.ticks += A_THIRD
        await first.dispatch.run_once()
        assert not first.dispatch.shards
        await until(lambda: agent.is_cut_off)
        assert await is_turned_away(first.url, spec)
        await first.dispatch.run_once()
        assert await owner(database) == theirs
        assert list(second.dispatch.shards) == [SHARD]


async def test_a_lease_lasts_while_it_is_renewed_and_is_taken_when_it_has_ended(
    database: Database, other: Database
) -> None:
    async with AsyncExitStack() as stack:
        first, _, _ = await held(stack, database)
        second = await service(stack, other)
        mine = await owner(database)
        for _ in range(4):
            for one in (first, second):
                one.clock.ticks += A_THIRD
                await one.dispatch.run_once()
        await other.write(lambda c: add_tasks(c, 1, 1, first=3))
        second.dispatch.wake(SHARD)  # it has heard of something to do
        await second.dispatch.run_once()
        assert await owner(database) == mine
        assert not second.dispatch.shards
        second.clock.ticks += A_WHILE
        await second.dispatch.run_once()
        assert list(second.dispatch.shards) == [SHARD]
        assert (await owner(database))[0] != mine[0]


async def test_who_could_not_renew_in_time_decides_nothing_more(database: Database) -> None:
    """Even if nobody has taken the shard. It takes it anew as soon as it can."""
    async with AsyncExitStack() as stack:
        first, agent, spec = await held(stack, database)
        name, epoch = await owner(database)
        first.clock.ticks += TOO_LATE
        await agent.end(agent.runs[0])
        await until(lambda: agent.is_cut_off)
        assert agent.acknowledged == 2
        await first.dispatch.run_once()
        assert list(first.dispatch.shards) == [SHARD]
        assert await owner(database) == (name, epoch + 1)
        await first.dispatch.shards[SHARD].loaded()
        again = await stack.enter_async_context(ScriptedAgent(first.url, spec))
        await until(lambda: again.acknowledged == 6)
        assert await counts(database) == (0, 0, 3, 0)


async def test_who_could_not_renew_in_time_lets_quiet_shards_go_too(database: Database) -> None:
    """Their agents have to find whoever takes them."""
    async with AsyncExitStack() as stack:
        first, agent, _ = await held(stack, database)
        name, epoch = await owner(database)
        first.clock.ticks += TOO_LATE
        await first.dispatch.run_once()
        await until(lambda: agent.is_cut_off)
        assert await owner(database) == (name, epoch + 1)


async def test_what_is_taken_later_makes_no_lease_longer(database: Database) -> None:
    async with AsyncExitStack() as stack:
        first, agent, _ = await held(stack, database)
        first.clock.ticks += NOT_YET  # whenever rounds come, they do not renew
        await database.write(lambda c: add_pool(c, 0, pool_id="another"))
        first.dispatch.wake(ANOTHER)
        await until(lambda: ANOTHER in first.dispatch.shards)
        first.clock.ticks += TOO_LATE - NOT_YET
        await agent.end(agent.runs[0])
        await until(lambda: agent.is_cut_off)
        assert agent.acknowledged == 2


async def test_a_lease_of_another_epoch_is_not_the_one_that_was_taken(database: Database) -> None:
    """Though its owner has the same name."""
    async with AsyncExitStack() as stack:
        first, agent, _ = await held(stack, database)
        name, epoch = await owner(database)
        await database.write(lambda c: shards.acquire(c, [SHARD], name, 1, MAX_TICKS))
        first.clock.ticks += A_THIRD
        await first.dispatch.run_once()
        await until(lambda: agent.is_cut_off)
        assert await owner(database) == (name, epoch + 2)


async def test_an_agent_that_comes_while_its_shard_is_nobodys_is_asked_to_come_again(
    database: Database,
) -> None:
    async with AsyncExitStack() as stack:
        _, _, spec = await held(stack, database)
    async with AsyncExitStack() as stack:
        await database.write(lambda c: shards.acquire(c, [SHARD], "another", 1, MAX_TICKS))
        later = await service(stack, database)
        assert await is_turned_away(later.url, spec)


async def test_an_orderly_stop_gives_the_leases_back(database: Database, other: Database) -> None:
    """Another service need not wait for their end."""
    async with AsyncExitStack() as stack, AsyncExitStack() as stopped:
        await held(stopped, database)
        second = await service(stack, other)
        await stopped.aclose()
        second.clock.ticks += A_THIRD
        await second.dispatch.run_once()
        assert list(second.dispatch.shards) == [SHARD]


async def test_a_service_with_a_database_of_its_own_takes_all_at_once(database: Database) -> None:
    """Whatever service ran before it was killed, and whatever its clock showed."""
    await database.write(lambda c: add_pool(c, 1))
    await database.write(lambda c: shards.acquire(c, [SHARD], "a former service", 1, MAX_TICKS))
    dispatch, engine = make_dispatch(database, lease=None)
    async with running(dispatch):
        await until(lambda: len(engine.started) == 1)
        assert [row.expires for row in await rows(database, schema.shards)] == [MAX_TICKS]


async def roam(urls: Sequence[str], spec: NodeSpec) -> None:
    """An agent that is turned away, or cut off, tries the next service, and has forgotten what it had."""
    for url in itertools.cycle(urls):
        with suppress(InvalidHandshake, ConnectionClosed):
            async with ScriptedAgent(url, spec) as agent:
                await until(lambda agent=agent: agent.is_cut_off)  # type: ignore[misc]


async def test_every_task_is_completed_once_however_often_the_owner_changes(
    database: Database, other: Database
) -> None:
    many, changes = 400, 6

    async def completed() -> int:
        return (await counts(database))[2]

    async with AsyncExitStack() as stack:
        await database.write(lambda c: add_pool(c, 1, slots=2))
        await database.write(lambda c: add_tasks(c, add_job(c), many))
        first = await service(stack, database)
        await until(lambda: len(first.engine.started) == 1)
        second = await service(stack, other)
        (spec,) = first.engine.started.values()
        roaming = asyncio.create_task(roam([first.url, second.url], spec))
        for number in range(changes):
            async with asyncio.timeout(60):
                while await completed() < (number + 1) * many // (changes + 2):  # noqa: ASYNC110
                    await asyncio.sleep(0.002)
            taker, loser = (first, second) if number % 2 else (second, first)
            taker.clock.ticks = loser.clock.ticks + A_WHILE
            await taker.dispatch.run_once()
            assert list(taker.dispatch.shards) == [SHARD]
        await until_stored(database, schema.tasks, lambda all: {one.state for one in all} == {"completed"})
        roaming.cancel()
    assert await counts(database) == (0, 0, many, 0)
    assert (await rows(database, schema.nodes))[0].tasks_run == many
    assert (await rows(database, schema.shards))[0].epoch == changes + 1
