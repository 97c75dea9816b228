"""Pools whose nodes come from several engines, and from engines that have them wait."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
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
    dispatch_with,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.dispatch import held, starting
from batchite.dispatch.ownership import LEASE
from batchite.engines.base import Handle, Lost, Outcome, Taken
from batchite.engines.registry import Kind
from batchite.link import messages as link
from batchite.link.spec import NodeSpec
from batchite.scheduling.silence import BOOT_TICKS, LONGEST_STEP
from batchite.store.batch import events, schema
from batchite.store.database import Database
from batchite.wire.batch.vm_sizes import VmSize
from batchite.wire.ticks import TICKS_PER_SECOND


class Machines:
    """Engines by name; `kinds` have them made anew for every service, `made` are the last ones."""

    def __init__(self, engine: type[ScriptedEngine] = ScriptedEngine, **sizes: str) -> None:
        self.made: dict[str, ScriptedEngine] = {}
        self.kinds = {name: Kind(self._maker(name, engine), pattern) for name, pattern in sizes.items()}

    def _maker(self, name: str, engine: type[ScriptedEngine]) -> Any:
        def make(_: Path, lost: Lost) -> ScriptedEngine:
            self.made[name] = engine(lost)
            return self.made[name]

        return make


async def test_two_pools_are_served_by_two_engines(database: Database) -> None:
    """One engine's nodes are ended and adopted by that one alone."""
    await database.write(lambda c: add_pool(c, 2, vm_size="standard_hb120rs_v3"))
    await database.write(lambda c: add_pool(c, 1, pool_id="other"))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, 4))
    machines = Machines(cluster="standard_hb*", local="*")
    dispatch = dispatch_with(database, machines.kinds)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        cluster, local = machines.made["cluster"], machines.made["local"]
        await connect_all(stack, url, cluster, 2)
        await connect_all(stack, url, local, 1)
        await until_stored(
            database, schema.tasks, lambda tasks: {task.state for task in tasks} == {"completed"}
        )
        assert {spec.pool_id for spec in cluster.started.values()} == {"pool"}
        assert {spec.pool_id for spec in local.started.values()} == {"other"}
        assert [size.cores for size in (*cluster.sizes, *local.sizes)] == [120, 2]
    stored = {node.id: node.engine for node in await rows(database, schema.nodes)}
    assert stored == {**dict.fromkeys(cluster.started, "cluster"), **dict.fromkeys(local.started, "local")}

    async with running(dispatch_with(database, machines.kinds), end_nodes=True):
        adopted = {name: engine.adopted for name, engine in machines.made.items()}
        await until(lambda: bool(adopted["cluster"] and adopted["local"]))
        assert adopted["cluster"] == {node: f"handle of {node}" for node in cluster.started}
        assert adopted["local"] == {node: f"handle of {node}" for node in local.started}
    assert sorted(machines.made["cluster"].stopped) == sorted(cluster.started)
    assert machines.made["local"].stopped == list(local.started)


async def test_a_node_stays_with_its_engine_though_its_size_comes_to_mean_another(database: Database) -> None:
    """As does one that was ended in order and boots again: its files are there."""
    await database.write(lambda c: add_pool(c, 1))
    before = Machines(cluster="*", local="-")
    async with running(dispatch_with(database, before.kinds), end_nodes=True):
        await until(lambda: bool(before.made["cluster"].started))
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].handle is not None)
    await database.write(lambda c: c.execute(sa.update(schema.pools).values(target_dedicated=2)))
    await database.write(lambda c: c.execute(sa.update(schema.pools).values(allocation_state="resizing")))
    after = Machines(local="*", cluster="-")
    async with running(dispatch_with(database, after.kinds)):
        await until(lambda: all(engine.started for engine in after.made.values()))
        assert after.made["cluster"].started.keys() == before.made["cluster"].started.keys()


