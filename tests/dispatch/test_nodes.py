"""How pools come to their nodes and lose them: within limits, some at a time, and again what failed."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    ScriptedAgent,
    ScriptedEngine,
    StepClock,
    add_pool,
    add_work,
    connect_all,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.dispatch import held, starting
from batchite.dispatch.allocation import PORTION
from batchite.engines.base import Handle, Outcome
from batchite.link.spec import NodeSpec
from batchite.resources.keys import pool_shard
from batchite.scheduling.silence import LOOK_TICKS
from batchite.store.batch import events, schema
from batchite.store.database import Database

LARGEST = 2**31 - 1
OF_A_POOL = ScriptedEngine.pace.of_a_pool


def errors_of(pool: Any) -> list[tuple[str, str]]:
    found = msgspec.json.decode(pool.resize_errors) if pool.resize_errors else []
    return [(error["code"], error["message"]) for error in found]


def delete_pool(connection: sa.Connection) -> None:
    connection.execute(sa.update(schema.pools).values(state="deleting"))
    number = connection.execute(sa.select(schema.pools.c.pool_no)).scalar_one()
    events.append(connection, SHARD, "pool", number)


def is_steady(pools: list[Any]) -> bool:
    return {pool.allocation_state for pool in pools} == {"steady"}


@pytest.mark.parametrize(
    ("limits", "code", "says"),
    [
        ({"quota": 7}, "AccountCoreQuotaReached", "core quota of 7"),
        ({"max_nodes": 3}, "AllocationFailed", "max_nodes"),
    ],
)
async def test_limits_are_shared_by_all_pools(
    database: Database, limits: dict[str, int], code: str, says: str
) -> None:
    """Two cores a node: either limit leaves room for three."""
    dispatch, _ = make_dispatch(database, **limits)  # type: ignore[arg-type]
    async with running(dispatch):
        for pool_id, wanted in (("pool", 2), ("other", LARGEST)):
            await database.write(lambda c, p=pool_id, n=wanted: add_pool(c, n, pool_id=p))  # type: ignore[misc]
            dispatch.wake(pool_shard(ACCOUNT, pool_id))
            await until_stored(database, schema.pools, lambda pools: bool(pools) and is_steady(pools))
        first, second = await rows(database, schema.pools)
        assert errors_of(first) == []
        ((found, message),) = errors_of(second)
        assert found == code
        assert f"{LARGEST - 1} of the nodes" in message
        assert says in message
        assert [node.pool_no for node in await rows(database, schema.nodes)] == [1, 1, 2]


async def test_a_pool_gets_all_its_nodes_in_portions(database: Database) -> None:
    await database.write(lambda c: add_pool(c, PORTION + 1))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)
        await until_stored(database, schema.pools, is_steady)
        assert len(await rows(database, schema.nodes)) == PORTION + 1


async def test_some_are_started_at_a_time_and_no_pool_waits_for_another(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "UP_SECONDS", 3600.0)
    await database.write(lambda c: add_pool(c, 50))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await until(lambda: len(engine.started) == OF_A_POOL)
        for spec in list(engine.started.values()):
            await stack.enter_async_context(ScriptedAgent(url, spec))
        await until(lambda: len(engine.started) == 2 * OF_A_POOL)  # and none of these speaks
        await database.write(lambda c: add_pool(c, 1, pool_id="other"))
        dispatch.wake(pool_shard(ACCOUNT, "other"))
        await until(lambda: {spec.pool_id for spec in engine.started.values()} == {"pool", "other"})
        assert len(engine.started) == 2 * OF_A_POOL + 1


async def test_a_node_that_does_not_speak_holds_up_others_for_a_while_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "UP_SECONDS", 0.01)
    await database.write(lambda c: add_pool(c, 50))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch):
        await until(lambda: len(engine.started) == 50)


async def test_deleting_a_pool_cancels_what_has_not_begun(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(starting, "UP_SECONDS", 3600.0)
    await database.write(lambda c: add_pool(c, LARGEST))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.nodes, lambda found: len(found) > PORTION)
        await database.write(delete_pool)
        dispatch.wake(SHARD)
        await until_stored(database, schema.pools, lambda pools: pools == [])
        assert await rows(database, schema.nodes) == []
        assert len(engine.started) <= OF_A_POOL
        (usage,) = await rows(database, schema.core_usage)
        assert usage.cores == 0


async def test_nodes_that_were_leaving_at_a_restart_go_without_being_started(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 50))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.pools, is_steady)
    await database.write(delete_pool)
    await database.write(lambda c: c.execute(sa.update(schema.nodes).values(state="leavingpool")))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.pools, lambda pools: pools == [])
    assert engine.started == {}


class Short(ScriptedEngine):
    """Lacks something whenever it is to do something, `times` times."""

    times = 3

    def _start(self, spec: NodeSpec) -> Outcome:
        try:
            self._lack()
        except OSError as error:
            return error
        return super()._start(spec)

    async def stop(self, node_id: str, handle: Handle | None, **how: Any) -> None:
        self._lack()
        await super().stop(node_id, handle, **how)

    def _lack(self) -> None:
        self.times -= 1
        if self.times >= 0:
            raise OSError(24, "Too many open files")


async def test_a_node_that_could_not_be_started_says_so_and_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(held, "FIRST_PAUSE_SECONDS", 0.05)
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database, engine=Short)
    async with running(dispatch) as url:
        (node,) = await until_stored(database, schema.nodes, lambda found: bool(found and found[0].errors))
        ((code, message),) = [(one["code"], one["message"]) for one in msgspec.json.decode(node.errors)]
        assert (node.state, code) == ("creating", "NodeStartFailed")
        assert "could not be started: Too many open files. It is tried again in" in message
        await until(lambda: len(engine.started) == 1)
        async with ScriptedAgent(url, *engine.started.values()):
            await until_stored(database, schema.nodes, lambda found: found[0].state == "idle")
        (again,) = await rows(database, schema.nodes)
        assert (again.id, again.errors) == (node.id, None)
        assert caplog.text.count("could not be started") == 1, "it is told once"


async def test_a_node_that_could_not_be_ended_is_tried_again(
    database: Database, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(held, "FIRST_PAUSE_SECONDS", 0.001)
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database, engine=Short)
    async with running(dispatch):
        await until(lambda: len(engine.started) == 1)
        assert isinstance(engine, Short)
        engine.times = 2
        await database.write(delete_pool)
        dispatch.wake(SHARD)
        await until_stored(database, schema.pools, lambda pools: pools == [])
        assert len(engine.stopped) == 1
        assert caplog.text.count("could not be stopped") == 1


async def test_a_node_that_waits_to_be_tried_again_can_be_cancelled(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held, "FIRST_PAUSE_SECONDS", 3600.0)
    monkeypatch.setattr(Short, "times", 1)
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database, engine=Short)
    async with running(dispatch):
        await until_stored(database, schema.nodes, lambda found: bool(found and found[0].errors))
        await database.write(delete_pool)
        dispatch.wake(SHARD)
        await until_stored(database, schema.pools, lambda pools: pools == [])
    assert engine.started == {}


async def test_a_node_that_says_nothing_is_killed_and_its_tasks_run_elsewhere(database: Database) -> None:
    """Its agent is there, and so is its link."""
    await add_work(database, nodes=1, tasks=1)
    clock = StepClock()
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (silent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(silent.runs) == 1)
        await silent.begin(silent.runs[0])
        await until(lambda: silent.acknowledged == 1)
        (node,) = engine.started
        async with asyncio.timeout(60):
            while not engine.killed:
                clock.ticks += LOOK_TICKS
                await dispatch.run_once()
                await asyncio.sleep(0.002)
        assert engine.killed == [node]
        await until(lambda: silent.is_cut_off and len(engine.started) == 2)
        spec = next(spec for spec in engine.started.values() if spec.node_id != node)
        replacement = await stack.enter_async_context(ScriptedAgent(url, spec))
        await until(lambda: replacement.acknowledged == 2)
    (task,) = await rows(database, schema.tasks)
    assert (task.state, task.attempt, task.retry_count, task.requeue_count) == ("completed", 2, 0, 0)


async def test_what_an_agent_says_is_asked_of_the_engine_of_its_node(database: Database) -> None:
    dispatch, engine = make_dispatch(database)
    async with running(dispatch):
        await database.write(lambda connection: add_pool(connection, 1))
        dispatch.wake(SHARD)
        await until(lambda: bool(engine.started))
        (node_id,) = engine.started
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].handle is not None)
        assert await dispatch.agent_log(node_id, 1000) == f"{node_id} by the handle of {node_id}"
        assert await dispatch.agent_log("another process's", 1000) is None
