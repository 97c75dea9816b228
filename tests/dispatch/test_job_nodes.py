"""How a job's preparation and release on a node are stored, while its owner is at work."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    ScriptedAgent,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    change_job,
    connect_all,
    make_dispatch,
    rows,
    running,
    until,
    until_stored,
)

from batchite.dispatch.service import Dispatch
from batchite.link import messages as link
from batchite.resources.keys import pool_shard
from batchite.resources.rules import JobRules, PreparationRules, ReleaseRules, encode
from batchite.scheduling.retention import PATIENCE
from batchite.store.batch import events, execution, schema
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND

RELEASE = ReleaseRules("jobrelease", b"{}")
HOUR = 3600 * TICKS_PER_SECOND
POOLS = ("pool", "other")


@asynccontextmanager
async def a_job(
    database: Database, release: ReleaseRules = RELEASE, **preparation: Any
) -> AsyncIterator[tuple[int, ScriptedAgent, Dispatch, StepClock]]:
    """In a pool of one node, with a task that ends once it is sent there; what runs, runs to the present
    moment."""
    prepares = PreparationRules("jobpreparation", b"{}", **preparation)
    rules = encode(JobRules(preparation=prepares, release=release))
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c, rules=rules))
    await database.write(lambda c: add_tasks(c, job, 1))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, clock=clock, lease=None)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(dispatch))
        (agent,) = await connect_all(stack, url, engine, 1)
        agent.moment = clock.ticks - 100
        yield job, agent, dispatch, clock


async def order(agent: ScriptedAgent, kind: str, attempt: int = 1) -> link.Run:
    """What the node is told to run."""

    def found() -> list[link.Run]:
        return [run for run in agent.heard(link.Run) if (run.kind, run.attempt) == (kind, attempt)]

    await until(lambda: bool(found()))
    return found()[0]


async def shown(database: Database) -> tuple[object, ...]:
    """Of the preparation, as the API has it."""
    (row,) = await rows(database, schema.job_nodes)
    return (
        row.preparation_state,
        row.preparation_exit_code,
        row.preparation_result,
        row.preparation_end,
        row.preparation_retries,
        row.preparation_last_retry,
    )


async def test_a_preparation_runs_until_it_is_retried_no_more(database: Database) -> None:
    async with a_job(database, max_retries=1) as (_, agent, _, _):
        agent.moment = 100
        await agent.end(await order(agent, "preparation"), 3)
        second = await order(agent, "preparation", 2)
        assert await shown(database) == ("running", None, None, None, 1, None)
        await agent.begin(second)
        await until_stored(database, schema.job_nodes, lambda found: bool(found[0].preparation_last_retry))
        assert await shown(database) == ("running", None, None, None, 1, 100)
        await agent.end(second, 3)
        await until_stored(database, schema.job_nodes, lambda found: found[0].standing == "barred")
        assert await shown(database) == ("completed", 3, "failure", 200, 1, 100)


async def test_what_a_preparation_did_that_ends_with_its_job_is_released(database: Database) -> None:
    async with a_job(database, wait_for_success=False) as (job, agent, _, _):
        first = await order(agent, "preparation")
        await agent.begin(first)
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        await database.write(lambda c: change_job(c, job, "terminating"))
        await until(lambda: [run.kind for run in agent.heard(link.EndRun)] == ["preparation"])
        await agent.end(first, None)
        await agent.end(await order(agent, "release"))
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
        (row,) = await rows(database, schema.job_nodes)
        assert (row.preparation_result, row.release_result) == ("failure", "success")


async def test_a_job_that_goes_to_another_pool_and_comes_back_is_released_each_time(
    database: Database,
) -> None:
    """And prepared for anew, as nothing is left there of what its preparation had made."""

    async def give(pool: str, state: str) -> None:
        def unit(connection: sa.Connection) -> None:
            values = {"pool_id": pool, "state": state}
            connection.execute(sa.update(schema.jobs).values(values).where(schema.jobs.c.job_no == job))
            for one in POOLS:
                events.append(connection, pool_shard(ACCOUNT, one), "job", job)

        await database.write(unit)

    async def told(kind: str, count: int) -> link.Run:
        def found() -> list[link.Run]:
            return [run for run in agent.heard(link.Run) if run.kind == kind]

        await until(lambda: len(found()) >= count)
        return found()[count - 1]

    async with a_job(database) as (job, agent, _, _):
        await agent.end(await told("preparation", 1))
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        await give("other", "disabled")
        released = await told("release", 1)
        assert (await rows(database, schema.jobs))[0].shard == SHARD, "it is not gone before"
        await agent.end(released)
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].shard == pool_shard(ACCOUNT, "other"))
        await give("pool", "enabling")
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "active")
        await database.write(lambda c: add_tasks(c, job, 1, 1))
        again = await told("preparation", 2)
        (row,) = await rows(database, schema.job_nodes)
        assert (row.standing, row.has_completed, row.has_run, row.release) == ("wanted", False, False, None)
        await agent.end(again)
        await until_stored(database, schema.tasks, lambda tasks: tasks[1].state == "completed")
        await database.write(lambda c: change_job(c, job, "terminating"))
        await agent.end(await told("release", 2))
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")


async def end(database: Database, job: int, agent: ScriptedAgent) -> None:
    """The job ends well, after its task."""
    await agent.end(await order(agent, "preparation"))
    await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
    await database.write(lambda c: change_job(c, job, "terminating"))
    await agent.end(await order(agent, "release"))
    await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")


def told(agent: ScriptedAgent) -> list[link.FilesOf]:
    """Until the agent has done so again and again; twice at once, if two rounds find the same row due."""
    return [files for one in agent.heard(link.RemoveFiles) for files in one.tasks]


async def dues(database: Database) -> dict[str, int]:
    """What is to become of what the job has left."""
    found = await rows(database, schema.due)
    return {one.kind: one.at for one in found if one.kind.startswith(("preparation-", "release-"))}


async def forgotten(database: Database, kind: str) -> None:
    """Wait until nothing is to become of it."""
    await until_stored(database, schema.due, lambda found: kind not in [one.kind for one in found])


async def test_files_go_when_their_time_has_come(database: Database) -> None:
    kept = ReleaseRules("jobrelease", b"{}", retention=2 * HOUR)
    async with a_job(database, kept, retention=HOUR) as (job, agent, dispatch, clock):
        began = clock.ticks
        await end(database, job, agent)
        expected = {"preparation-retention": began + HOUR, "release-retention": began + 2 * HOUR}
        assert await dues(database) == expected
        await dispatch.run_once()
        assert told(agent) == []
        clock.ticks += HOUR
        await dispatch.run_once()
        await until(lambda: bool(told(agent)))
        before = len(told(agent))
        clock.ticks += PATIENCE
        await dispatch.run_once()
        await until(lambda: len(told(agent)) > before)
        assert set(told(agent)) == {link.FilesOf(1, 0, "job", "jobpreparation", "preparation")}
        await agent.send(link.FilesRemoved((link.RunKey(1, 0, "preparation"),)))
        await forgotten(database, "preparation-retention")
        clock.ticks += HOUR
        await dispatch.run_once()
        # what is stored is seen before the dispatch is told: the preparation's may be named once more
        released = link.FilesOf(1, 0, "job", "jobrelease", "release")
        await until(lambda: released in told(agent))
        assert {files for files in told(agent) if files.kind == "release"} == {released}
        await agent.send(link.FilesRemoved((link.RunKey(1, 0, "release"),)))
        await forgotten(database, "release-retention")


async def test_files_that_nobody_has_any_more(database: Database) -> None:
    """They are there as long as their job, however short they are kept; then their node goes, or the job."""
    kept = ReleaseRules("jobrelease", b"{}", retention=HOUR)
    async with a_job(database, kept, retention=0) as (job, agent, dispatch, clock):
        agent.moment = clock.ticks + HOUR  # by its clock: no round finds anything due before its node is gone
        await end(database, job, agent)
        (row,) = await rows(database, schema.jobs)
        assert (await dues(database))["preparation-retention"] == row.ended
        await database.write(lambda c: c.execute(sa.update(schema.job_nodes).values(node_id="gone")))
        clock.ticks = row.ended
        await dispatch.run_once()
        await forgotten(database, "preparation-retention")
        assert told(agent) == []
        assert (await dues(database)).keys() == {"release-retention"}
        await database.write(lambda c: c.execute(sa.update(schema.jobs).values(state="deleting")))
        await database.write(lambda c: execution.purge_job(c, job, clock.ticks, 10))
        assert await dues(database) == {}
