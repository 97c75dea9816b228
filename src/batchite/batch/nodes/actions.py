"""What can be done with compute nodes."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.batch.pools import actions as pools
from batchite.ports.owner import NodeUse
from batchite.resources.nodes import NodeRow, Work
from batchite.resources.pools import PoolRow
from batchite.store.batch import nodes
from batchite.store.batch.nodes import BriefNode, PoolCounts
from batchite.store.batch.pages import Part, Wanted
from batchite.wire.batch.errors import BatchError

COUNTS_LIMIT = 10
"""Pools on one page of node counts."""
LOG_BYTES = 64 * 1024
"""Told of what an agent has said."""


async def find(acting: Acting, pool_id: str, node_id: str) -> NodeRow:
    """Raises PoolNotFound and NodeNotFound."""
    found = await acting.read(lambda connection: nodes.find(connection, acting.account, pool_id, node_id))
    if found is None:
        await pools.find(acting, pool_id)
        raise BatchError("NodeNotFound")
    return found


async def get(acting: Acting, pool_id: str, node_id: str, *, recent: bool) -> tuple[NodeRow, Work]:
    """The node and what it does, with its last tasks if they are asked for. Raises PoolNotFound and
    NodeNotFound."""
    node = await find(acting, pool_id, node_id)
    return node, await acting.read(lambda connection: _work(connection, node.shard, [node], recent))


async def agent_log(acting: Acting, node: NodeRow) -> str | None:
    """The last lines of what the node's agent has said of itself; None if they cannot be had here."""
    return await acting.services.owner.agent_log(node.id, LOG_BYTES)


async def several(acting: Acting, pool_id: str, node_ids: Sequence[str]) -> Sequence[NodeRow]:
    """Those of the pool's nodes, oldest first; one that is gone is left out. Raises PoolNotFound."""
    pool = await pools.find(acting, pool_id)
    return await acting.read(lambda connection: nodes.several(connection, acting.account, pool.id, node_ids))


async def use(acting: Acting, node: NodeRow) -> NodeUse | None:
    """What the node uses now; it is asked. None if it does not answer here."""
    return await acting.services.owner.use(node.id)


async def page(
    acting: Acting, pool_id: str, wanted: Wanted, *, recent: bool
) -> tuple[Part[NodeRow], PoolRow, Work]:
    """Nodes of the pool, that pool, and what the nodes do, as `get` has it. Raises PoolNotFound."""
    pool = await pools.find(acting, pool_id)

    def query(connection: sa.Connection) -> tuple[Part[NodeRow], Work]:
        part = nodes.page(connection, pool.pool_no, wanted)
        return part, _work(connection, pool.shard, part.rows, recent)

    part, work = await acting.read(query)
    return part, pool, work


async def brief(acting: Acting, pool: PoolRow, limit: int) -> Part[BriefNode]:
    """Ids and states of the pool's nodes, oldest first, for a look at many of them."""
    return await acting.read(lambda connection: nodes.brief(connection, pool.pool_no, limit))


def _work(connection: sa.Connection, shard: str, rows: Sequence[NodeRow], recent: bool) -> Work:
    """The last tasks of many nodes take longer to find than all the rest."""
    last = nodes.recent_tasks(connection, [row.node_no for row in rows]) if recent else {}
    return Work(nodes.running(connection, shard), last)


async def counts(acting: Acting, wanted: Wanted) -> Part[PoolCounts]:
    """Numbers of nodes per state, of each pool."""
    return await acting.read(lambda connection: nodes.counts(connection, acting.account, wanted))
