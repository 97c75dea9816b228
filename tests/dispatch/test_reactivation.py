"""A task that has failed is run anew, by whoever owns its shard."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import pytest
import sqlalchemy as sa
from tests.batch.service import acting
from tests.dispatch.support import (
    ScriptedAgent,
    StepClock,
    add_work,
    change_job,
    connect_all,
    counts,
    intend,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.batch.conditions import Conditions
from batchite.batch.tasks import actions
from batchite.dispatch.service import Dispatch
from batchite.link import messages as link
from batchite.resources.rules import TaskRules, encode
from batchite.scheduling.retries import FIRST_PAUSE
from batchite.store.batch import job_usage, schema
from batchite.store.database import Database
from batchite.wire.batch.errors import BatchError

ALWAYS = Conditions()


@pytest.fixture
async def job(database: Database) -> int:
    """With a pool of one node, and three tasks that were added at 1."""
    job = await add_work(database, nodes=1, tasks=3)
    return job


async def reactivate(database: Database, dispatch: Dispatch, task: str = "t0") -> None:
    await actions.reactivate(acting(database, dispatch), "job", task, ALWAYS)


async def states(database: Database, *wanted: str) -> None:
    await until_stored(database, schema.tasks, lambda tasks: [one.state for one in tasks] == [*wanted])


async def waited(database: Database, job: int) -> int:
    """What the job's tasks have waited, together."""
    sums = await database.read(lambda c: job_usage.of_jobs(c, [job], 10**9))
    return sums[job].wait_time


async def test_a_task_runs_anew(database: Database, job: int) -> None:
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        for number, code in enumerate((1, 0, 0)):
            await until(lambda count=number: len(agent.runs) > count)  # type: ignore[misc]
            await agent.end(agent.runs[number], code=code)
        await states(database, *["completed"] * 3)
        assert (await counts(database), await waited(database, job)) == ((0, 0, 2, 1), 3 * 99)
        assert [row.tasks for row in await rows(database, schema.failure_causes)] == [1]
        await reactivate(database, dispatch)
        assert (await waited(database, job), await rows(database, schema.failure_causes)) == (2 * 99, [])
        await until(lambda: len(agent.runs) == 4)
        run = agent.runs[3]
        assert (run.task_id, run.attempt, run.retries) == ("t0", 2, 0)
        await agent.send(link.RunStarted(7, run.number, run.attempt, 1000))
        await agent.send(link.RunEnded(8, run.number, run.attempt, 1000, 1100, 0, None))
        await states(database, *["completed"] * 3)
    assert (await counts(database), await waited(database, job)) == ((0, 0, 3, 0), 2 * 99 + 999)
    (task, *_) = await rows(database, schema.tasks)
    assert (task.result, task.attempt, task.wall_time) == ("success", 2, 100 + 100)


async def test_another_owner_runs_it(database: Database, job: int) -> None:
    """Whatever was killed in between: the row says it all."""
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        await database.write(lambda c: intend(c, "terminate", 2))
        await states(database, *["completed"] * 3)
        spec = engine.started.popitem()[1]
    ended = [one.result for one in await rows(database, schema.tasks)]
    assert ended[1] in ("failure", "success")
    await database.write(lambda c: c.execute(sa.update(schema.tasks).values(result="failure")))
    await database.write(lambda c: c.execute(sa.update(schema.task_counts).values(succeeded=0, failed=3)))
    for task in ("t0", "t1", "t2"):
        await reactivate(database, dispatch, task)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch) as url, ScriptedAgent(url, spec) as agent:
        await states(database, *["completed"] * 3)
        assert sorted(run.task_id for run in agent.runs) == ["t0", "t1", "t2"]
    assert await counts(database) == (0, 0, 3, 0)


async def test_one_that_had_paused_before_it_was_terminated(database: Database, job: int) -> None:
    """The pause has its end, and the task is run once."""
    endless = sa.update(schema.tasks).values(rules=encode(TaskRules(max_retries=-1)))
    await database.write(lambda c: c.execute(endless))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        await agent.end(agent.runs[0], code=1)
        await until(lambda: len(agent.runs) >= 2)
        await agent.end(agent.runs[1])
        await until(lambda: len(agent.runs) >= 3)
        await agent.end(agent.runs[2])
        await database.write(lambda c: intend(c, "terminate", 1))
        await states(database, *["completed"] * 3)
        await reactivate(database, dispatch)
        await settled(dispatch, database)
        clock.ticks += FIRST_PAUSE
        await dispatch.run_once()
        await until(lambda: len(agent.runs) == 4)
        assert (agent.runs[3].attempt, agent.runs[3].retries) == (2, 0)
        await agent.end(agent.runs[3])
        await states(database, *["completed"] * 3)
        await settled(dispatch, database)
    assert len(agent.runs) == 4
    assert await counts(database) == (0, 0, 3, 0)


@pytest.mark.parametrize("intent", ["terminate", "delete"])
async def test_one_that_is_not_to_run_after_all(database: Database, job: int, intent: str) -> None:
    """Both events are read at once."""
    dispatch, engine = make_dispatch(database)
    await database.write(lambda c: intend(c, "terminate", 1))
    async with running(dispatch):
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        await until(lambda: bool(engine.started))
    spec = engine.started.popitem()[1]
    await reactivate(database, dispatch)
    await database.write(lambda c: intend(c, intent, 1))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch) as url, ScriptedAgent(url, spec) as agent:
        expected = {"terminate": ["completed"] * 3, "delete": ["completed"] * 2}[intent]
        await states(database, *expected)
        assert sorted(run.task_id for run in agent.runs) == ["t1", "t2"]
    assert await counts(database) == (0, 0, 2, int(intent == "terminate"))


async def test_a_job_that_ends_with_its_tasks_has_one_again(database: Database, job: int) -> None:
    """Either the reactivation comes first, and the job waits for the task, or the job has ended."""
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 1)
        await database.write(lambda c: intend(c, "terminate", 1, 2, 3))
        await states(database, *["completed"] * 3)
        for one in await rows(database, schema.tasks):
            if one.result == "failure":
                await reactivate(database, dispatch, one.id)
        await settled(dispatch, database)
        await until_stored(
            database, schema.tasks, lambda tasks: all(one.result == "success" for one in tasks)
        )
        await database.write(lambda c: change_job(c, job, "terminating"))
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
        refused: Any = None
        try:
            await reactivate(database, dispatch)
        except BatchError as error:
            refused = error.code
        assert refused == "JobCompleted"
    assert await counts(database) == (0, 0, 3, 0)
