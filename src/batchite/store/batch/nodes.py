"""Compute nodes, as the API reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from batchite.resources.boots import BootRow
from batchite.resources.keys import folded
from batchite.resources.nodes import BriefNode, NodeRow, RecentTask
from batchite.store.batch import feed, pages, recording
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.store.batch.schema import OPEN_JOB, jobs, nodes, pools, tasks
from batchite.store.batch.tasks import VISIBLE

RECENT = 10
"""Tasks that a node is shown with."""

_SHOWN = sa.select(
    nodes,
    pools.c.id.label("pool_id"),
    pools.c.state.label("pool_state"),
    pools.c.shard,
    pools.c.definition.label("pool_definition"),
).join_from(nodes, pools)


def find(
    connection: sa.Connection, account: str, pool_id: str, node_id: str, *, to_change: bool = False
) -> NodeRow | None:
    """The node, with what it has of its pool. With `to_change` nobody else changes it until the transaction
    ends."""
    mine = (pools.c.account == account, pools.c.key == folded(pool_id), nodes.c.id == node_id)
    query = _SHOWN.where(*mine)
    return connection.execute(query.with_for_update(of=nodes) if to_change else query).one_or_none()


def change(connection: sa.Connection, node: NodeRow, now: int, values: Mapping[str, Any]) -> Changed:
    """Give the node, which was found to be changed, these values of columns, and tell the owner of its shard,
    and clients where its state changes."""
    times = {"state_time": now} if "state" in values else {}
    connection.execute(sa.update(nodes).where(nodes.c.node_no == node.node_no).values(**times, **values))
    changed = recording.record(connection, node.shard, "node", node.node_no, node.id, now)
    if times:
        feed.append_node(connection, node.shard, now, node.pool_id, node.id, values["state"], node.state)
    return changed


def several(
    connection: sa.Connection, account: str, pool_id: str, node_ids: Sequence[str]
) -> Sequence[NodeRow]:
    """Those of them that the pool has, as `find`."""
    mine = (pools.c.account == account, pools.c.key == folded(pool_id), nodes.c.id.in_(node_ids))
    return connection.execute(_SHOWN.where(*mine).order_by(nodes.c.node_no)).all()


class ExplainedNode(NodeRow, BootRow, Protocol):
    """A stored node with all that is known of its boot."""


def to_explain(connection: sa.Connection, account: str, pool_id: str, node_id: str) -> ExplainedNode | None:
    """As `find`."""
    mine = (pools.c.account == account, pools.c.key == folded(pool_id), nodes.c.id == node_id)
    return connection.execute(_SHOWN.where(*mine)).one_or_none()


def page(connection: sa.Connection, pool_no: int, wanted: Wanted) -> Part[NodeRow]:
    """Nodes of the pool, oldest first."""
    query = wanted.of(_SHOWN.where(nodes.c.pool_no == pool_no), nodes.c.node_no)
    return pages.cut(connection.execute(query).all(), wanted.limit)


def brief(connection: sa.Connection, pool_no: int, limit: int) -> Part[BriefNode]:
    """Nodes of the pool, oldest first; few bytes for each."""
    query = (
        sa.select(nodes.c.node_no, nodes.c.id, nodes.c.state)
        .where(nodes.c.pool_no == pool_no)
        .order_by(nodes.c.node_no)
        .limit(limit + 1)
    )
    return pages.cut([BriefNode(*row) for row in connection.execute(query)], limit)


def newest(connection: sa.Connection, pool_no: int, limit: int) -> list[BriefNode]:
    """As `brief`, the newest of them, oldest first."""
    query = (
        sa.select(nodes.c.node_no, nodes.c.id, nodes.c.state)
        .where(nodes.c.pool_no == pool_no)
        .order_by(nodes.c.node_no.desc())
        .limit(limit)
    )
    return [BriefNode(*row) for row in connection.execute(query)][::-1]


def running(connection: sa.Connection, shard: str) -> dict[int, tuple[int, int]]:
    """By node number: how many tasks run there and how many slots they take."""
    query = (
        sa.select(tasks.c.node_no, sa.func.count(), sa.func.sum(tasks.c.required_slots))
        .join_from(jobs, tasks, jobs.c.job_no == tasks.c.job_no)
        .where(jobs.c.shard == shard, OPEN_JOB, tasks.c.state == "running")
        .group_by(tasks.c.node_no)
    )
    return {number: (count, int(slots)) for number, count, slots in connection.execute(query)}


_LAST = (
    sa.select(tasks.c.task_no)
    .where(tasks.c.node_no == nodes.c.node_no, tasks.c.started.is_not(None), VISIBLE)
    .order_by(tasks.c.state_time.desc())
    .limit(RECENT)
    .correlate(nodes)
)
_RECENT_TASKS = (
    sa.select(
        nodes.c.node_no,
        jobs.c.id.label("job_id"),
        *(column for column in tasks.c if column.name not in ("node_no", "definition")),
    )
    .join_from(nodes, tasks, tasks.c.task_no.in_(_LAST))
    .join(jobs, jobs.c.job_no == tasks.c.job_no)
    .where(nodes.c.node_no.in_(sa.bindparam("numbers", expanding=True)))
    .order_by(nodes.c.node_no, tasks.c.state_time.desc())
)


def recent_tasks(connection: sa.Connection, node_nos: Sequence[int]) -> dict[int, list[RecentTask]]:
    """By node number: the tasks that last began or ended there, the latest first."""
    found: dict[int, list[RecentTask]] = {}
    for row in connection.execute(_RECENT_TASKS, {"numbers": list(node_nos)}):
        found.setdefault(row.node_no, []).append(row)
    return found


class PoolCounts(NamedTuple):
    """How many nodes a pool has, by (dedicated, state)."""

    number: int
    id: str
    nodes: dict[tuple[bool, str], int]


def counts(connection: sa.Connection, account: str, wanted: Wanted) -> Part[PoolCounts]:
    """Of the account's pools, oldest first."""
    query = sa.select(pools.c.pool_no, pools.c.id).where(pools.c.account == account)
    chosen = connection.execute(wanted.of(query, pools.c.pool_no)).all()
    found: dict[int, dict[tuple[bool, str], int]] = {pool_no: {} for pool_no, _ in chosen}
    grouped = (
        sa.select(nodes.c.pool_no, nodes.c.dedicated, nodes.c.state, sa.func.count())
        .where(nodes.c.pool_no.in_(found))
        .group_by(nodes.c.pool_no, nodes.c.dedicated, nodes.c.state)
    )
    for pool_no, dedicated, state, count in connection.execute(grouped):
        found[pool_no][dedicated, state] = count
    return pages.cut(
        [PoolCounts(pool_no, pool_id, found[pool_no]) for pool_no, pool_id in chosen], wanted.limit
    )
