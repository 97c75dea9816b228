"""When a task was given to its node, and had its files there, is stored with the changes of its state."""

from __future__ import annotations

from contextlib import AsyncExitStack

import sqlalchemy as sa
from tests.dispatch.support import (
    StepClock,
    add_work,
    connect_all,
    make_dispatch,
    rows,
    running,
    until,
    until_stored,
)

from batchite.link import messages as link
from batchite.resources.rules import TaskRules, encode
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.batch.outcome import Failure

RETRIED = sa.update(schema.tasks).values(rules=encode(TaskRules(max_retries=1)))
EXIT = Failure("usererror", "FailureExitCode", "exit code 1")


async def test_each_attempt_has_times_of_its_own(database: Database) -> None:
    await add_work(database, nodes=1, tasks=1)
    await database.write(lambda c: c.execute(RETRIED))
    clock = StepClock()
    before = clock.ticks
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        (leased,) = await rows(database, schema.tasks)
        assert leased.state == "leased"
        assert before < leased.assigned <= clock.ticks
        order = agent.runs[0]
        clock.ticks += 1000
        await agent.send(
            link.RunStarted(1, order.number, order.attempt, 100),
            link.RunEnded(2, order.number, order.attempt, 100, 200, 1, EXIT, "", 150),
        )
        await until(lambda: len(agent.runs) == 2)
        (again,) = await rows(database, schema.tasks)
        assert again.assigned >= leased.assigned + 1000
        assert again.staged is None
        await agent.send(link.RunEnded(3, order.number, 2, 300, 400, 0, None, "", 350))
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        (done,) = await rows(database, schema.tasks)
    assert (done.assigned, done.started, done.staged, done.ended) == (again.assigned, 300, 350, 400)


async def test_a_task_that_is_given_back_has_not_been_assigned(database: Database) -> None:
    await add_work(database, nodes=1, tasks=1)
    dispatch, engine = make_dispatch(database, clock=StepClock())
    async with running(dispatch, end_nodes=True) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
    (task,) = await rows(database, schema.tasks)
    assert (task.state, task.assigned) == ("active", None)
