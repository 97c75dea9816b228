"""Ports that nodes are reached at: reserved with the node, nobody else's, and given back with it."""

from __future__ import annotations

from typing import Any

import msgspec
import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    add_pool,
    make_dispatch,
    rows,
    running,
    settled,
    until_stored,
)

from batchite.resources.keys import pool_shard
from batchite.resources.rules import PoolRules, Ports, encode
from batchite.store.batch import events, inbound, schema
from batchite.store.database import Database

WEB = Ports("web", 15000, 15003)
RULES = encode(PoolRules(ports=(WEB,)))


def by_node(found: list[Any]) -> dict[int, list[tuple[str, int, int]]]:
    nodes: dict[int, list[tuple[str, int, int]]] = {}
    for row in sorted(found, key=lambda row: row.port):
        nodes.setdefault(row.node_no, []).append((row.rule, row.number, row.port))
    return nodes


def is_steady(pools: list[Any]) -> bool:
    return {pool.allocation_state for pool in pools} == {"steady"}


def resize(connection: sa.Connection, pool_id: str, nodes: int) -> None:
    which = schema.pools.c.id == pool_id
    values = {"target_dedicated": nodes, "allocation_state": "resizing"}
    number = connection.execute(
        sa.update(schema.pools).where(which).values(values).returning(schema.pools.c.pool_no)
    ).scalar_one()
    events.append(connection, pool_shard(ACCOUNT, pool_id), "pool", number)


async def test_ports_are_a_nodes_own_whatever_its_pool_and_come_back_with_it(database: Database) -> None:
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        for pool_id in ("pool", "other"):
            await database.write(lambda c, p=pool_id: add_pool(c, 2, pool_id=p, rules=RULES))  # type: ignore[misc]
            dispatch.wake(pool_shard(ACCOUNT, pool_id))
            await until_stored(database, schema.pools, lambda pools: bool(pools) and is_steady(pools))
        assert by_node(await rows(database, schema.inbound)) == {
            1: [("web", 0, 15000), ("SSHRule", 0, 50000)],
            2: [("web", 1, 15001), ("SSHRule", 1, 50001)],
            3: [("web", 0, 15002), ("SSHRule", 0, 50002)],
            4: [("web", 1, 15003), ("SSHRule", 1, 50003)],
        }
        await database.write(lambda c: resize(c, "pool", 1))
        dispatch.wake(SHARD)
        await until_stored(database, schema.inbound, lambda found: len(by_node(found)) == 3)
        assert 2 not in by_node(await rows(database, schema.inbound))
        await database.write(lambda c: resize(c, "other", 3))
        dispatch.wake(pool_shard(ACCOUNT, "other"))
        await until_stored(database, schema.inbound, lambda found: len(by_node(found)) == 4)
        last = by_node(await rows(database, schema.inbound))[5]
        assert last == [("web", 2, 15001), ("SSHRule", 2, 50001)]


async def test_a_pool_gets_no_nodes_for_which_there_is_no_port(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 6, rules=RULES))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)
        await until_stored(database, schema.pools, is_steady)
        (pool,) = await rows(database, schema.pools)
        (error,) = msgspec.json.decode(pool.resize_errors)
        assert error["code"] == "AllocationFailed"
        assert "2 of the nodes wanted" in error["message"]
        assert len(await rows(database, schema.nodes)) == 4


async def test_ports_are_the_same_after_a_restart(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 3, rules=RULES))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)
        await until_stored(database, schema.pools, is_steady)
    before = await rows(database, schema.inbound)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await settled(dispatch, database)
    assert await rows(database, schema.inbound) == before
    assert len(before) == 6


async def test_more_nodes_than_there_are_ports_to_log_in(database: Database) -> None:
    """In the cloud 50000 to 55000 are for logging in; a large pool here goes on above."""

    def fill(connection: sa.Connection) -> None:
        taken = [
            {"port": port, "node_no": 1000 + port, "rule": "SSHRule", "number": 0}
            for port in range(50000, 65534)
        ]
        connection.execute(sa.insert(schema.inbound), taken)

    await database.write(fill)
    await database.write(lambda c: inbound.reserve(c, 1, [1, 2], ()))
    found = by_node([row for row in await rows(database, schema.inbound) if row.node_no < 1000])
    assert found == {1: [("SSHRule", 0, 65534)]}
