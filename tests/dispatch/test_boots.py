"""When a node's boot came to its stages is stored with the changes of its state."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

from tests.dispatch.support import (
    ScriptedAgent,
    StepClock,
    add_pool,
    connect_all,
    make_dispatch,
    rows,
    running,
    until,
    until_stored,
)

from batchite.link import messages as link
from batchite.resources.boots import timeline
from batchite.resources.rules import PoolRules, StartTaskRules, encode
from batchite.store.batch import schema
from batchite.store.database import Database


def stages(node: Any) -> list[str]:
    return [stage.stage for stage in timeline(node)]


async def test_a_boot_with_a_start_task(database: Database) -> None:
    rules = encode(PoolRules(start_task=StartTaskRules(b'{"commandLine":"prepare"}')))
    await database.write(lambda c: add_pool(c, 1, rules=rules))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await until_stored(database, schema.nodes, lambda nodes: nodes and nodes[0].state == "starting")
        (node,) = await rows(database, schema.nodes)
        assert stages(node) == ["requested", "allocated"]
        (agent,) = await connect_all(stack, url, engine, 1)
        await until(lambda: agent.heard(link.Run))
        (node,) = await rows(database, schema.nodes)
        assert stages(node) == ["requested", "allocated", "agentUp"]
        at = node.boot_heard
        await agent.send(link.RunStarted(1, 0, 1, at, "starttask"))
        await agent.send(link.RunEnded(2, 0, 1, at, at, 0, None, kind="starttask"))
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "idle")
        (node,) = await rows(database, schema.nodes)
        assert stages(node) == [
            "requested",
            "allocated",
            "agentUp",
            "startTaskStarted",
            "startTaskEnded",
            "idle",
        ]


async def test_a_node_that_boots_again_has_a_timeline_of_its_own(database: Database) -> None:
    clock = StepClock()
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch, end_nodes=True) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 1)
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "idle")
        (before,) = await rows(database, schema.nodes)
    (home,) = await rows(database, schema.nodes)
    assert stages(home) == ["requested"]
    assert home.boot_requested > before.boot_ready
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 1)
        async with ScriptedAgent(url, *engine.started.values()):
            await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "idle")
            (again,) = await rows(database, schema.nodes)
    assert stages(again) == ["requested", "allocated", "agentUp", "idle"]
    assert again.boot_requested == home.boot_requested
