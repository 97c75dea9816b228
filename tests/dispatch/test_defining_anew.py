"""Pools that are defined anew while their owner works."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    ScriptedAgent,
    add_pool,
    connect_all,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.dispatch import committer
from batchite.link import messages as link
from batchite.resources.rules import PoolRules, StartTaskRules, encode, of_stored_start_task
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.pools import NodesWanted
from batchite.scheduling.room import Limits
from batchite.store.batch import events, schema
from batchite.store.database import Database

T = TypeVar("T")

OLD = StartTaskRules(b'{"commandLine":"old"}', max_retries=5)
NEW = StartTaskRules(b'{"commandLine":"new"}')


def define(connection: sa.Connection, rules: PoolRules, **columns: object) -> None:
    """As the API does."""
    modified = schema.pools.c.modified + 1
    connection.execute(sa.update(schema.pools).values(rules=encode(rules), modified=modified, **columns))
    number = connection.execute(sa.select(schema.pools.c.pool_no)).scalar_one()
    events.append(connection, SHARD, "pool", number)


def commands(agent: ScriptedAgent) -> list[bytes]:
    return [message.definition for message in agent.heard(link.Run)]


async def test_nodes_keep_what_they_booted_with_and_later_ones_take_what_there_is(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1, rules=encode(PoolRules(start_task=OLD))))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (first,) = await connect_all(stack, url, engine, 1)
        await until(lambda: commands(first))
        await database.write(lambda c: define(c, PoolRules(start_task=NEW)))
        dispatch.wake(SHARD)
        await settled(dispatch, database)
        await first.send(
            link.RunStarted(1, 0, 1, 5, "starttask"),
            link.RunEnded(2, 0, 1, 5, 6, 3, FAILURE, kind="starttask"),
        )
        await until(lambda: len(commands(first)) == 2)
        assert commands(first) == [OLD.definition] * 2
        grown = {"target_dedicated": 2, "allocation_state": "resizing"}
        await database.write(lambda c: define(c, PoolRules(start_task=NEW), **grown))
        dispatch.wake(SHARD)
        await until(lambda: len(engine.started) == 2)
        second = await stack.enter_async_context(ScriptedAgent(url, list(engine.started.values())[1]))
        await until(lambda: commands(second))
        assert commands(second) == [NEW.definition]
        await until_stored(database, schema.nodes, lambda nodes: all(node.booted for node in nodes))
        stored = [of_stored_start_task(node.start_task) for node in await rows(database, schema.nodes)]
        assert stored == [OLD, NEW]


FAILURE = link.Failure("usererror", "FailureExitCode", "it failed", ())


async def test_an_owner_that_comes_later_knows_what_nodes_booted_with(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1, rules=encode(PoolRules(start_task=OLD))))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        await until(lambda: commands(agent))
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "waitingforstarttask")
    await database.write(lambda c: define(c, PoolRules(start_task=NEW)))
    (spec,) = engine.started.values()
    dispatch, _ = make_dispatch(database)
    async with running(dispatch) as url, ScriptedAgent(url, spec, start_task_attempt=1) as agent:
        await agent.send(
            link.RunStarted(1, 0, 1, 5, "starttask"),
            link.RunEnded(2, 0, 1, 5, 6, 3, FAILURE, kind="starttask"),
        )
        await until(lambda: commands(agent))
        assert commands(agent) == [OLD.definition]


async def test_a_node_that_was_sent_home_boots_with_what_there_is(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1, rules=encode(PoolRules(start_task=OLD))))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch, end_nodes=True) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        await until(lambda: commands(agent))
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "waitingforstarttask")
    await database.write(lambda c: define(c, PoolRules(start_task=NEW)))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        await until(lambda: commands(agent))
        assert commands(agent) == [NEW.definition]


async def test_no_node_is_added_to_a_pool_that_is_another_by_now(database: Database) -> None:
    def unit(connection: sa.Connection) -> Any:
        add_pool(connection, 2, modified=7)
        wanted = Changes(nodes_wanted={True: NodesWanted(1, True, 2, 2, "pool", 6)})
        return committer.apply(connection, ACCOUNT, Limits(None, None), SHARD, wanted, 50).allocation

    made = await database.write(unit)
    assert (made.nodes, made.refusal, made.is_outdated, bool(made)) == ([], None, True, True)
    assert await rows(database, schema.nodes) == []


class Interfering(Database):
    """Somebody else writes first, once it is told what."""

    first: Callable[[sa.Connection], None] | None = None

    async def write(self, unit: Callable[[sa.Connection], T]) -> T:
        first, self.first = self.first, None
        if first is not None:
            await super().write(first)
        return await super().write(unit)


@pytest.fixture
async def interfering(batch_url: str, database: Database) -> AsyncIterator[Interfering]:
    other = Interfering(batch_url)
    yield other
    other.close()


async def test_nodes_are_as_the_pool_is_when_they_are_added(
    database: Database, interfering: Interfering
) -> None:
    """Although their owner did not know that yet when it decided to add some."""
    await database.write(lambda c: add_pool(c, 0, allocation_state="steady"))
    dispatch, engine = make_dispatch(interfering)
    async with running(dispatch):
        await settled(dispatch, database)
        wanted = {"target_dedicated": 1, "allocation_state": "resizing"}
        await database.write(lambda c: define(c, PoolRules(slots_per_node=1), **wanted))
        interfering.first = lambda c: define(c, PoolRules(slots_per_node=7))
        dispatch.wake(SHARD)
        await until(lambda: engine.started)
        assert [spec.slots for spec in engine.started.values()] == [7]
        await until_stored(database, schema.pools, lambda pools: pools[0].allocation_state == "steady")
        assert len(await rows(database, schema.nodes)) == 1
