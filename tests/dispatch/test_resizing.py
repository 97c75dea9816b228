"""A pool comes to another size, while tasks run and while its owner changes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
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
    until,
    until_stored,
)

from batchite.configuration.fidelity import Fidelity
from batchite.dispatch.service import Dispatch
from batchite.engines.base import Handle
from batchite.link import framing
from batchite.link import messages as link
from batchite.resources.rules import TaskRules, encode
from batchite.resources.vacating import Vacating
from batchite.store.batch import events, pools, schema
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND

HOUR = 3600 * TICKS_PER_SECOND


@dataclass
class Scene:
    """A pool with a job whose tasks run until they are told to end."""

    database: Database
    dispatch: Dispatch
    engine: ScriptedEngine
    agents: list[ScriptedAgent]
    clock: StepClock

    async def change(self, **values: object) -> None:
        """As operations do."""

        def unit(connection: sa.Connection) -> None:
            connection.execute(sa.update(schema.pools).values(**values))
            events.append(connection, SHARD, "pool", 1)

        await self.database.write(unit)
        self.dispatch.wake(SHARD)

    async def resize(self, target: int, option: str = "requeue", **values: object) -> None:
        how = {"allocation_state": "resizing", "resize_option": option, "resize_errors": None}
        kept = {"kept_dedicated": None, "kept_low_priority": None}
        began = {"allocation_state_time": self.clock.ticks}
        await self.change(**{"target_dedicated": target, **how, **kept, **began, **values})

    async def steady(self) -> Any:
        """The pool, once it is."""
        await until_stored(self.database, schema.pools, lambda found: found[0].allocation_state == "steady")
        (found,) = await rows(self.database, schema.pools)
        return found

    async def run(self, agent: ScriptedAgent) -> link.Run:
        """Have the agent begin the task that it was given."""
        await until(lambda: bool(agent.runs))
        await agent.begin(agent.runs[0])
        return agent.runs[0]

    async def wait_for_files(self) -> link.Run:
        """The pool is to have no nodes, and waits for the files of the first agent's task, which is over."""
        order = await self.run(self.agents[0])
        await self.agents[0].send(
            link.RunEnded(9, order.number, order.attempt, self.clock.ticks - 1, self.clock.ticks, 0, None)
        )
        await until_stored(self.database, schema.tasks, lambda found: found[0].state == "completed")
        await self.steady()
        await self.resize(0, "retaineddata", resize_timeout=900 * HOUR)
        await until_stored(
            self.database, schema.due, lambda found: "node-retention" in {due.kind for due in found}
        )
        return order

    async def nodes(self, count: int) -> list[Any]:
        await until_stored(self.database, schema.nodes, lambda found: len(found) == count)
        return await rows(self.database, schema.nodes)


@asynccontextmanager
async def scene(
    database: Database,
    nodes: int,
    tasks: int = 0,
    *,
    quota: int | None = None,
    rules: bytes | None = None,
    low_priority: int = 0,
) -> AsyncIterator[Scene]:
    def prepare(connection: sa.Connection) -> None:
        add_pool(connection, nodes, target_low_priority=low_priority)
        if tasks:
            add_tasks(connection, add_job(connection), tasks)
            connection.execute(sa.update(schema.tasks).values(rules=rules))

    await database.write(prepare)
    clock = StepClock()
    dispatch, engine = make_dispatch(database, quota, clock=clock, lease=None)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(dispatch))
        agents = await connect_all(stack, url, engine, nodes + low_priority, runs_tasks=False)
        ready = ("idle", "running")
        await until_stored(database, schema.nodes, lambda found: all(node.state in ready for node in found))
        yield Scene(database, dispatch, engine, agents, clock)


async def test_up_and_down_and_to_zero(database: Database) -> None:
    async with scene(database, 1) as one:
        await one.steady()
        await one.resize(4)
        await one.nodes(4)
        assert (await one.steady()).resize_errors is None
        await one.resize(2)
        assert len(await one.nodes(2)) == 2
        await one.steady()
        assert one.agents[0].heard(link.Leave) == []
        await one.resize(0)
        await one.nodes(0)
        await one.steady()
        assert await rows(database, schema.due) == []
        (usage,) = await rows(database, schema.core_usage)
        assert usage.cores == 0


