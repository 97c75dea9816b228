"""Pools, as the API reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from batchite.resources.keys import folded
from batchite.resources.pools import PoolRow
from batchite.store.batch import feed, pages, recording
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.store.batch.schema import nodes, pools
from batchite.store.dialects import insert

Clause = sa.ColumnElement[bool]


def _nodes(dedicated: bool) -> sa.ScalarSelect[int]:
    return (
        sa.select(sa.func.count())
        .where(nodes.c.pool_no == pools.c.pool_no, nodes.c.dedicated == dedicated)
        .scalar_subquery()
    )


_SHOWN = sa.select(
    pools, _nodes(True).label("current_dedicated"), _nodes(False).label("current_low_priority")
)


def add(connection: sa.Connection, row: Mapping[str, Any]) -> Changed | None:
    """Store the pool and its event; None if the account has one of this id already."""
    statement = insert(connection, pools).on_conflict_do_nothing().returning(pools.c.pool_no)
    pool_no = connection.execute(statement, dict(row)).scalar()
    if pool_no is None:
        return None
    shown = (row["id"], row["modified"])
    states = (row["state"], None, row["allocation_state"])
    feed.append_pool(connection, row["shard"], row["created"], row["id"], *states)
    return recording.record(connection, row["shard"], "pool", pool_no, *shown)


def find(connection: sa.Connection, account: str, pool_id: str) -> PoolRow | None:
    """The pool with its present numbers of nodes."""
    mine = (pools.c.account == account, pools.c.key == folded(pool_id))
    return connection.execute(_SHOWN.where(*mine)).one_or_none()


def page(connection: sa.Connection, account: str, wanted: Wanted) -> Part[PoolRow]:
    """Pools of the account, oldest first."""
    query = _SHOWN.where(pools.c.account == account)
    return pages.read(connection, query, pools.c.pool_no, wanted)


def delete(
    connection: sa.Connection, account: str, pool_id: str, now: int, condition: Clause
) -> Changed | None:
    """Begin to delete the pool; None if it is not there, deleting already, or `condition` fails."""
    statement = (
        sa.update(pools)
        .where(
            pools.c.account == account,
            pools.c.key == folded(pool_id),
            pools.c.state == "active",
            condition,
        )
        .values(
            state="deleting",
            state_time=now,
            modified=recording.later(pools.c.modified, now),
            allocation_state="resizing",
            allocation_state_time=sa.case(
                (pools.c.allocation_state == "resizing", pools.c.allocation_state_time), else_=now
            ),
            target_dedicated=0,
            target_low_priority=0,
            resize_errors=None,
        )
        .returning(pools.c.pool_no, pools.c.id, pools.c.shard, pools.c.modified)
    )
    changed = connection.execute(statement).one_or_none()
    if changed is None:
        return None
    feed.append_pool(connection, changed.shard, now, changed.id, "deleting", "active", "resizing")
    return recording.record(connection, changed.shard, "pool", changed.pool_no, changed.id, changed.modified)