async def test_nodes_of_an_engine_that_is_not_there_any_more_wait_for_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, held.__name__)
    monkeypatch.setattr(held, "FIRST_PAUSE_SECONDS", 0.001)
    await database.write(lambda c: add_pool(c, 1))
    both = Machines(cluster="*", local="-")
    async with running(dispatch_with(database, both.kinds)):
        await until_stored(database, schema.nodes, lambda nodes: bool(nodes and nodes[0].handle))
    (node,) = await rows(database, schema.nodes)
    await database.write(delete_pool)
    without = Machines(local="*")
    async with running(dispatch_with(database, without.kinds)):
        await until(lambda: caplog.text.count("the engine 'cluster', which the node was begun by") > 2)
        levels = [one.levelno for one in caplog.records if one.name == held.__name__]
        assert levels[:3] == [logging.WARNING, logging.INFO, logging.INFO]  # it is told once
        assert without.made["local"].stopped == []
        assert [one.id for one in await rows(database, schema.nodes)] == [node.id]
    async with running(dispatch_with(database, both.kinds)):
        await until_stored(database, schema.pools, lambda pools: pools == [])
    assert both.made["cluster"].stopped == [node.id]


def delete_pool(connection: sa.Connection) -> None:
    connection.execute(sa.update(schema.pools).values(state="deleting"))
    number = connection.execute(sa.select(schema.pools.c.pool_no)).scalar_one()
    events.append(connection, SHARD, "pool", number)


class Queue(ScriptedEngine):
    """Has nodes wait for their machines."""

    is_pending = True


async def test_a_node_that_waits_in_an_engines_queue_has_all_the_time_it_takes(database: Database) -> None:
    """It is being created; neither the resize's time nor that of an agent that should speak runs for it.
    Hours pass at once here, which no lease would outlast."""
    await database.write(lambda c: add_pool(c, 2))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, engine=Queue, clock=clock, lease=None)
    async with running(dispatch) as url:
        await until_stored(database, schema.nodes, lambda nodes: len([n for n in nodes if n.handle]) == 2)
        for _ in range(BOOT_TICKS // LONGEST_STEP + 3):
            clock.ticks += LONGEST_STEP
            await dispatch.run_once()
        clock.ticks += 3 * 3600 * TICKS_PER_SECOND
        await dispatch.run_once()
        await settled(dispatch, database)
        (pool,) = await rows(database, schema.pools)
        assert (pool.allocation_state, pool.resize_errors) == ("steady", None)
        assert {node.state for node in await rows(database, schema.nodes)} == {"creating"}
        assert engine.killed == engine.stopped == []
        first, second = engine.started.values()
        async with ScriptedAgent(url, first):
            await until_stored(
                database, schema.nodes, lambda nodes: {n.state for n in nodes} == {"idle", "creating"}
            )
        await database.write(lambda c: resize(c, 1))
        dispatch.wake(SHARD)
        await until(lambda: engine.stopped == [second.node_id])


def resize(connection: sa.Connection, target: int) -> None:
    connection.execute(sa.update(schema.pools).values(target_dedicated=target, allocation_state="resizing"))
    number = connection.execute(sa.select(schema.pools.c.pool_no)).scalar_one()
    events.append(connection, SHARD, "pool", number)


async def test_a_queue_that_gives_nodes_up_is_asked_again_after_a_pause(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, engine=Queue, clock=clock)
    async with running(dispatch):
        await until_stored(database, schema.nodes, lambda nodes: bool(nodes and nodes[0].handle))
        (first,) = engine.started
        engine.lost(first, "the queue was emptied")
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "unusable")
        clock.ticks += 10 * TICKS_PER_SECOND
        await dispatch.run_once()
        await until(lambda: engine.batches == [[first], [first]])


class Picky(ScriptedEngine):
    """Takes every other node of a call."""

    refused: set[str]

    def _start(self, spec: NodeSpec) -> Any:
        self.refused = {batch[0] for batch in self.batches if len(batch) > 1}
        return OSError("no room") if spec.node_id in self.refused else super()._start(spec)


async def test_nodes_of_a_pool_are_asked_for_together_and_fail_each_by_itself(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 3))
    dispatch, engine = make_dispatch(database, engine=Picky)
    async with running(dispatch):
        await until_stored(database, schema.nodes, lambda nodes: any(node.errors for node in nodes))
        (asked,) = engine.batches
        assert len(asked) == 3
        stored = {
            node.id: (node.errors is None, node.handle is not None)
            for node in await rows(database, schema.nodes)
        }
        assert stored == {asked[0]: (False, False), asked[1]: (True, True), asked[2]: (True, True)}


