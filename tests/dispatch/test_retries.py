"""Retries without a limit: each pauses first, and nothing but a row remembers it meanwhile."""

from __future__ import annotations

from contextlib import AsyncExitStack

import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    ScriptedAgent,
    StepClock,
    add_pool,
    add_tasks,
    add_work,
    connect_all,
    intend,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.link import messages as link
from batchite.resources.rules import PoolRules, StartTaskRules, TaskRules, encode
from batchite.scheduling.retries import FIRST_PAUSE
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.batch.outcome import Failure

ENDLESS = (
    sa.update(schema.tasks).values(rules=encode(TaskRules(max_retries=-1))).where(schema.tasks.c.id == "t0")
)
START_TASK = encode(PoolRules(start_task=StartTaskRules(b'{"commandLine":"x"}', max_retries=-1)))
EXIT = Failure("usererror", "FailureExitCode", "exit code 1")


def runs(agent: ScriptedAgent) -> list[tuple[str, int, int]]:
    return [(run.task_id, run.attempt, run.retries) for run in agent.runs]


async def test_a_task_pauses_in_the_store_while_others_run(database: Database) -> None:
    """Neither tasks that are added, nor a new owner, nor the end of the others bring it back too early."""
    job = await add_work(database, nodes=1, tasks=2)
    await database.write(lambda c: c.execute(ENDLESS))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        await agent.end(agent.runs[0], code=1)
        await until(lambda: len(agent.runs) == 2)
        await agent.end(agent.runs[1])
        await database.write(lambda c: add_tasks(c, job, 1, first=2))
        await settled(dispatch, database)
        await until(lambda: len(agent.runs) == 3)
        await agent.end(agent.runs[2])
        await until_stored(database, schema.tasks, lambda tasks: tasks[2].state == "completed")
        assert runs(agent) == [("t0", 1, 0), ("t1", 1, 0), ("t2", 1, 0)]
        (due,) = [one for one in await rows(database, schema.due) if one.kind == "task-retry"]
        assert due.subject == 1
        assert 0 < due.at - clock.ticks <= FIRST_PAUSE
        spec = engine.started.popitem()[1]
        paused, *_ = await rows(database, schema.tasks)
        assert (paused.state, paused.node_id) == ("active", spec.node_id)
    dispatch, _ = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, ScriptedAgent(url, spec) as agent:
        await settled(dispatch, database)
        await dispatch.run_once()
        await settled(dispatch, database)
        assert agent.runs == []
        clock.ticks += FIRST_PAUSE
        await dispatch.run_once()
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        assert runs(agent) == [("t0", 2, 1)]
        await until_stored(database, schema.due, lambda due: [one.kind for one in due] == ["task-retention"])


async def test_a_start_task_pauses_too(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1, rules=START_TASK))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)

        def attempts() -> set[int]:
            """Each may be told twice, if two rounds find the same row due."""
            return {order.attempt for order in agent.heard(link.Run)}

        await until(lambda: attempts() == {1})
        await agent.send(link.RunEnded(1, 0, 1, 100, 200, 1, EXIT, kind="starttask"))
        await until_stored(database, schema.due, lambda due: bool(due))
        await dispatch.run_once()
        assert attempts() == {1}
        clock.ticks += FIRST_PAUSE
        await dispatch.run_once()
        await until(lambda: attempts() == {1, 2})
        await until_stored(database, schema.due, lambda due: not due)


async def test_a_task_ended_in_its_pause_is_still_the_node_s_that_has_its_files(database: Database) -> None:
    await add_work(database, nodes=1, tasks=1)
    await database.write(lambda c: c.execute(ENDLESS))
    dispatch, engine = make_dispatch(database, clock=StepClock())
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        await agent.end(agent.runs[0], code=1)
        await until_stored(database, schema.due, lambda due: bool(due))
        sequence = await database.write(lambda c: intend(c, "terminate", agent.runs[0].number))
        dispatch.wake(SHARD)
        assert await dispatch.settled(SHARD, sequence, 10)
        (ended,) = await rows(database, schema.tasks)
        (node_id,) = engine.started
        assert (ended.node_id, ended.started, ended.result) == (node_id, None, "failure")