async def test_requeue_and_the_task_goes_on_elsewhere(database: Database) -> None:
    async with scene(database, 1, tasks=1) as one:
        await one.run(one.agents[0])
        await one.resize(0)
        await one.nodes(0)
        await one.steady()
        (task,) = await rows(database, schema.tasks)
        assert (task.state, task.retry_count, task.requeue_count) == ("active", 0, 1)
        assert await counts(database) == (1, 0, 0, 0)


async def test_terminate_completes_with_the_reason(database: Database) -> None:
    async with scene(database, 1, tasks=2) as one:
        await one.run(one.agents[0])
        await one.resize(0, "terminate")
        await one.nodes(0)
        first, other = await rows(database, schema.tasks)
        assert (first.state, first.result) == ("completed", "failure")
        assert b"TaskEnded" in first.failure
        assert b"leaves the pool" in first.failure
        assert (other.state, other.requeue_count) == ("active", 0)
        assert await counts(database) == (1, 0, 0, 1)


async def test_taskcompletion_holds_the_pool_until_the_task_is_over(database: Database) -> None:
    async with scene(database, 2, tasks=3) as one:
        orders = [await one.run(agent) for agent in one.agents]
        await one.steady()
        await one.resize(0, "taskcompletion")
        await until_stored(
            database, schema.nodes, lambda found: {node.vacating for node in found} == {"remove"}
        )
        assert {node.state for node in await rows(database, schema.nodes)} == {"leavingpool"}
        await one.agents[0].end(orders[0])
        await one.nodes(1)
        (pool,) = await rows(database, schema.pools)
        assert pool.allocation_state == "resizing"
        assert [len(agent.runs) for agent in one.agents] == [1, 1]
        await one.agents[1].end(orders[1], code=7)
        await one.nodes(0)
        await one.steady()
        assert await counts(database) == (1, 0, 1, 1)


async def test_taskcompletion_goes_on_with_another_owner(database: Database) -> None:
    """Which finds the wish in the rows, and to which the agents come back."""
    async with scene(database, 1, tasks=2) as one:
        order = await one.run(one.agents[0])
        await one.steady()
        await one.resize(0, "taskcompletion")
        await until_stored(database, schema.nodes, lambda found: found[0].vacating == "remove")
        await until_stored(database, schema.tasks, lambda found: found[0].state == "running")
        (spec,) = one.engine.started.values()
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        held = (link.RunKey(order.number, order.attempt),)
        hello = framing.encode([link.Hello(link.PROTOCOL, "0", 1, held)])
        agent = ScriptedAgent(url, spec, first_frame=hello, runs_tasks=False)
        async with agent:
            await until(lambda: list(dispatch.shards) == [SHARD])
            await agent.send(link.RunEnded(3, order.number, order.attempt, 100, 200, 0, None))
            await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
            assert engine.stopped == [spec.node_id]
            assert agent.runs == []
    assert await counts(database) == (1, 0, 1, 0)
    assert await rows(database, schema.nodes) == []


