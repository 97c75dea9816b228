"""A low-priority node that is taken away and comes back; at every step the owner may go and another come."""

from __future__ import annotations

from contextlib import AsyncExitStack

import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    ScriptedAgent,
    ScriptedEngine,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    counts,
    make_dispatch,
    rows,
    running,
    state_is,
    until,
    until_stored,
)

from batchite.configuration.fidelity import Fidelity
from batchite.link import messages as link
from batchite.store.batch import events, schema
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND

FIDELITY = Fidelity(preemption_notice=30, preemption_absence=600)


def preempt(connection: sa.Connection) -> None:
    """As the endpoint stores it, of the only node."""
    connection.execute(sa.update(schema.nodes).values(vacating="preempt", vacating_option="requeue"))
    number = connection.execute(sa.select(schema.nodes.c.node_no)).scalar_one()
    events.append(connection, SHARD, "node", number)


async def busy(
    database: Database, stack: AsyncExitStack, clock: StepClock
) -> tuple[ScriptedEngine, ScriptedAgent]:
    """A low-priority node with a task that runs."""
    await database.write(lambda c: add_pool(c, 0, target_low_priority=1))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, 1))
    dispatch, engine = make_dispatch(database, clock=clock, fidelity=FIDELITY)
    url = await stack.enter_async_context(running(dispatch))
    (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
    await until(lambda: len(agent.runs) == 1)
    await agent.begin(agent.runs[0])
    await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "running")
    return engine, agent


async def test_what_runs_has_its_notice_across_owners_and_the_node_comes_back(database: Database) -> None:
    clock = StepClock()
    async with AsyncExitStack() as stack:
        _, agent = await busy(database, stack, clock)
        await database.write(preempt)
        await until(lambda: bool(agent.heard(link.EndRun)))
        (order,) = agent.heard(link.EndRun)
        assert order.notice == 30 * TICKS_PER_SECOND
        (node,) = await rows(database, schema.nodes)
        assert (node.state, node.vacating) == ("running", "preempt")
    async with AsyncExitStack() as stack:  # another owner; the node's agent does not come to it
        dispatch, engine = make_dispatch(database, clock=clock, fidelity=FIDELITY)
        await stack.enter_async_context(running(dispatch))
        clock.ticks += 30 * TICKS_PER_SECOND
        await dispatch.run_once()
        await state_is(database, "preempted")
        assert engine.stopped
        (task,) = await rows(database, schema.tasks)
        assert (task.state, task.requeue_count, task.retry_count) == ("active", 0, 0)
        (usage,) = await rows(database, schema.core_usage)
        assert usage.cores == 2
    async with AsyncExitStack() as stack:
        dispatch, engine = make_dispatch(database, clock=clock, fidelity=FIDELITY)
        url = await stack.enter_async_context(running(dispatch))
        assert not engine.started
        clock.ticks += 600 * TICKS_PER_SECOND
        await dispatch.run_once()
        (again,) = await connect_all(stack, url, engine, 1)
        assert list(engine.started) == [node.id]
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        assert again.runs[0].attempt == 2
    assert await counts(database) == (0, 0, 1, 0)
