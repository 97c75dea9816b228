"""What goes leaves what it used to what it was part of: a node to its pool, a pool to its account.

These are statements of an owner's commit, as those in `changes`. When nodes were there is kept for some time
by itself, for usage metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.resources.pool_usage import ADDED, SUMS
from batchite.store.batch.schema import Ticks, node_spans, nodes, past_pools, pool_usage, pools
from batchite.store.dialects import Insert, greatest, insert_for, least
from batchite.store.prepared import Prepared
from batchite.wire.batch.outcome import MOST_SUMMED
from batchite.wire.ticks import TICKS_PER_DAY

SPANS_KEPT = 400 * TICKS_PER_DAY
"""for so long"""
MOST_SPANS = 1_000_000
"""and so many of them at most"""
_FORGOTTEN_AT_ONCE = 4

_at: sa.BindParameter[int] = bindparam("at", type_=Ticks)
_of_node = nodes.c.node_no == bindparam("node")
_of_pool = pools.c.pool_no == bindparam("pool")
_of_span = sa.and_(node_spans.c.node_no == bindparam("node"), node_spans.c.ended.is_(None))
_nothing: sa.ColumnElement[int] = sa.literal_column("0")

# -- when nodes are there

_BEGINNING = {
    "account": pools.c.account,
    "pool_no": pools.c.pool_no,
    "pool_key": pools.c.key,
    "pool_id": pools.c.id,
    "vm_size": pools.c.vm_size,
    "node_no": nodes.c.node_no,
    "dedicated": nodes.c.dedicated,
    "cores": pools.c.node_cores,
    "began": _at,
}
BEGIN_SPAN = Prepared(
    lambda dialect: (
        insert_for(dialect, node_spans)
        .from_select(
            list(_BEGINNING), sa.select(*_BEGINNING.values()).join_from(nodes, pools).where(_of_node)
        )
        .on_conflict_do_nothing()
    )
)
END_SPAN = Prepared(
    sa.update(node_spans)
    .where(_of_span)
    .values(ended=sa.case((node_spans.c.began > _at, node_spans.c.began), else_=_at))
)
_is_over = node_spans.c.ended.is_not(None)
_last_span = sa.select(sa.func.max(node_spans.c.number)).scalar_subquery()
_old_spans = (
    sa.select(node_spans.c.number)
    .where(node_spans.c.ended < _at - SPANS_KEPT)
    .order_by(node_spans.c.ended)
    .limit(_FORGOTTEN_AT_ONCE)
)
_excess_spans = (
    sa.select(node_spans.c.number)
    .where(node_spans.c.number <= _last_span - MOST_SPANS, _is_over)
    .order_by(node_spans.c.number)
    .limit(_FORGOTTEN_AT_ONCE)
)
FORGET_SPANS = Prepared(
    sa.delete(node_spans).where(
        sa.or_(node_spans.c.number.in_(_old_spans), node_spans.c.number.in_(_excess_spans))
    )
)
"""Whenever one begins: so they never pile up, and nobody waits for it."""

# -- what is left


def _leave(dialect: str, table: sa.Table, key: Sequence[str], found: sa.Select[Any]) -> Insert:
    """Add what is found to the sums of a pool or an account, whether or not it has some yet."""
    upsert = insert_for(dialect, table).from_select([*key, *SUMS], found)
    new = upsert.excluded
    sums = {name: least(dialect, table.c[name] + new[name], MOST_SUMMED) for name in ADDED}
    sums["peak_memory"] = greatest(dialect, table.c.peak_memory, new.peak_memory)
    if "since" in key:
        sums["since"] = sa.case((new.since < table.c.since, new.since), else_=table.c.since)
    return upsert.on_conflict_do_update(index_elements=key[:1], set_=sums)


def _left_by_span(dialect: str) -> Insert:
    ticks = sa.case((_at > node_spans.c.began, _at - node_spans.c.began), else_=0) * node_spans.c.cores
    left = {
        "dedicated_time": sa.case((node_spans.c.dedicated, ticks), else_=0),
        "low_priority_time": sa.case((node_spans.c.dedicated, 0), else_=ticks),
    }
    found = sa.select(node_spans.c.pool_no, *(left.get(name, _nothing) for name in SUMS))
    return _leave(dialect, pool_usage, ["pool_no"], found.where(_of_span))


def _left_by_node(dialect: str) -> Insert:
    left = (nodes.c.get(name, _nothing) for name in SUMS)
    found = sa.select(nodes.c.pool_no, *left)
    return _leave(dialect, pool_usage, ["pool_no"], found.where(_of_node))


def _left_by_pool(dialect: str) -> Insert:
    left = (pool_usage.c[name] for name in SUMS)
    found = sa.select(pools.c.account, pools.c.created, *left).join_from(
        pool_usage, pools, pools.c.pool_no == pool_usage.c.pool_no
    )
    return _leave(dialect, past_pools, ["account", "since"], found.where(_of_pool))


LEAVE_SPAN = Prepared(_left_by_span)
"""Before it ends: its pool keeps its time."""
LEAVE_NODE = Prepared(_left_by_node)
"""Before it is removed: its pool keeps what its tasks took."""
LEAVE_POOL = Prepared(_left_by_pool)
"""Before it is removed: its account keeps what its nodes used."""
REMOVE_POOL_USAGE = Prepared(sa.delete(pool_usage).where(pool_usage.c.pool_no == bindparam("pool")))
