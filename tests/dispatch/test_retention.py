"""Files of tasks that are over go from their nodes when their time has come, whoever was away meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    ScriptedAgent,
    ScriptedEngine,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    intend,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.dispatch.service import Dispatch
from batchite.link import messages as link
from batchite.link.spec import NodeSpec
from batchite.resources.rules import TaskRules, encode
from batchite.scheduling.retention import PATIENCE, PORTION
from batchite.store.batch import owned, schema
from batchite.store.database import Database
from batchite.wire.ticks import Duration

HOUR = Duration.of(minutes=60).ticks


async def begin(database: Database, tasks: int, retention: int = HOUR) -> None:
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, tasks))
    ruled = sa.update(schema.tasks).values(rules=encode(TaskRules(retention=retention)))
    await database.write(lambda c: c.execute(ruled))


@asynccontextmanager
async def owner(
    database: Database, clock: StepClock, spec: NodeSpec | None = None
) -> AsyncIterator[tuple[Dispatch, ScriptedEngine, ScriptedAgent]]:
    """A service with one node, which is there already if it is given; its tasks end at once."""
    dispatch, engine = make_dispatch(database, clock=clock, lease=None)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        if spec is None:
            (agent,) = await connect_all(stack, url, engine, 1)
        else:
            agent = await stack.enter_async_context(ScriptedAgent(url, spec))
        yield dispatch, engine, agent


async def run_all(database: Database, clock: StepClock) -> NodeSpec:
    """Every task has run on the node, to the present moment."""
    async with owner(database, clock) as (_, engine, _):
        await until_stored(
            database, schema.tasks, lambda tasks: all(task.state == "completed" for task in tasks)
        )
        spec = engine.started.popitem()[1]
    now = sa.update(schema.tasks).values(ended=clock.ticks, files_until=clock.ticks + HOUR)
    await database.write(lambda c: c.execute(now))
    return spec


def told(agent: ScriptedAgent) -> list[Sequence[link.FilesOf]]:
    return [one.tasks for one in agent.heard(link.RemoveFiles)]


async def removed(agent: ScriptedAgent, tasks: Sequence[link.FilesOf]) -> None:
    await agent.send(link.FilesRemoved(tuple(link.RunKey(one.number, one.attempt) for one in tasks)))


async def files(database: Database) -> list[bool]:
    return [task.files_until is not None for task in await rows(database, schema.tasks)]


async def test_they_go_when_their_time_has_come(database: Database) -> None:
    clock = StepClock()
    await begin(database, 2)
    spec = await run_all(database, clock)
    async with owner(database, clock, spec) as (dispatch, _, agent):
        await until_stored(
            database, schema.due, lambda found: [one.kind for one in found] == ["task-retention"]
        )
        await until_stored(database, schema.due, lambda found: bool(found) and found[0].at > clock.ticks)
        await dispatch.run_once()
        assert (told(agent), await files(database)) == ([], [True, True])
        clock.ticks += HOUR
        await dispatch.run_once()
        await until(lambda: bool(told(agent)))
        assert set(told(agent)[0]) == {link.FilesOf(1, 1, "job", "t0"), link.FilesOf(2, 1, "job", "t1")}
        assert await files(database) == [True, True], "the node has them still, as far as is known"
        await removed(agent, told(agent)[0])
        await until_stored(database, schema.tasks, lambda tasks: not any(one.files_until for one in tasks))


async def test_a_node_tells_of_its_own_files_only(database: Database) -> None:
    clock = StepClock()
    await begin(database, 2)
    spec = await run_all(database, clock)
    second = sa.update(schema.tasks).where(schema.tasks.c.task_no == 2)
    await database.write(lambda c: c.execute(second.values(node_no=99)))
    async with owner(database, clock, spec) as (_, _, agent):
        await removed(agent, [link.FilesOf(2, 1, "job", "t1"), link.FilesOf(1, 1, "job", "t0")])
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].files_until is None)
        assert await files(database) == [False, True]


@pytest.mark.parametrize("away", ["service", "node"])
async def test_somebody_was_away_at_the_time(database: Database, away: str) -> None:
    clock = StepClock()
    await begin(database, 1)
    spec = await run_all(database, clock)
    if away == "service":
        clock.ticks += 2 * HOUR
    else:
        dispatch, _ = make_dispatch(database, clock=clock, lease=None)
        async with running(dispatch):
            clock.ticks += 2 * HOUR
            await dispatch.run_once()
    async with owner(database, clock, spec) as (_, _, agent):
        await until(lambda: bool(told(agent)))
        await removed(agent, told(agent)[0])
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].files_until is None)


async def test_a_node_that_was_away_hears_what_it_is_to_remove_when_it_says_what_it_has(
    database: Database,
) -> None:
    clock = StepClock()
    await begin(database, 3)
    spec = await run_all(database, clock)
    dispatch, _ = make_dispatch(database, clock=clock, lease=None)
    async with running(dispatch):
        await database.write(lambda c: intend(c, "delete", 2))
        await settled(dispatch, database)
        elsewhere = sa.update(schema.tasks).values(node_no=99).where(schema.tasks.c.task_no == 3)
        await database.write(lambda c: c.execute(elsewhere))
    async with owner(database, clock, spec) as (_, _, agent):
        names = ("job", "job-1")
        await agent.send(link.FilesKept(tuple((*names, f"t{number}") for number in range(3))))
        await until(lambda: len(agent.heard(link.RemoveTaskFiles)) == 2)
        assert agent.heard(link.RemoveTaskFiles) == [
            link.RemoveTaskFiles("job", "t1"),
            link.RemoveTaskFiles("job", "t2"),
        ]


async def test_who_says_nothing_is_told_again(database: Database) -> None:
    """It was killed, or the link broke before it heard."""
    clock = StepClock()
    await begin(database, 1)
    spec = await run_all(database, clock)
    clock.ticks += 2 * HOUR
    async with owner(database, clock, spec) as (dispatch, _, agent):
        await until(lambda: bool(told(agent)))
        await until_stored(database, schema.due, lambda found: bool(found) and found[0].at > clock.ticks)
        before = len(told(agent))
        clock.ticks += PATIENCE
        await dispatch.run_once()
        await until(lambda: len(told(agent)) > before)
    async with owner(database, clock, spec) as (_, _, agent):
        await until(lambda: bool(told(agent)))


async def test_many_go_portion_by_portion(database: Database) -> None:
    clock = StepClock()
    await begin(database, PORTION + 30)
    spec = await run_all(database, clock)
    clock.ticks += 2 * HOUR
    async with owner(database, clock, spec) as (_, _, agent):
        await until(lambda: bool(told(agent)))
        await removed(agent, told(agent)[0])
        await until(lambda: len(told(agent)[-1]) == 30)
        await removed(agent, told(agent)[-1])
        await until_stored(database, schema.tasks, lambda tasks: not any(one.files_until for one in tasks))
        assert {len(portion) for portion in told(agent)} == {PORTION, 30}


async def test_what_has_run_again_meanwhile_keeps_its_files(database: Database) -> None:
    """A late answer is about the run before."""
    clock = StepClock()
    await begin(database, 1)
    spec = await run_all(database, clock)
    await database.write(lambda c: c.execute(sa.update(schema.tasks).values(attempt=2)))
    async with owner(database, clock, spec) as (dispatch, _, agent):
        await removed(agent, [link.FilesOf(1, 1, "job", "t0"), link.FilesOf(9, 1, "job", "t9")])
        await settled(dispatch, database)
        await removed(agent, [link.FilesOf(1, 3, "job", "t0")])
        await agent.send(link.Heartbeat())
        await settled(dispatch, database)
    assert await files(database) == [True]


async def test_how_long_a_node_keeps_anything(database: Database) -> None:
    await begin(database, 3)
    assert await database.read(lambda c: owned.files_until(c, 1)) == 0
    assert await database.read(lambda c: owned.next_expiry(c, 1)) is None
    for number, kept in ((1, 30), (2, 10), (3, None)):
        statement = sa.update(schema.tasks).where(schema.tasks.c.task_no == number)
        values = {"node_no": 1, "state": "completed", "files_until": kept}
        await database.write(lambda c, s=statement, v=values: c.execute(s.values(**v)))  # type: ignore[misc]
    assert await database.read(lambda c: owned.files_until(c, 1)) == 30
    assert await database.read(lambda c: owned.next_expiry(c, 1)) == 10
    expired = await database.read(lambda c: owned.expired_tasks(c, 1, 29, 9))
    assert [tuple(row) for row in expired] == [(2, 0, "job", "t1")]
