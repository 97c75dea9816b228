"""Pools that were made for jobs, and go when these are over, whatever happens in between."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    TERMINATES,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    change_job,
    connect_all,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.resources.feed import PoolChanged, decode
from batchite.resources.pools import LEAVING
from batchite.resources.rules import JobRules, encode
from batchite.scheduling.auto_pools import why_not
from batchite.scheduling.room import Limits, Usage
from batchite.store.batch import events, execution, schema
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND


async def add(database: Database, nodes: int = 0, *, keep_alive: bool = False, **job: Any) -> int:
    """A job with a pool that was made for it; the job's number."""

    def unit(connection: sa.Connection) -> int:
        number = add_job(connection, **job)
        add_pool(connection, nodes, job_no=number, keep_alive=keep_alive)
        return number

    return await database.write(unit)


def none(found: list[Any]) -> bool:
    return not found


async def pool_states(database: Database) -> list[str]:
    """As the feed tells them."""
    told = [decode(row.entries) for row in await rows(database, schema.feed)]
    return [entry.state for one in told for entry in one.entries if isinstance(entry, PoolChanged)]


@pytest.mark.parametrize("nodes", [0, 2])
@pytest.mark.parametrize("state", ["terminating", "deleting"])
async def test_the_pool_goes_when_its_job_is_over(database: Database, nodes: int, state: str) -> None:
    job = await add(database, nodes)
    dispatch, engine = make_dispatch(database)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(dispatch))
        await connect_all(stack, url, engine, nodes)
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
        await database.write(lambda c: change_job(c, job, state))
        dispatch.wake(SHARD)
        await until_stored(database, schema.pools, none)
        assert [one.state for one in await rows(database, schema.jobs)] == (
            ["completed"] if state == "terminating" else []
        )
        assert sorted(engine.stopped) == sorted(engine.started)
    assert (await pool_states(database))[-2:] == ["deleting", "deleted"]


async def test_the_pool_goes_with_the_last_task(database: Database) -> None:
    job = await add(database, 1, rules=TERMINATES)
    await database.write(lambda c: add_tasks(c, job, 3))
    dispatch, engine = make_dispatch(database)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(dispatch))
        await connect_all(stack, url, engine, 1)
        await until_stored(database, schema.pools, none)
        (over,) = await rows(database, schema.jobs)
        assert (over.state, over.terminate_reason) == ("completed", "AllTasksComplete")
        assert {task.state for task in await rows(database, schema.tasks)} == {"completed"}


async def test_the_pool_goes_when_the_time_of_its_job_is_up(database: Database) -> None:
    rules = encode(JobRules(max_wall_clock_time=10 * TICKS_PER_SECOND))
    clock = StepClock()
    await add(database, rules=rules, created=clock.ticks)
    dispatch, _ = make_dispatch(database, clock=clock)
    async with running(dispatch):
        await settled(dispatch, database)
        clock.ticks += 11 * TICKS_PER_SECOND
        await dispatch.run_once()
        await until_stored(database, schema.pools, none)


async def test_a_pool_that_is_to_stay_stays(database: Database) -> None:
    job = await add(database, keep_alive=True)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        for state in ("terminating", "deleting"):
            await database.write(lambda c, state=state: change_job(c, job, state))  # type: ignore[misc]
            dispatch.wake(SHARD)
            await settled(dispatch, database)
        await until_stored(database, schema.jobs, none)
        await settled(dispatch, database)
        assert [pool.state for pool in await rows(database, schema.pools)] == ["active"]


async def test_a_pool_whose_owner_was_killed_when_its_job_was_over(database: Database) -> None:
    """The job's end and the pool's begin to go are one commit; the rest is the next owner's."""
    job = await add(database, 1)
    dispatch, engine = make_dispatch(database)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(dispatch))
        await connect_all(stack, url, engine, 1)
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
    await database.write(lambda c: c.execute(sa.update(schema.jobs).values(state="deleting")))
    await database.write(lambda c: execution.purge_job(c, job, 5, 100))
    (pool,) = await rows(database, schema.pools)
    assert {name: getattr(pool, name) for name in LEAVING} == LEAVING
    assert await database.read(lambda c: len(events.of_shard(c, SHARD, 10))) == 1
    dispatch, engine = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.pools, none)
        assert len(engine.stopped) == 1


@pytest.mark.parametrize("state", ["terminating", "deleting"])
async def test_a_job_that_was_to_end_when_its_owner_was_killed(database: Database, state: str) -> None:
    job = await add(database)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)
    await database.write(lambda c: change_job(c, job, state))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.pools, none)


async def test_what_takes_the_place_of_a_pool_that_somebody_deleted_stays(database: Database) -> None:
    job = await add(database)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)
        delete = sa.update(schema.pools).values(LEAVING)

        def by_hand(connection: sa.Connection) -> None:
            connection.execute(delete)
            events.append(connection, SHARD, "pool", 1)

        await database.write(by_hand)
        dispatch.wake(SHARD)
        await until_stored(database, schema.pools, none)
        assert [one.state for one in await rows(database, schema.jobs)] == ["active"]
        await database.write(lambda c: add_pool(c, 0))
        await database.write(lambda c: change_job(c, job, "terminating"))
        dispatch.wake(SHARD)
        await settled(dispatch, database)
        assert [one.state for one in await rows(database, schema.jobs)] == ["completed"]
        assert [one.state for one in await rows(database, schema.pools)] == ["active"]


async def test_a_job_that_got_another_task_in_the_last_moment_keeps_its_pool(database: Database) -> None:
    """Its owner decides that it ends with its last task; the store knows better, and the pool stays."""
    job = await add(database, 1, rules=TERMINATES)
    await database.write(lambda c: add_tasks(c, job, 1))
    dispatch, engine = make_dispatch(database)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(dispatch))
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)

        def unheard(connection: sa.Connection) -> None:
            """The owner is not told, so that it cannot know."""
            sequence = add_tasks(connection, job, 1, first=1)
            events.consume(connection, [sequence])

        await database.write(unheard)
        await agent.end(agent.runs[0])
        await until_stored(database, schema.tasks, lambda found: found[0].state == "completed")
        await settled(dispatch, database)
        assert [one.state for one in await rows(database, schema.jobs)] == ["active"]
        assert [one.state for one in await rows(database, schema.pools)] == ["active"]
        await database.write(lambda c: events.append(c, SHARD, "tasks", job))
        dispatch.wake(SHARD)
        await until(lambda: len(agent.runs) == 2)
        await agent.end(agent.runs[1])
        await until_stored(database, schema.pools, none)


@pytest.mark.parametrize(
    ("nodes", "usage", "limits", "found"),
    [
        (3, Usage(0, 0), Limits(None, None), ""),
        (3, Usage(2, 0), Limits(4, None), ""),
        (3, Usage(3, 0), Limits(4, None), "core quota of 4"),
        (0, Usage(4, 9), Limits(4, 9), ""),
        (1, Usage(0, 9), Limits(None, 9), "max_nodes"),
        (1, Usage(4, 9), Limits(4, 9), "core quota of 4"),
    ],
)
def test_room_for_a_single_node_is_enough(nodes: int, usage: Usage, limits: Limits, found: str) -> None:
    failure = why_not(nodes, 2, usage, limits)
    assert (failure is not None) == bool(found)
    if failure is not None:
        assert found in failure.message
