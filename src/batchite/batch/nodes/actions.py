"""What can be done with compute nodes."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.batch.pools import actions as pools
from batchite.ports.owner import NodeUse
from batchite.resources import extensions
from batchite.resources import inbound as ports
from batchite.resources.nodes import BriefNode, NodeRow, Work, addresses
from batchite.resources.pools import PoolRow
from batchite.resources.runs import NodeRuns
from batchite.store.batch import inbound, nodes
from batchite.store.batch import runs as stored_runs
from batchite.store.batch.nodes import PoolCounts
from batchite.store.batch.pages import Part, Wanted
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError, quote
from batchite.wire.batch.models.extensions import BatchNodeVMExtension
from batchite.wire.batch.models.networks import BatchNodeRemoteLoginSettings
from batchite.wire.batch.models.pools import BatchPoolCreateOptions

COUNTS_LIMIT = 10
"""Pools on one page of node counts."""
LOG_BYTES = 64 * 1024
"""Told of what an agent has said."""


async def find(acting: Acting, pool_id: str, node_id: str) -> NodeRow:
    """Raises PoolNotFound and NodeNotFound."""
    found = await acting.look(lambda connection: nodes.find(connection, acting.account, pool_id, node_id))
    if found is None:
        await pools.find(acting, pool_id)
        raise BatchError("NodeNotFound")
    return found


async def get(acting: Acting, pool_id: str, node_id: str, *, recent: bool) -> tuple[NodeRow, Work]:
    """The node and what it does, with its last tasks if they are asked for. Raises PoolNotFound and
    NodeNotFound."""
    node = await find(acting, pool_id, node_id)
    return node, await acting.read(lambda connection: _work(connection, node.shard, [node], recent))


def pool_of(node: NodeRow) -> BatchPoolCreateOptions:
    """What its client has defined of the node's pool."""
    return codec.decode(node.pool_definition, BatchPoolCreateOptions)


async def extensions_of(acting: Acting, pool_id: str, node_id: str) -> Sequence[BatchNodeVMExtension]:
    """The agent's own first. Raises PoolNotFound and NodeNotFound."""
    node = await find(acting, pool_id, node_id)
    return extensions.of(pool_of(node), node)


async def extension(acting: Acting, pool_id: str, node_id: str, name: str) -> BatchNodeVMExtension:
    """Raises PoolNotFound, NodeNotFound, and ResourceNotFound for a name that none has."""
    for one in await extensions_of(acting, pool_id, node_id):
        if one.vm_extension and one.vm_extension.name.lower() == name.lower():
            return one
    detail = f"The node has no extension {quote(name)}; its list of extensions says which it has."
    raise BatchError("ResourceNotFound", detail)


async def login(acting: Acting, pool_id: str, node_id: str) -> BatchNodeRemoteLoginSettings:
    """Raises PoolNotFound, NodeNotFound, and OperationNotValidOnNode for one without a port."""
    node = await find(acting, pool_id, node_id)
    reserved = await acting.read(lambda connection: inbound.of_nodes(connection, [node.node_no]))
    settings = ports.login(reserved.get(node.node_no, ()), *addresses(node.ip_address))
    if settings is None:
        raise BatchError(
            "OperationNotValidOnNode",
            "No port is left at which people could log in to it: other nodes have them all.",
        )
    return settings


async def remote_desktop(acting: Acting, pool_id: str, node_id: str) -> str:
    """The content of a file for clients of remote desktops. Raises as `login`, and OperationNotValidOnNode
    for a node of a pool that is none of cloud services."""
    node = await find(acting, pool_id, node_id)
    if not ports.is_cloud_service(pool_of(node)):
        raise BatchError(
            "OperationNotValidOnNode",
            "There is such a file for pools with cloudServiceConfiguration only; ask for the node's "
            "remoteloginsettings.",
        )
    settings = await login(acting, pool_id, node_id)
    return f"full address:s:{settings.remote_login_ip_address}:{settings.remote_login_port}"


async def agent_log(acting: Acting, node: NodeRow) -> str | None:
    """The last lines of what the node's agent has said of itself; None if they cannot be had here."""
    return await acting.services.owner.agent_log(node.id, LOG_BYTES)


async def several(acting: Acting, pool_id: str, node_ids: Sequence[str]) -> Sequence[NodeRow]:
    """Those of the pool's nodes, oldest first; one that is gone is left out. Raises PoolNotFound."""
    pool = await pools.find(acting, pool_id)
    return await acting.read(lambda connection: nodes.several(connection, acting.account, pool.id, node_ids))


async def work(acting: Acting, of: Sequence[NodeRow]) -> Work:
    """What these nodes of a pool do, without their last tasks."""
    if not of:
        return Work({}, {}, {})
    return await acting.read(lambda connection: _work(connection, of[0].shard, of, recent=False))


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


async def newest(acting: Acting, pool: PoolRow, limit: int) -> Sequence[BriefNode]:
    """As `brief`, the newest of them."""
    return await acting.read(lambda connection: nodes.newest(connection, pool.pool_no, limit))


async def runs(acting: Acting, pool: PoolRow, since: int, *, most_nodes: int, most_runs: int) -> NodeRuns:
    """What ran on the pool's nodes since then, also on those that are gone, as far as it is known still."""
    return await acting.read(
        lambda connection: stored_runs.on_nodes(
            connection, pool.shard, pool.pool_no, since, most_nodes=most_nodes, most_runs=most_runs
        )
    )


def _work(connection: sa.Connection, shard: str, rows: Sequence[NodeRow], recent: bool) -> Work:
    """The last tasks of many nodes take longer to find than all the rest."""
    last = nodes.recent_tasks(connection, [row.node_no for row in rows]) if recent else {}
    reserved = inbound.of_nodes(connection, [row.node_no for row in rows])
    return Work(nodes.running(connection, shard), last, reserved)


async def counts(acting: Acting, wanted: Wanted) -> Part[PoolCounts]:
    """Numbers of nodes per state, of each pool."""
    return await acting.read(lambda connection: nodes.counts(connection, acting.account, wanted))
