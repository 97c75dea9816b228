"""A shard from the event table to the node and back, on a real database and real links."""

from __future__ import annotations

import asyncio
import gc
from contextlib import AsyncExitStack

import msgspec
import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    PATIENCE,
    SHARD,
    TERMINATES,
    ScriptedAgent,
    add_job,
    add_pool,
    add_tasks,
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
)
from websockets.exceptions import InvalidStatus

from batchite.link import messages as link
from batchite.scheduling.windows import WINDOW, WINDOW_BYTES, QueuedTask
from batchite.store.batch import events, schema, shards
from batchite.store.database import Database


def tasks_alive() -> int:
    """Of this test: what earlier ones left in cycles is collected first."""
    gc.collect()
    return sum(isinstance(thing, QueuedTask) for thing in gc.get_objects())


async def test_tasks_run_on_the_pools_nodes_and_are_counted(database: Database) -> None:
    await add_work(database, nodes=2, tasks=50)
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        agents = await connect_all(stack, url, engine, 2)
        await until(lambda: sum(agent.acknowledged for agent in agents) == 100)
        assert await counts(database) == (0, 0, 50, 0)
        tasks = await rows(database, schema.tasks)
        assert {(task.state, task.result, task.exit_code, task.attempt) for task in tasks} == {
            ("completed", "success", 0, 1)
        }
        nodes = await rows(database, schema.nodes)
        assert sum(node.tasks_run for node in nodes) == 50
    assert await rows(database, schema.events) == []


async def test_memory_holds_windows_not_the_queue(database: Database) -> None:
    """20,000 stored tasks; alive are those of a window and those on nodes."""
    await database.write(lambda c: add_pool(c, 2, slots=4))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, 20_000))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        agents = await connect_all(stack, url, engine, 2)
        await until(lambda: sum(agent.acknowledged for agent in agents) > 4_000)
        alive = tasks_alive()
        on_nodes = 2 * (4 + 32 * 4)
        assert 0 < alive <= 2 * WINDOW + on_nodes
        seen = {run.number for agent in agents for run in agent.runs}
        assert len(seen) > 2_000
        assert max(seen) <= len(seen) + WINDOW + on_nodes


async def test_api_changes_are_found_without_a_wake(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        job = await database.write(add_job)
        await database.write(lambda c: add_tasks(c, job, 1))
        await dispatch.run_once()
        await until(lambda: agent.acknowledged == 2)


async def test_an_unacknowledged_completion_is_neither_lost_nor_counted_twice(database: Database) -> None:
    await add_work(database, nodes=1, tasks=1)
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        await until(lambda: agent.acknowledged == 2)
        await agent.end(agent.runs[0], code=1)
        await until(lambda: agent.acknowledged == 4)
        assert await counts(database) == (0, 0, 1, 0)


async def test_a_restarted_owner_goes_on_where_the_last_one_was(database: Database) -> None:
    await add_work(database, nodes=1, tasks=3)
    first, engine = make_dispatch(database)
    async with running(first) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        held = agent.runs[0]
        (spec,) = engine.started.values()
    second, adopting = make_dispatch(database)
    async with running(second) as url:
        async with ScriptedAgent(url, spec) as agent:
            await until(lambda: agent.acknowledged == 6)
            assert [run.number for run in agent.runs] == [held.number, held.number + 1, held.number + 2]
            assert agent.runs[0].attempt == held.attempt
        assert list(adopting.adopted) == [spec.node_id]
        assert adopting.started == {}
    assert await counts(database) == (0, 0, 3, 0)


async def test_a_node_that_spoke_before_its_handle_was_stored_is_adopted(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    first, engine = make_dispatch(database)
    async with running(first) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 1)
        (spec,) = engine.started.values()
        await settled(first, database)
        async with asyncio.timeout(PATIENCE):
            while (await rows(database, schema.nodes))[0].state != "idle":
                await first.run_once()
    await database.write(lambda c: c.execute(sa.update(schema.nodes).values(handle=None)))
    second, adopting = make_dispatch(database)
    async with running(second) as url, ScriptedAgent(url, spec):
        assert adopting.adopted == {spec.node_id: None}
        assert adopting.started == {}


async def test_the_tasks_of_a_lost_node_run_elsewhere(database: Database) -> None:
    await add_work(database, nodes=1, tasks=1)
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        (lost,) = engine.started
        engine.lost(lost, "a test")
        await until(lambda: len(engine.started) == 2)
        spec = next(spec for node, spec in engine.started.items() if node != lost)
        replacement = await stack.enter_async_context(ScriptedAgent(url, spec))
        await until(lambda: replacement.acknowledged == 2)
        (task,) = await rows(database, schema.tasks)
        assert (task.state, task.attempt, task.retry_count, task.requeue_count) == ("completed", 2, 0, 0)
        assert lost in engine.stopped
        assert [node.id for node in await rows(database, schema.nodes)] == [spec.node_id]


async def test_terminating_a_running_task_waits_for_its_node(database: Database) -> None:
    await add_work(database, nodes=1, tasks=1)
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)

        sequence = await database.write(lambda c: intend(c, "terminate", agent.runs[0].number))
        dispatch.wake(SHARD)
        await until(lambda: bool(agent.heard(link.EndRun)))
        assert not await dispatch.settled(SHARD, sequence, 0.05)
        (order,) = agent.heard(link.EndRun)
        await agent.send(link.RunEnded(1, order.number, order.attempt, 5, 9, None, order.failure))
        assert await dispatch.settled(SHARD, sequence, PATIENCE)
        (task,) = await rows(database, schema.tasks)
        assert (task.state, task.result, task.intent) == ("completed", "failure", None)


