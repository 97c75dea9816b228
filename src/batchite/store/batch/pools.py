"""Pools, as the API reads and writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from batchite.store.batch import events, pages
from batchite.store.batch.keys import folded
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


def add(connection: sa.Connection, values: Mapping[str, Any]) -> bool:
    """Store the pool and its event; False if the account has one of this id already."""
    statement = insert(connection, pools).on_conflict_do_nothing().returning(pools.c.pool_no)
    pool_no = connection.execute(statement, dict(values)).scalar()
    if pool_no is None:
        return False
    events.append(connection, values["account"], values["shard"], "pool", pool_no)
    return True


def find(connection: sa.Connection, account: str, pool_id: str) -> sa.Row[Any] | None:
    """The pool with its present numbers of nodes."""
    mine = (pools.c.account == account, pools.c.key == folded(pool_id))
    return connection.execute(_SHOWN.where(*mine)).one_or_none()


def page(
    connection: sa.Connection, account: str, after: int, limit: int, condition: Clause
) -> list[sa.Row[Any]]:
    """Pools whose number is above `after`, oldest first."""
    query = _SHOWN.where(pools.c.account == account, pools.c.pool_no > after, condition)
    return pages.read(connection.execute(query.order_by(pools.c.pool_no).limit(limit)))


def delete(connection: sa.Connection, account: str, pool_id: str, now: int, condition: Clause) -> bool:
    """Begin to delete the pool; False if it is not there, deleting already, or `condition` fails."""
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
            modified=now,
            allocation_state="resizing",
            allocation_state_time=sa.case(
                (pools.c.allocation_state == "resizing", pools.c.allocation_state_time), else_=now
            ),
            target_dedicated=0,
            target_low_priority=0,
            resize_errors=None,
        )
        .returning(pools.c.pool_no, pools.c.shard)
    )
    changed = connection.execute(statement).one_or_none()
    if changed is None:
        return False
    events.append(connection, account, changed.shard, "pool", changed.pool_no)
    return True
