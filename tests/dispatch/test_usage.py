"""What runs used is summed up by the transaction that records their ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    ScriptedAgent,
    ScriptedEngine,
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
    until,
    until_stored,
)

from batchite.dispatch.service import Dispatch
from batchite.link import messages as link
from batchite.resources.rules import TaskRules, encode
from batchite.resources.usage import JobSums
from batchite.store.batch import job_usage, schema
from batchite.store.database import Database
from batchite.wire.batch.outcome import MOST_SUMMED, MOST_USED, Exit, Failure, Used

RETRIED = sa.update(schema.tasks).values(rules=encode(TaskRules(max_retries=2)))
EXIT = Failure("usererror", "FailureExitCode", "exit code 1")
USED = Used(30, 7, 2, 5, 4096)
LATER = 10**9

Do = Callable[[Dispatch, ScriptedEngine, ScriptedAgent], Awaitable[None]]


async def begun(database: Database, do: Do, *, tasks: int = 1, ends_nodes: bool = False) -> None:
    """A node that has been given tasks, added at 1, which may be retried twice."""
    await database.write(lambda c: add_pool(c, 1, slots=tasks))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, tasks))
    await database.write(lambda c: c.execute(RETRIED))
    dispatch, engine = make_dispatch(database, clock=StepClock())
    async with running(dispatch, end_nodes=ends_nodes) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == tasks)
        await do(dispatch, engine, agent)


async def sums(database: Database, job: int = 1) -> JobSums:
    found = await database.read(lambda c: job_usage.of_jobs(c, [job], LATER))
    return found.get(job, JobSums())


async def completed(database: Database) -> Any:
    await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
    return (await rows(database, schema.tasks))[0]


async def gone(database: Database, job: int) -> None:
    """The job is deleted with all its tasks."""
    await database.write(lambda c: change_job(c, job, "deleting"))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.jobs, lambda jobs: not jobs)


async def test_a_run_of_several_slots(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1, slots=4))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, 1))
    await database.write(lambda c: c.execute(sa.update(schema.tasks).values(required_slots=3)))
    await database.write(lambda c: c.execute(sa.update(schema.task_counts).values(required_slots=3)))
    dispatch, engine = make_dispatch(database, clock=StepClock())
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        order = agent.runs[0]
        await agent.begin(order)
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "running")
        so_far = await sums(database)
        assert (so_far.wall_time, so_far.slot_time) == (LATER - 100, 3 * (LATER - 100))
        assert so_far.wait_time == 99, "since it was added"
        assert so_far.succeeded == 0
        await agent.send(link.RunEnded(2, order.number, 1, 100, 250, 0, None, used=USED))
        task = await completed(database)
    assert (task.wall_time, task.user_time, task.kernel_time) == (150, 30, 7)
    assert (task.blocks_read, task.blocks_written) == (2, 5)
    expected = JobSums(1, 0, 0, 150, 450, 99, 30, 7, 2, 5)
    assert await sums(database) == expected


async def test_retries_count_with_all_their_runs(database: Database) -> None:
    async def fail_twice(_: Dispatch, __: ScriptedEngine, agent: ScriptedAgent) -> None:
        for attempt, (start, end, code) in enumerate([(100, 110, 1), (200, 220, 1), (300, 340, 0)], 1):
            await until(lambda count=attempt: len(agent.runs) == count)  # type: ignore[misc]
            failure = EXIT if code else None
            await agent.send(link.RunEnded(attempt, 1, attempt, start, end, code, failure, used=USED))
        task = await completed(database)
        assert (task.retry_count, task.wall_time, task.user_time) == (2, 70, 90)

    await begun(database, fail_twice)
    assert await sums(database) == JobSums(1, 0, 2, 70, 70, 299, 90, 21, 6, 15)


async def test_a_run_that_was_lost_with_its_node_is_not_counted(database: Database) -> None:
    """It may have been over long before it was missed, so the job's time is that of its tasks' runs."""

    async def lose(dispatch: Dispatch, engine: ScriptedEngine, agent: ScriptedAgent) -> None:
        await agent.begin(agent.runs[0])
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "running")
        (node,) = engine.started
        engine.lost(node, "it fell over")
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "active")

    await begun(database, lose)
    assert await sums(database) == JobSums()


async def test_a_task_that_is_ended_while_it_runs_has_used_what_it_used(database: Database) -> None:
    async def end(_: Dispatch, __: ScriptedEngine, agent: ScriptedAgent) -> None:
        await agent.begin(agent.runs[0])
        await database.write(lambda c: intend(c, "terminate", 1))
        await until(lambda: bool(agent.heard(link.EndRun)))
        (order,) = agent.heard(link.EndRun)
        await agent.send(link.RunEnded(2, 1, 1, 100, 160, None, order.failure, used=USED))
        await completed(database)

    await begun(database, end)
    assert await sums(database) == JobSums(0, 1, 0, 60, 60, 99, 30, 7, 2, 5)


async def test_what_is_deleted_takes_nothing_back(database: Database) -> None:
    async def run_and_delete(dispatch: Dispatch, _: ScriptedEngine, agent: ScriptedAgent) -> None:
        by_task = {order.number: order for order in agent.runs}
        await agent.send(
            link.RunEnded(1, 1, by_task[1].attempt, 100, 150, 0, None, used=USED),
            link.RunEnded(2, 2, by_task[2].attempt, 100, 160, None, EXIT, used=USED),
            link.RunStarted(3, 3, by_task[3].attempt, 100),
        )
        await until_stored(database, schema.tasks, lambda tasks: tasks[1].state == "completed")
        await database.write(lambda c: intend(c, "delete", 1, 2, 3))
        await until(lambda: bool(agent.heard(link.EndRun)))
        (order,) = agent.heard(link.EndRun)
        await agent.send(link.RunEnded(4, 3, by_task[3].attempt, 100, 170, None, order.failure, used=USED))
        await until_stored(database, schema.tasks, lambda tasks: not tasks)

    await begun(database, run_and_delete, tasks=3)
    deleted = JobSums(1, 1, 0, 180, 180, 198, 90, 21, 6, 15)
    assert await sums(database) == deleted
    before = await database.read(lambda c: job_usage.of_account(c, ACCOUNT, LATER))
    assert before == (deleted, 1)

    await gone(database, 1)
    assert await rows(database, schema.task_counts) == []
    assert await database.read(lambda c: job_usage.of_account(c, ACCOUNT, LATER)) == before
    await database.write(add_job)
    await database.write(lambda c: add_tasks(c, 2, 1))
    await database.write(
        lambda c: c.execute(sa.update(schema.task_counts).values(succeeded=4, wall_time=20, retries=1))
    )
    await gone(database, 2)
    both, since = await database.read(lambda c: job_usage.of_account(c, ACCOUNT, LATER))
    assert (both.succeeded, both.failed, both.wall_time, both.retries, since) == (5, 1, 200, 1, 1)


async def test_an_agent_that_lies_makes_no_sum_that_cannot_be_stored(database: Database) -> None:
    most = Used(*[MOST_USED] * 5)

    async def lie(_: Dispatch, __: ScriptedEngine, agent: ScriptedAgent) -> None:
        reports = [
            link.RunEnded(number, order.number, order.attempt, 0, link.LAST_MOMENT, 0, None, used=most)
            for number, order in enumerate(agent.runs, 1)
        ]
        await agent.send(*reports)
        await until_stored(
            database, schema.tasks, lambda tasks: all(task.state == "completed" for task in tasks)
        )

    await begun(database, lie, tasks=40)
    found = await sums(database)
    assert (found.succeeded, found.wall_time, found.user_time) == (40, MOST_SUMMED, MOST_SUMMED)


@pytest.mark.parametrize(
    ("end", "ticks"),
    [
        (Exit(5, 9, 0, None, used=USED), 4),
        (Exit(5, 9, None, EXIT), 0),  # nobody saw it
        (Exit(None, 9, None, EXIT, used=USED), 0),
        (Exit(9, 5, 0, None, used=USED), 0),  # by two clocks
    ],
)
def test_the_time_of_a_run(end: Exit, ticks: int) -> None:
    assert end.wall_time == ticks


def test_what_two_used_together() -> None:
    assert USED.with_more(Used(1, 2, 3, 4, 5)) == Used(31, 9, 5, 9, 4096)
    assert Used(MOST_USED).with_more(USED).user_time == MOST_USED