@pytest.mark.parametrize("again", [False, True])
async def test_retaineddata_waits_for_files_whoever_owns_them(database: Database, again: bool) -> None:
    rules = encode(TaskRules(retention=HOUR // 3))
    async with scene(database, 1, tasks=1, rules=rules) as one:
        order = await one.run(one.agents[0])
        await one.steady()
        ended = one.clock.ticks
        report = link.RunEnded(9, order.number, order.attempt, ended - 1, ended, 0, None)
        await one.agents[0].send(report)
        await until_stored(database, schema.tasks, lambda found: found[0].state == "completed")
        await one.resize(0, "retaineddata", resize_timeout=9 * HOUR)
        await until_stored(
            database, schema.due, lambda found: "node-retention" in {due.kind for due in found}
        )
        assert one.engine.stopped == []
        (spec,) = one.engine.started.values()
        if not again:
            await _pass_the_time(one.dispatch, one.engine, one.clock, database)
            await one.steady()
            assert one.engine.stopped == [spec.node_id]
            return
        ticks = one.clock.ticks
    clock = StepClock()
    clock.ticks = ticks
    dispatch, engine = make_dispatch(database, clock=clock, lease=None)
    async with running(dispatch) as url, ScriptedAgent(url, spec):
        await until(lambda: bool(engine.adopted))
        assert engine.stopped == []
        await _pass_the_time(dispatch, engine, clock, database)
        await until(lambda: engine.stopped == [spec.node_id])
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")


async def _pass_the_time(
    dispatch: Dispatch, engine: ScriptedEngine, clock: StepClock, database: Database
) -> None:
    """Look by look, until nobody looks any more."""
    async with asyncio.timeout(60):
        while not engine.stopped:
            look = await _next_look(database)
            if look is not None and look > clock.ticks:
                clock.ticks = look
                await dispatch.run_once()
            await asyncio.sleep(0.002)


async def _next_look(database: Database) -> int | None:
    looks = [due.at for due in await rows(database, schema.due) if due.kind == "node-retention"]
    return looks[0] if looks else None


async def test_a_deleted_task_is_not_waited_for(database: Database) -> None:
    async with scene(database, 1, tasks=1) as one:
        order = await one.wait_for_files()

        def delete(connection: sa.Connection) -> None:
            connection.execute(sa.update(schema.tasks).values(intent="delete"))
            events.append(connection, SHARD, "task", order.number)

        await database.write(delete)
        one.dispatch.wake(SHARD)
        await one.nodes(0)
        await one.steady()


async def test_a_resize_is_stopped_and_nodes_that_wait_stay(database: Database) -> None:
    async with scene(database, 2, tasks=2) as one:
        orders = [await one.run(agent) for agent in one.agents]
        await one.steady()
        await one.resize(0, "taskcompletion")
        await until_stored(
            database, schema.nodes, lambda found: {node.vacating for node in found} == {"remove"}
        )
        await one.change(allocation_state="stopping")
        pool = await one.steady()
        assert (pool.target_dedicated, pool.kept_dedicated) == (0, 2)
        assert b"ResizeStopped" in pool.resize_errors
        found = await rows(database, schema.nodes)
        assert {(node.state, node.vacating) for node in found} == {("running", None)}
        await database.write(lambda c: add_tasks(c, 1, 1, first=2))
        one.dispatch.wake(SHARD)
        await one.agents[0].end(orders[0])
        await until(lambda: len(one.agents[0].runs) == 2)


async def test_a_growth_that_is_stopped_keeps_what_it_has_and_replaces_what_it_loses(
    database: Database,
) -> None:
    async with scene(database, 1) as one:
        await one.steady()
        await one.resize(3, allocation_state="stopping")
        pool = await one.steady()
        assert (pool.target_dedicated, pool.kept_dedicated) == (3, 1)
        (node,) = await one.nodes(1)
        one.engine.lost(node.id, "gone")
        await until_stored(
            database, schema.nodes, lambda found: [one.id for one in found] not in ([], [node.id])
        )
        assert len(await one.nodes(1)) == 1


async def test_nodes_are_removed_by_name(database: Database) -> None:
    async with scene(database, 3, tasks=3) as one:
        orders = [await one.run(agent) for agent in one.agents]
        await one.steady()
        first = next(iter(one.engine.started))
        wanted = Vacating("remove", "taskcompletion")
        await database.write(lambda c: pools.vacate(c, 1, [first], wanted))
        await one.resize(2, "taskcompletion")
        await until_stored(database, schema.nodes, lambda found: found[0].state == "leavingpool")
        assert [node.vacating for node in await rows(database, schema.nodes)] == ["remove", None, None]
        await one.agents[0].end(orders[0])
        assert first not in [node.id for node in await one.nodes(2)]
        await one.steady()


async def test_a_shrink_that_takes_too_long_ends_with_its_error(database: Database) -> None:
    async with scene(database, 1, tasks=2) as one:
        order = await one.run(one.agents[0])
        await one.steady()
        await one.resize(0, "taskcompletion")
        await until_stored(database, schema.nodes, lambda found: found[0].vacating == "remove")
        one.clock.ticks += 2 * 9_000_000_000
        await one.dispatch.run_once()
        pool = await one.steady()
        assert b"AllocationTimedout" in pool.resize_errors
        assert pool.kept_dedicated == 1
        (node,) = await rows(database, schema.nodes)
        assert (node.state, node.vacating) == ("running", None)
        await one.agents[0].end(order)
        await until(lambda: len(one.agents[0].runs) == 2)


async def test_what_the_quota_refuses_is_told_and_gone_when_it_is_met(database: Database) -> None:
    async with scene(database, 1, quota=4) as one:
        await one.steady()
        await one.resize(3)
        pool = await one.steady()
        assert b"AccountCoreQuotaReached" in pool.resize_errors
        assert b'{"name":"IsFinal","value":"true"}' in pool.resize_errors
        assert (pool.target_dedicated, pool.kept_dedicated) == (3, 2)
        await one.resize(2)
        pool = await one.steady()
        assert (pool.resize_errors, pool.kept_dedicated) == (None, None)


async def test_a_growth_that_is_refused_waits_for_the_other_nodes_to_leave(database: Database) -> None:
    """Low-priority nodes leave by the same resize, once their task is over."""
    async with scene(database, 0, tasks=1, quota=2, low_priority=1) as one:
        (agent,) = one.agents
        order = await one.run(agent)
        await one.steady()
        await one.resize(2, "taskcompletion", target_low_priority=0)
        await until_stored(database, schema.nodes, lambda found: found[0].vacating == "remove")
        (pool,) = await rows(database, schema.pools)
        assert pool.allocation_state == "resizing"
        await agent.end(order)
        pool = await one.steady()
        assert b"AccountCoreQuotaReached" in pool.resize_errors


async def test_a_pool_that_goes_waits_for_nobody(database: Database) -> None:
    async with scene(database, 1, tasks=1) as one:
        await one.run(one.agents[0])
        await one.steady()
        await one.resize(0, "taskcompletion")
        await until_stored(database, schema.nodes, lambda found: found[0].vacating == "remove")
        await one.change(state="deleting", allocation_state="resizing")
        await until_stored(database, schema.pools, lambda found: found == [])
        (task,) = await rows(database, schema.tasks)
        assert (task.state, task.requeue_count) == ("active", 1)
        assert await rows(database, schema.due) == []


async def test_an_orderly_stop_ends_what_was_waited_for(database: Database) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(scene(database, 1, tasks=1))
        await one.run(one.agents[0])
        await one.steady()
        await one.resize(0, "taskcompletion")
        await until_stored(database, schema.nodes, lambda found: found[0].vacating == "remove")
        await one.dispatch.stop(end_nodes=True)
    (task,) = await rows(database, schema.tasks)
    assert (task.state, task.retry_count) == ("active", 0)
    dispatch, engine = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.pools, lambda found: found[0].allocation_state == "steady")
    assert await rows(database, schema.nodes) == []
    assert engine.started == {}


async def test_a_node_with_files_boots_again_after_an_orderly_stop(database: Database) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(scene(database, 1, tasks=1))
        await one.wait_for_files()
        await one.dispatch.stop(end_nodes=True)
    (node,) = await rows(database, schema.nodes)
    assert (node.state, node.handle, node.vacating) == ("leavingpool", None, "remove")
    clock = StepClock()
    clock.ticks = one.clock.ticks
    dispatch, engine = make_dispatch(database, clock=clock, lease=None)
    async with AsyncExitStack() as stack:
        url = await stack.enter_async_context(running(dispatch))
        (agent,) = await connect_all(stack, url, engine, 1)
        await until_stored(
            database, schema.nodes, lambda found: found[0].handle == Handle(f"handle of {node.id}")
        )
        assert agent.runs == []
        assert engine.stopped == []
        (found,) = await rows(database, schema.nodes)
        assert found.state == "leavingpool"


async def test_a_pool_gets_the_rest_when_there_is_room_if_it_is_told_to(database: Database) -> None:
    def prepare(connection: sa.Connection) -> None:
        add_pool(connection, 2)
        add_pool(connection, 1, pool_id="other")

    await database.write(prepare)
    clock = StepClock()
    fidelity = Fidelity(room_pause=30)
    dispatch, _ = make_dispatch(database, clock=clock, lease=None, max_nodes=2, fidelity=fidelity)
    async with running(dispatch):
        await until_stored(
            database,
            schema.pools,
            lambda found: {pool.allocation_state for pool in found} == {"steady"},
        )
        (short,) = [pool for pool in await rows(database, schema.pools) if pool.resize_errors]
        (other,) = [pool for pool in await rows(database, schema.pools) if not pool.resize_errors]
        assert b'{"name":"IsFinal","value":"false"}' in short.resize_errors

        def delete(connection: sa.Connection) -> None:
            chosen = schema.pools.c.pool_no == other.pool_no
            connection.execute(sa.update(schema.pools).where(chosen).values(state="deleting"))
            events.append(connection, other.shard, "pool", other.pool_no)

        await database.write(delete)
        dispatch.wake(other.shard)
        await until_stored(database, schema.pools, lambda found: len(found) == 1)
        clock.ticks += 31 * TICKS_PER_SECOND
        await dispatch.run_once()
        await until_stored(database, schema.pools, lambda found: found[0].resize_errors is None)
        assert len(await rows(database, schema.nodes)) == short.target_dedicated
