"""Pools, as the API reads and writes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
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


_TOLD = (pools.c.state, pools.c.allocation_state)


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


def change(
    connection: sa.Connection,
    account: str,
    pool_id: str,
    permitted: Collection[str],
    now: int,
    values: Mapping[str, Any],
    condition: Clause,
) -> Changed | None:
    """Give a pool that is in one of the states `permitted` these values of columns, and tell the owner of its
    shard, and clients where a state changes; None if there is no such pool or `condition` fails.

    One that is being deleted is changed by nobody, so what changes has been active.
    """
    which = sa.and_(
        pools.c.account == account, pools.c.key == folded(pool_id), pools.c.state.in_(permitted), condition
    )
    times = _times(now, values)
    found = recording.change(connection, pools, "pool", which, now, {**times, **values}, *_TOLD)
    if found is None:
        return None
    changed, row = found
    if times:
        told = (row.state, "active", row.allocation_state)
        feed.append_pool(connection, changed.shard, now, changed.id, *told)
    return changed


def _times(now: int, values: Mapping[str, Any]) -> dict[str, Any]:
    """Since when it is in the states that are given; it may be in that of its allocation already."""
    times: dict[str, Any] = {"state_time": now} if "state" in values else {}
    if "allocation_state" in values:
        is_so = pools.c.allocation_state == values["allocation_state"]
        times["allocation_state_time"] = sa.case((is_so, pools.c.allocation_state_time), else_=now)
    return times
