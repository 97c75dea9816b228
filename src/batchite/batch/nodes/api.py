"""Compute nodes: the operations on them."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.nodes import actions
from batchite.batch.operations import FILTERED, LIST, SELECT, operation
from batchite.resources.nodes import counts as shown_counts
from batchite.resources.nodes import shown
from batchite.store.batch import filtering
from batchite.wire.batch import codec
from batchite.wire.batch.models.counts import BatchPoolNodeCounts
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.pools import BatchPoolCreateOptions


def _asks_for_recent(call: Call) -> bool:
    names = call.selected(BatchNode)
    return names is None or "recentTasks" in names


async def get(call: Call) -> Response:
    pool_id, node_id, recent = call.params["poolId"], call.params["nodeId"], _asks_for_recent(call)
    node, work = await actions.get(call.acting, pool_id, node_id, recent=recent)
    pool = codec.decode(node.pool_definition, BatchPoolCreateOptions)
    return answers.entity(call, "nodes", shown(node, pool, work, call.url))


async def list_(call: Call) -> Response:
    wanted, recent = listing.wanted(call, filtering.NODES), _asks_for_recent(call)
    part, pool, work = await actions.page(call.acting, call.params["poolId"], wanted, recent=recent)
    defined = codec.decode(pool.definition, BatchPoolCreateOptions)
    return listing.answer(
        call,
        "nodes",
        part,
        BatchNode,
        lambda node: shown(node, defined, work, call.url),
        lambda node: node.node_no,
    )


async def counts(call: Call) -> Response:
    wanted = listing.wanted(call, filtering.NODE_COUNTS, actions.COUNTS_LIMIT)
    part = await actions.counts(call.acting, wanted)
    return listing.answer(
        call,
        "poolnodecounts",
        part,
        BatchPoolNodeCounts,
        lambda pool: shown_counts(pool.id, pool.nodes),
        lambda pool: pool.number,
    )


OPERATIONS = (
    operation("ComputeNode_List", list_, FILTERED | SELECT),
    operation("ComputeNode_Get", get, SELECT),
    operation(
        "Account_ListPoolNodeCounts",
        counts,
        LIST | {"$filter"},
    ),
)