async def test_a_task_deleted_while_its_end_is_stored_goes(database: Database) -> None:
    """The wish is on disk before the owner has read its event."""
    await add_work(database, nodes=1, tasks=1)
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        await database.write(lambda c: c.execute(sa.update(schema.tasks).values(intent="delete")))
        await agent.end(agent.runs[0])
        await until(lambda: agent.acknowledged == 2)
        assert await counts(database) == (0, 0, 1, 0)
        number = agent.runs[0].number
        sequence = await database.write(lambda c: events.append(c, SHARD, "task", number))
        dispatch.wake(SHARD)
        assert await dispatch.settled(SHARD, sequence, PATIENCE)
        assert await rows(database, schema.tasks) == []
        assert await counts(database) == (0, 0, 0, 0)


async def test_a_job_ends_though_one_look_found_tasks_to_end_and_new_ones(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 0))
    job = await database.write(lambda c: add_job(c, rules=TERMINATES))
    await database.write(lambda c: add_tasks(c, job, 2))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)

        def both(connection: sa.Connection) -> None:
            intend(connection, "terminate", 1)
            add_tasks(connection, job, 1, first=2)

        await database.write(both)
        dispatch.wake(SHARD)
        await settled(dispatch, database)
        await database.write(lambda c: intend(c, "terminate", 2, 3))
        dispatch.wake(SHARD)
        await settled(dispatch, database)
        (row,) = await rows(database, schema.jobs)
        assert (row.state, row.terminate_reason) == ("completed", "AllTasksComplete")


async def test_a_deleted_job_goes_with_its_tasks(database: Database) -> None:
    """Nodes hear of it once more when it is gone, since one may have come meanwhile."""
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, 12_000))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        await until(lambda: agent.acknowledged > 10)

        await database.write(lambda c: change_job(c, job, "deleting"))
        dispatch.wake(SHARD)
        await until(lambda: bool(agent.heard(link.RemoveJobFiles)))
        async with asyncio.timeout(PATIENCE):
            while await rows(database, schema.jobs):
                await settled(dispatch, database)
        assert await rows(database, schema.tasks) == []
        assert await rows(database, schema.task_counts) == []
        await until(lambda: len(agent.heard(link.RemoveJobFiles)) == 2)


async def test_nothing_is_stored_by_an_owner_that_lost_its_shard(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    (lease,) = await database.write(lambda c: shards.acquire(c, [SHARD], "first", 1, 2))
    await database.write(lambda c: shards.acquire(c, [SHARD], "second", 2, 3))
    with pytest.raises(shards.LeaseLostError):
        await database.write(lambda c: shards.hold(c, lease))


async def test_an_agent_needs_its_own_credential(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 2))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 2)
        one, other = engine.started.values()
        for token in (other.token, "", one.token + "x"):
            with pytest.raises(InvalidStatus, match="403"):
                async with ScriptedAgent(url, msgspec.structs.replace(one, token=token)):
                    pass


async def test_a_job_does_not_end_under_a_task_that_was_just_added(database: Database) -> None:
    """The task is stored after the owner last looked and before it commits the end of the job."""
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c, rules=TERMINATES))
    await database.write(lambda c: add_tasks(c, job, 1))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        await database.write(lambda c: add_tasks(c, job, 1, first=1))  # and nobody is woken
        agent.runs_tasks = True
        await agent.end(agent.runs[0])
        await until(lambda: len(agent.runs) == 2 and agent.acknowledged == 4)
        (stored,) = await rows(database, schema.jobs)
        assert stored.terminate_reason == "AllTasksComplete"
        assert await counts(database) == (0, 0, 2, 0)


async def test_windows_of_large_tasks_are_read_in_small_parts(database: Database) -> None:
    await add_work(database, nodes=1, tasks=40)
    large = b"{" + b" " * (WINDOW_BYTES // 4) + b"}"
    await database.write(lambda c: c.execute(sa.update(schema.tasks).values(definition=large)))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        assert tasks_alive() <= 1 + 4 + 4
        agent.runs_tasks = True
        await agent.end(agent.runs[0])
        await until(lambda: agent.acknowledged == 80)
