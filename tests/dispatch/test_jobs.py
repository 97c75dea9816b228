"""Jobs that end, or change, while their owner is at work."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    TERMINATES,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    change_job,
    connect_all,
    intend,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.configuration.fidelity import Fidelity
from batchite.link import messages as link
from batchite.resources.keys import pool_shard
from batchite.resources.rules import JobRules, encode
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND

HOUR = 3600 * TICKS_PER_SECOND
FIDELITY = Fidelity(empty_job_pause=2.5)


async def test_a_job_without_tasks_ends_when_its_pause_is_over(database: Database) -> None:
    clock = StepClock()
    added = clock.ticks
    empty = await database.write(lambda c: add_job(c, rules=TERMINATES, modified=added))
    waiting = await database.write(lambda c: add_job(c, "other", rules=TERMINATES, modified=added))
    await database.write(lambda c: add_tasks(c, waiting, 1))
    dispatch, _ = make_dispatch(database, clock=clock, fidelity=FIDELITY)
    async with running(dispatch):
        await settled(dispatch, database)
        due = [(row.kind, row.subject, row.at) for row in await rows(database, schema.due)]
        assert due == [("empty-job", job, added + 25_000_000) for job in (empty, waiting)]
    dispatch, _ = make_dispatch(database, clock=clock, fidelity=FIDELITY)
    async with running(dispatch):
        await settled(dispatch, database)
        assert {job.state for job in await rows(database, schema.jobs)} == {"active"}
        clock.ticks += 3 * TICKS_PER_SECOND
        await dispatch.run_once()
        await until_stored(database, schema.due, lambda due: not due)
        ended, other = await rows(database, schema.jobs)
        assert (ended.state, ended.terminate_reason) == ("completed", "AllTasksComplete")
        assert ended.modified == ended.previous_state_time > added, "that its end began is a change of it"
        assert other.state == "active"


async def test_without_a_pause_it_stays(database: Database) -> None:
    await database.write(lambda c: add_job(c, rules=TERMINATES))
    dispatch, _ = make_dispatch(database, fidelity=Fidelity(empty_job_pause=0))
    async with running(dispatch):
        await settled(dispatch, database)
        assert await rows(database, schema.due) == []


async def test_a_forced_end_does_not_wait_for_a_node_that_says_nothing(database: Database) -> None:
    """And the slot is another's, while the node may have something in it still."""
    await database.write(lambda c: add_pool(c, 1))
    first = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, first, 1))
    dispatch, engine = make_dispatch(database)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(dispatch))
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        await agent.begin(agent.runs[0])
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "running")
        await database.write(lambda c: change_job(c, first, "terminating"))
        await until(lambda: bool(agent.heard(link.EndRun)))
        assert [job.state for job in await rows(database, schema.jobs)] == ["terminating"]
        await database.write(lambda c: c.execute(sa.update(schema.jobs).values(tasks_option="force")))
        await database.write(lambda c: change_job(c, first, "terminating"))
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
        (task,) = await rows(database, schema.tasks)
        assert (task.state, task.result) == ("completed", "failure")
        second = await database.write(lambda c: add_job(c, "second"))
        await database.write(lambda c: add_tasks(c, second, 1))
        await until(lambda: len(agent.runs) == 2)


def give_pool(connection: sa.Connection, job: int, pool_id: str, state: str = "disabled") -> None:
    """As an operation stores it."""
    statement = sa.update(schema.jobs).where(schema.jobs.c.job_no == job)
    connection.execute(statement.values(pool_id=pool_id))
    change_job(connection, job, state)


async def test_a_job_moves_with_all_that_is_to_happen_to_it(database: Database) -> None:
    """To a pool that is not there; whoever owned it before hears no more of it, and what was on its way to
    that one is passed on."""
    clock = StepClock()
    far = encode(JobRules(max_wall_clock_time=HOUR))
    added = clock.ticks
    job = await database.write(lambda c: add_job(c, rules=far, created=added, modified=added))
    other = await database.write(lambda c: add_job(c, "stays", rules=far, created=added, modified=added))
    await database.write(lambda c: add_tasks(c, job, 2))
    dispatch, _ = make_dispatch(database, clock=clock)
    async with running(dispatch):
        await settled(dispatch, database)
        await database.write(lambda c: pause_a_task(c, 1, added + HOUR // 2))
        await database.write(lambda c: change_job(c, job, "disabling"))
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "disabled")
        assert (await rows(database, schema.jobs))[0].modified == added, "that it is done is none"
        await database.write(lambda c: give_pool(c, job, "elsewhere"))
        there = pool_shard(ACCOUNT, "elsewhere")
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].shard == there)
        due = {(row.kind, row.subject): row.shard for row in await rows(database, schema.due)}
        assert due == {
            ("job-wall-clock", job): there,
            ("job-wall-clock", other): SHARD,
            ("task-retry", 1): there,
        }
        await until_stored(database, schema.events, lambda events: not events)
        assert list(dispatch.shards[SHARD].reactor.state.jobs) == [other]
        late = await database.write(lambda c: intend(c, "terminate", 2))
        assert await dispatch.settled(SHARD, late, 60)
        await until_stored(database, schema.tasks, lambda tasks: tasks[1].state == "completed")
        clock.ticks += HOUR
        await dispatch.run_once()
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
        counts = await rows(database, schema.task_counts)
        assert [(row.active, row.failed) for row in counts] == [(1, 1)]


def pause_a_task(connection: sa.Connection, task: int, until: int) -> None:
    row = {"kind": "task-retry", "subject": task, "shard": SHARD, "at": until}
    connection.execute(sa.insert(schema.due), row)


@pytest.mark.parametrize("state", ["disabled", "enabling"])
async def test_the_next_owner_moves_what_the_last_one_has_not(database: Database, state: str) -> None:
    job = await database.write(add_job)
    await database.write(lambda c: give_pool(c, job, "elsewhere", state))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        there = pool_shard(ACCOUNT, "elsewhere")
        then = "active" if state == "enabling" else state
        await until_stored(
            database, schema.jobs, lambda jobs: (jobs[0].shard, jobs[0].state) == (there, then)
        )
