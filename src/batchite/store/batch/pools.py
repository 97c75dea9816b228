"""Pools, as the API reads and writes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from batchite.resources.keys import folded
from batchite.resources.pools import PoolRow
from batchite.resources.vacating import HALTING, Vacating
from batchite.store.batch import feed, pages, recording
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.store.batch.schema import autoscaling, nodes, pools

Clause = sa.ColumnElement[bool]


def _nodes(dedicated: bool) -> sa.ScalarSelect[int]:
    return (
        sa.select(sa.func.count())
        .where(nodes.c.pool_no == pools.c.pool_no, nodes.c.dedicated == dedicated)
        .scalar_subquery()
    )


_SHOWN = sa.select(
    pools,
    _nodes(True).label("current_dedicated"),
    _nodes(False).label("current_low_priority"),
    *(column for column in autoscaling.c if column is not autoscaling.c.pool_no),
).join_from(pools, autoscaling, autoscaling.c.pool_no == pools.c.pool_no, isouter=True)

_TOLD = (pools.c.state, pools.c.allocation_state)


def add(connection: sa.Connection, row: Mapping[str, Any]) -> Changed | None:
    """Store the pool and its event; None if the account has one of this id already."""
    added = recording.add(connection, pools, "pool", row)
    if added is not None:
        states = (row["state"], None, row["allocation_state"])
        feed.append_pool(connection, added.shard, row["created"], added.id, *states)
    return added


def find(connection: sa.Connection, account: str, pool_id: str, *, to_change: bool = False) -> PoolRow | None:
    """The pool with its present numbers of nodes. With `to_change` nobody else changes it, or adds nodes to
    it, until the transaction ends."""
    mine = (pools.c.account == account, pools.c.key == folded(pool_id))
    if to_change:  # apart: what is counted in the same statement may be older than what it waited for
        connection.execute(sa.select(pools.c.pool_no).where(*mine).with_for_update())
    return connection.execute(_SHOWN.where(*mine)).one_or_none()


def is_unchanged(connection: sa.Connection, pool_no: int, modified: int) -> bool:
    """Whether its last change is that of this moment; if so, nobody changes it until the transaction ends."""
    query = sa.select(pools.c.pool_no).where(pools.c.pool_no == pool_no, pools.c.modified == modified)
    return connection.execute(query.with_for_update()).scalar() is not None


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
    times = since(now, values)
    found = recording.change(connection, pools, "pool", which, now, {**times, **values}, *_TOLD)
    if found is None:
        return None
    changed, row = found
    if times:
        told = (row.state, "active", row.allocation_state)
        feed.append_pool(connection, changed.shard, now, changed.id, *told)
    return changed


class Members(NamedTuple):
    """Nodes of a pool, by ids that were asked for: how many of those that stay are of which kind, and the ids
    that none of them has."""

    dedicated: int
    low_priority: int
    missing: Sequence[str]


def members(connection: sa.Connection, pool_no: int, node_ids: Collection[str]) -> Members:
    asked = [node_id for node_id in node_ids if node_id.isprintable()]  # not every database takes all text
    query = sa.select(nodes.c.id, nodes.c.dedicated, nodes.c.state).where(
        nodes.c.pool_no == pool_no, nodes.c.id.in_(asked)
    )
    found = connection.execute(query).all()
    known = {row.id for row in found}
    staying = [row.dedicated for row in found if row.state != "leavingpool"]
    missing = [node_id for node_id in node_ids if node_id not in known]
    return Members(sum(staying), len(staying) - sum(staying), missing)


def vacate(connection: sa.Connection, pool_no: int, node_ids: Collection[str], wanted: Vacating) -> None:
    """Have these nodes of the pool take no more tasks, which its owner learns by the pool's event."""
    is_about_to_halt = nodes.c.vacating.in_(HALTING)
    values = {
        "vacating": wanted.purpose,
        "vacating_option": wanted.option,
        "interrupted": sa.case((is_about_to_halt, nodes.c.vacating), else_=nodes.c.interrupted),
        "interrupted_option": sa.case(
            (is_about_to_halt, nodes.c.vacating_option), else_=nodes.c.interrupted_option
        ),
    }
    which = (nodes.c.pool_no == pool_no, nodes.c.id.in_(node_ids))
    connection.execute(sa.update(nodes).where(*which).values(values))


def since(now: int | sa.BindParameter[int], values: Mapping[str, Any]) -> dict[str, Any]:
    """Since when it is in the states that are given; it may be in that of its allocation already."""
    times: dict[str, Any] = {"state_time": now} if "state" in values else {}
    if "allocation_state" in values:
        is_so = pools.c.allocation_state == values["allocation_state"]
        times["allocation_state_time"] = sa.case((is_so, pools.c.allocation_state_time), else_=now)
    return times
