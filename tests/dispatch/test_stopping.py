"""An orderly stop: what becomes of the nodes and of what they had, and what a start finds of it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    TERMINATES,
    ScriptedAgent,
    ScriptedEngine,
    add_job,
    add_pool,
    add_tasks,
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

from batchite.dispatch.service import Dispatch
from batchite.engines.base import Handle
from batchite.link import messages as link
from batchite.resources.keys import pool_shard
from batchite.store.batch import events, schema
from batchite.store.database import Database


async def holding(
    database: Database,
    stack: AsyncExitStack,
    tasks: int = 2,
    *,
    engine: type[ScriptedEngine] = ScriptedEngine,
    **job: object,
) -> tuple[Dispatch, ScriptedAgent]:
    """A service that is stopped with its nodes when the stack ends, and the agent of its only node, on
    which the job's first two tasks run."""
    await database.write(lambda c: add_pool(c, 1, slots=2))
    number = await database.write(lambda c: add_job(c, **job))
    await database.write(lambda c: add_tasks(c, number, tasks))
    dispatch, started = make_dispatch(database, engine=engine)
    url = await stack.enter_async_context(running(dispatch, end_nodes=True))
    (agent,) = await connect_all(stack, url, started, 1, runs_tasks=False)
    await until(lambda: len(agent.runs) == 2)
    for run in agent.runs:
        await agent.begin(run)
    await until(lambda: agent.acknowledged == 2)
    return dispatch, agent


async def test_what_ran_waits_again_and_is_counted_so(database: Database) -> None:
    async with AsyncExitStack() as stack:
        dispatch, _ = await holding(database, stack, tasks=3)
        assert await counts(database) == (1, 2, 0, 0)
    assert await counts(database) == (3, 0, 0, 0)
    assert dispatch.interrupted == 2
    found = await rows(database, schema.tasks)
    assert {(task.state, task.node_id, task.started, task.intent) for task in found} == {
        ("active", None, None, None)
    }
    assert {(task.retry_count, task.requeue_count) for task in found} == {(0, 0)}
    (node,) = await rows(database, schema.nodes)
    assert (node.state, node.handle, node.token_hash, node.booted) == ("creating", None, None, 1)


@pytest.mark.parametrize(("intent", "left"), [("terminate", [("completed", "failure")]), ("delete", [])])
async def test_what_was_to_end_ends_with_its_node(
    database: Database, intent: str, left: list[tuple[str, str]]
) -> None:
    """The agent has not answered when the service stops."""
    async with AsyncExitStack() as stack:
        dispatch, agent = await holding(database, stack, rules=TERMINATES)
        await agent.end(agent.runs[0])
        await until(lambda: agent.acknowledged == 3)
        await database.write(lambda c: intend(c, intent, agent.runs[1].number))
        dispatch.wake(SHARD)
        await until(lambda: bool(agent.heard(link.EndRun)))
    assert dispatch.interrupted == 0
    first, *others = await rows(database, schema.tasks)
    assert (first.state, first.result) == ("completed", "success")
    assert [(task.state, task.result) for task in others] == left
    assert await counts(database) == (0, 0, 1, len(left))
    (job,) = await rows(database, schema.jobs)
    assert (job.state, job.terminate_reason) == ("completed", "AllTasksComplete")


async def test_a_job_that_was_ending_ends_with_the_nodes(database: Database) -> None:
    async with AsyncExitStack() as stack:
        dispatch, agent = await holding(database, stack)
        await database.write(lambda c: change_job(c, 1, "terminating"))
        dispatch.wake(SHARD)
        await until(lambda: bool(agent.heard(link.EndRun)))
    assert {task.state for task in await rows(database, schema.tasks)} == {"completed"}
    assert await counts(database) == (0, 0, 0, 2)
    assert [job.state for job in await rows(database, schema.jobs)] == ["completed"]


async def test_nobody_waits_for_a_service_that_stops(database: Database) -> None:
    """Neither for what a node had still to end nor for a shard that nobody has taken."""
    async with AsyncExitStack() as stack:
        dispatch, agent = await holding(database, stack)
        sequence = await database.write(lambda c: intend(c, "terminate", agent.runs[0].number))
        dispatch.wake(SHARD)
        await until(lambda: bool(agent.heard(link.EndRun)))
        waiting = asyncio.create_task(dispatch.settled(SHARD, sequence, 60))
        await asyncio.sleep(0)
        await dispatch.stop(end_nodes=False)
        assert dispatch.is_stopping
        assert not await waiting
        assert not await dispatch.settled("devbatch/other", 1, 60)
        later = await database.write(lambda c: events.append(c, SHARD, "job", 1))
        assert not await dispatch.settled(SHARD, later, 60)
    assert [task.state for task in await rows(database, schema.tasks)] == ["completed", "active"]


