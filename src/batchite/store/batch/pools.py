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
    added = recording.add(connection, pools, "pool", row)
    if added is not None:
        states = (row["state"], None, row["allocation_state"])
        feed.append_pool(connection, added.shard, row["created"], added.id, *states)
    return added


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
    which = sa.and_(
        pools.c.account == account, pools.c.key == folded(pool_id), pools.c.state == "active", condition
    )
    values = {
        "state": "deleting",
        "state_time": now,
        "allocation_state": "resizing",
        "allocation_state_time": sa.case(
            (pools.c.allocation_state == "resizing", pools.c.allocation_state_time), else_=now
        ),
        "target_dedicated": 0,
        "target_low_priority": 0,
        "resize_errors": None,
    }
    found = recording.change(connection, pools, "pool", which, now, values)
    if found is None:
        return None
    changed, _ = found
    feed.append_pool(connection, changed.shard, now, changed.id, "deleting", "active", "resizing")
    return changed
