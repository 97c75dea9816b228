"""For which shards there is something to do; those that another owner sees to are left out.

Asked by somebody of the name `owner`, for whom the leases of others that end by `now` have ended.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from batchite.store.batch import events
from batchite.store.batch.schema import OPEN_JOB, due, jobs, nodes, pools, shards, tasks
from batchite.store.batch.shards import FREE, TAKEN

Row = sa.Row[*tuple[Any, ...]]


def _by_nobody_else(
    found: sa.CompoundSelect[*tuple[Any, ...]] | sa.Select[*tuple[Any, ...]],
) -> sa.Select[str]:
    names = found.subquery()
    return sa.select(names.c.shard).where(~sa.exists().where(shards.c.shard == names.c.shard, TAKEN))


_HAS_NODES = sa.exists().where(nodes.c.pool_no == pools.c.pool_no)
_INTENDED = (
    sa.select(jobs.c.shard)
    .join_from(tasks, jobs, jobs.c.job_no == tasks.c.job_no)
    .where(tasks.c.intent.is_not(None))
)
_ALL = _by_nobody_else(
    sa.union(
        events.SHARDS,
        sa.select(pools.c.shard).where(
            sa.or_(pools.c.state != "active", pools.c.allocation_state != "steady", _HAS_NODES)
        ),
        sa.select(jobs.c.shard).where(OPEN_JOB),
        _INTENDED,
    )
)
_BEHIND = _by_nobody_else(events.SHARDS)
_ABANDONED = sa.select(shards.c.shard).where(
    shards.c.owner.is_not(None), shards.c.owner != sa.bindparam("holder"), FREE
)
_DUE = (
    sa.select(due.c.shard, due.c.kind, due.c.subject)
    .join_from(due, shards, shards.c.shard == due.c.shard)
    .where(due.c.at <= sa.bindparam("until"), FREE)
    .order_by(due.c.at)
)
_NEXT_DUE = (
    sa.select(due.c.at)
    .join_from(due, shards, shards.c.shard == due.c.shard)
    .where(FREE)
    .order_by(due.c.at)
    .limit(1)
)


def shards_with_some(connection: sa.Connection, owner: str, now: int) -> Sequence[str]:
    """Shards whose owner has something to do, now or when a node or a time says so."""
    return sorted(connection.execute(_ALL, {"holder": owner, "now": now}).scalars())


def behind(connection: sa.Connection, owner: str, now: int) -> Sequence[str]:
    """Shards with events that nobody has read."""
    return connection.execute(_BEHIND, {"holder": owner, "now": now}).scalars().all()


def abandoned(connection: sa.Connection, owner: str, now: int) -> Sequence[str]:
    """Shards whose owner was another and has not given them up, though its lease has ended."""
    return connection.execute(_ABANDONED, {"holder": owner, "now": now}).scalars().all()


def due_until(connection: sa.Connection, owner: str, now: int, until: int) -> Sequence[Row]:
    """shard, kind, subject"""
    return connection.execute(_DUE, {"holder": owner, "now": now, "until": until}).all()


def next_due(connection: sa.Connection, owner: str, now: int) -> int | None:
    """When the next is."""
    found: int | None = connection.execute(_NEXT_DUE, {"holder": owner, "now": now}).scalar_one_or_none()
    return found