async def test_pools_of_one_engine_take_turns_and_wait_for_no_other_engine(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "UP_SECONDS", 3600.0)  # however long this takes, no node makes room

    class Slow(ScriptedEngine):
        pace = ScriptedEngine.pace._replace(at_once=1, of_a_pool=1)

    slow = Machines(Slow, cluster="standard_hb*")
    fast = Machines(local="*")
    await database.write(lambda c: add_pool(c, 2, vm_size="standard_hb120rs_v3"))
    await database.write(lambda c: add_pool(c, 4, pool_id="other"))
    dispatch = dispatch_with(database, {**slow.kinds, **fast.kinds})
    async with running(dispatch):
        await until(lambda: len(fast.made["local"].started) == 4)
        await until(lambda: bool(slow.made["cluster"].started))
        assert len(slow.made["cluster"].started) == 1


@pytest.mark.parametrize(
    ("said", "stored"), [("10.0.0.7", "10.0.0.7"), ("fd00::7", "fd00::7"), ("", "127.0.0.1")]
)
async def test_a_node_is_reached_by_the_address_that_its_agent_says(
    database: Database, said: str, stored: str
) -> None:
    """Agents of the past say none."""
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 1)
        async with ScriptedAgent(url, *engine.started.values(), address=said):
            await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "idle")
    (node,) = await rows(database, schema.nodes)
    assert node.ip_address == stored


@pytest.mark.parametrize(
    ("said", "stored"), [({"tier": "machine", "image": "host"}, ("machine", "host")), ({}, (None, None))]
)
async def test_a_node_is_what_its_agent_says(
    database: Database, said: dict[str, str], stored: tuple[str | None, str | None]
) -> None:
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 1)
        async with ScriptedAgent(url, *engine.started.values(), **said):
            await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "idle")
    (node,) = await rows(database, schema.nodes)
    assert (node.tier, node.image) == stored


async def test_a_node_is_asked_what_it_uses(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 1)
        (spec,) = engine.started.values()
        assert await dispatch.use(spec.node_id) is None
        async with ScriptedAgent(url, spec) as agent:
            await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "idle")
            asking = asyncio.create_task(dispatch.use(spec.node_id))
            await until(lambda: bool(agent.heard(link.MeasureUse)))
            (question,) = agent.heard(link.MeasureUse)
            told = link.UseMeasured(question.request, 2, 3000, 0.5, None)
            await agent.send(link.UseMeasured(question.request + 1, 1, 1, 1.0, 1), told)
            assert await asking == told
            asking = asyncio.create_task(dispatch.use(spec.node_id))
            await until(lambda: len(agent.heard(link.MeasureUse)) == 2)
        assert await asking is None, "its link is closed"


class Tardy(ScriptedEngine):
    """Takes nodes when `may_take` is set."""

    def __init__(self, lost: Lost) -> None:
        super().__init__(lost)
        self.may_take = asyncio.Event()

    async def start(self, specs: Sequence[NodeSpec], size: VmSize) -> Mapping[str, Outcome]:
        taken = await super().start(specs, size)
        await self.may_take.wait()
        return dict.fromkeys(taken, Taken(Handle("late")))


async def test_what_an_engine_says_after_the_shard_was_taken_is_not_recorded(
    database: Database, batch_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The new owner has asked for the node, too: its agent has that one's credential."""
    other, clock, ahead = Database(batch_url), StepClock(), StepClock()
    ahead.ticks += 2 * LEASE.ticks
    await database.write(lambda c: add_pool(c, 1))
    dispatch, slow = make_dispatch(database, engine=Tardy, clock=clock)
    assert isinstance(slow, Tardy)
    async with running(dispatch):
        await until(lambda: len(slow.started) == 1)
        second, engine = make_dispatch(other, clock=ahead)
        async with running(second):
            await until_stored(other, schema.nodes, lambda nodes: nodes[0].handle is not None)
            slow.may_take.set()
            clock.ticks += LEASE.ticks // 3
            await dispatch.run_once()
            await until(lambda: not dispatch.shards)
            assert engine.started.keys() == slow.started.keys()
    (node,) = await rows(database, schema.nodes)
    assert node.handle == f"handle of {node.id}"
    assert "could not be" not in caplog.text
    other.close()