async def test_a_wish_that_nobody_has_read_yet_is_carried_out_at_the_next_start(database: Database) -> None:
    async with AsyncExitStack() as stack:
        _, agent = await holding(database, stack)
        number = agent.runs[1].number
    await database.write(lambda c: intend(c, "terminate", number))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)
    assert [task.state for task in await rows(database, schema.tasks)] == ["active", "completed"]


async def test_a_task_whose_node_was_leaving_when_the_owner_changed_counts_as_requeued(
    database: Database,
) -> None:
    async with AsyncExitStack() as stack:
        await database.write(lambda c: add_pool(c, 1))
        job = await database.write(add_job)
        await database.write(lambda c: add_tasks(c, job, 1))
        dispatch, engine = make_dispatch(database)
        url = await stack.enter_async_context(running(dispatch))
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        await agent.begin(agent.runs[0])
        await until(lambda: agent.acknowledged == 1)
    await database.write(lambda c: c.execute(sa.update(schema.nodes).values(state="leavingpool")))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "active")
    (task,) = await rows(database, schema.tasks)
    assert (task.requeue_count, task.retry_count) == (1, 0)


@pytest.mark.parametrize("intent", ["terminate", "delete"])
async def test_tasks_that_wait_though_they_were_to_end_do_so_at_the_start(
    database: Database, intent: str
) -> None:
    """As a service left them that had read the event and forgot the wish: nothing announces them."""
    await database.write(lambda c: add_pool(c, 0))
    ending = await database.write(lambda c: add_job(c, rules=TERMINATES))
    over = await database.write(lambda c: add_job(c, "over", state="completed"))
    await database.write(lambda c: [add_tasks(c, job, 2) for job in (ending, over)])

    def forget(connection: sa.Connection) -> None:
        connection.execute(sa.update(schema.tasks).values(intent=intent))
        connection.execute(sa.delete(schema.events))

    await database.write(forget)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.jobs, lambda jobs: {job.state for job in jobs} == {"completed"})
    ended = [] if intent == "delete" else ["completed"] * 4
    assert [task.state for task in await rows(database, schema.tasks)] == ended
    assert {(row.active, row.running, row.failed) for row in await rows(database, schema.task_counts)} == {
        (0, 0, len(ended) // 2)
    }
    assert [(job.state, job.terminate_reason) for job in await rows(database, schema.jobs)] == [
        ("completed", "AllTasksComplete"),
        ("completed", None),
    ]


class SlowToStop(ScriptedEngine):
    """Ends its nodes when `may_end` is set."""

    def __init__(self, lost: Any) -> None:
        super().__init__(lost)
        self.may_end = asyncio.Event()
        self.was_asked = False

    async def stop(self, node_id: str, handle: Handle | None, **how: Any) -> None:
        self.was_asked = True
        await self.may_end.wait()
        await super().stop(node_id, handle, **how)


async def test_a_pool_that_arrives_meanwhile_leaves_no_node(database: Database) -> None:
    other = pool_shard(ACCOUNT, "other")
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database, engine=SlowToStop)
    assert isinstance(engine, SlowToStop)
    await dispatch.start()
    await until(lambda: len(engine.started) == 1)
    await database.write(lambda c: add_pool(c, 1, pool_id="other"))
    dispatch.wake(other)
    await asyncio.sleep(0)  # now it is being acquired
    stopping = asyncio.create_task(dispatch.stop(end_nodes=True))
    async with asyncio.timeout(60):
        while not engine.was_asked:
            await dispatch.run_once()
            await asyncio.sleep(0)
    for _ in range(20):  # whatever could still start a node does it now
        await dispatch.run_once()
        await asyncio.sleep(0)
    engine.may_end.set()
    assert await stopping
    assert sorted(engine.stopped) == sorted(engine.started)


class UnableToStop(ScriptedEngine):
    async def stop(self, node_id: str, handle: Handle | None, **how: Any) -> None:
        raise OSError("no descriptors")


async def test_what_could_not_be_ended_is_said_and_goes_on_in_the_record(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    async with AsyncExitStack() as stack:
        dispatch, _ = await holding(database, stack, engine=UnableToStop)
        assert not await dispatch.stop(end_nodes=True)
        assert "could not be ended: no descriptors" in caplog.text
        assert {task.state for task in await rows(database, schema.tasks)} == {"running"}
        assert [node.state for node in await rows(database, schema.nodes)] == ["running"]
