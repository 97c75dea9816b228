"""How agents learn who the users of their nodes are."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    ScriptedAgent,
    add_pool,
    make_dispatch,
    rows,
    running,
    until,
    until_stored,
)

from batchite.link.messages import SetLogins
from batchite.store.batch import events, schema
from batchite.store.database import Database
from batchite.wire.batch.login import Login

SOMEBODY = Login("Somebody", True, 5, "$6$x$y", None)


def add(connection: sa.Connection) -> None:
    row = {
        "node_no": 1,
        "key": "somebody",
        "name": "Somebody",
        "is_admin": True,
        "expires": 5,
        "password": "$6$x$y",
        "ssh_public_key": None,
        "modified": 1,
    }
    connection.execute(sa.insert(schema.logins), row)
    events.append(connection, SHARD, "logins", 1)


def heard(agent: ScriptedAgent) -> list[Any]:
    return [message.logins for message in agent.heard(SetLogins)]


async def test_at_once_and_whenever_they_speak_again_also_after_a_restart(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 2))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url:
        await until(lambda: len(engine.started) == 2)
        first, other = engine.started.values()
        async with ScriptedAgent(url, first) as agent, ScriptedAgent(url, other) as second:
            await until(lambda: heard(agent) == heard(second) == [()])
            await database.write(add)
            dispatch.wake(SHARD)
            await until(lambda: heard(agent) == [(), (SOMEBODY,)])
            assert heard(second) == [()]
    dispatch, _ = make_dispatch(database)
    async with running(dispatch) as url, ScriptedAgent(url, first) as agent:
        await until(lambda: heard(agent) == [(SOMEBODY,)])


async def test_a_node_that_is_gone_has_none(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        await until_stored(database, schema.nodes, lambda found: len(found) == 1)
        await database.write(add)
        await database.write(_delete_pool)
        dispatch.wake(SHARD)
        await until_stored(database, schema.pools, lambda pools: pools == [])
        assert await rows(database, schema.logins) == []


def _delete_pool(connection: sa.Connection) -> None:
    connection.execute(sa.update(schema.pools).values(state="deleting"))
    events.append(connection, SHARD, "pool", 1)
