"""Endpoints of ours about compute nodes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec
from msgspec import UNSET
from starlette.responses import Response

from batchite.batch import refusals
from batchite.batch.acting import Acting
from batchite.batch.nodes import actions, changing
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.services import Services
from batchite.ports.owner import NodeUse
from batchite.resources.nodes import NodeRow
from batchite.resources.showing import given
from batchite.wire.batch import codec
from batchite.wire.batch.errors import invalid_query
from batchite.wire.batch.models.fields import Given, Model
from batchite.wire.batch.models.nodes import BatchNodeReimageOptions
from batchite.wire.batch.validation.nodes import option

MOST_ASKED = 100
"""Nodes in one request."""
LARGEST_OPTIONS = 64 * 1024
"""Bytes of a body that says how something is to be done."""


class NodeLog(Model, frozen=True, kw_only=True):
    """The last lines of what a node's agent has said of itself, if they can be had of this process."""

    node_id: str
    log: Given[str]


class NodeUses(Model, frozen=True, kw_only=True):
    """What a node is, and what it uses with its agent; what cannot be told is not there.

    `image` is what its tasks find: the name of a root file system (`host`: that of the machine) and of a
    layer. Memory and disk are in bytes; processor time is counted since the node booted.
    """

    node_id: str
    tier: Given[str]
    image: Given[str]
    processes: Given[int] = UNSET
    memory: Given[int] = UNSET
    disk: Given[int] = UNSET
    processor_seconds: Given[float] = UNSET


class PoolUse(Model, frozen=True, kw_only=True):
    pool_id: str
    nodes: tuple[NodeUses, ...]


def _uses(node: NodeRow, use: NodeUse | None) -> NodeUses:
    about = NodeUses(node_id=node.id, tier=given(node.tier), image=given(node.image))
    if use is None:
        return about
    return msgspec.structs.replace(
        about,
        processes=given(use.processes),
        memory=given(use.memory),
        disk=given(use.disk),
        processor_seconds=given(use.processor_seconds),
    )


def _wanted(call: OwnCall) -> Sequence[str]:
    """Raises BatchError."""
    text = call.query.get("nodes", "")
    names = list(dict.fromkeys(filter(None, text.split(","))))
    if not 1 <= len(names) <= MOST_ASKED:
        rule = f"has to name 1 to {MOST_ASKED} nodes of the pool, separated by commas"
        raise invalid_query("nodes", text, rule)
    return names


def endpoints(services: Services) -> Sequence[Endpoint]:
    async def log(call: OwnCall) -> Response:
        acting = Acting(services, call.account.name, call.now)
        node = await actions.find(acting, call.params["poolId"], call.params["nodeId"])
        said = await actions.agent_log(acting, node)
        body = codec.encode(NodeLog(node_id=node.id, log=given(said)))
        return Response(body, 200, refusals.answer_headers(call.request), refusals.CONTENT_TYPE)

    async def use(call: OwnCall) -> Response:
        """Asks all nodes at the same time."""
        acting = Acting(services, call.account.name, call.now)
        pool_id = call.params["poolId"]
        nodes = await actions.several(acting, pool_id, _wanted(call))
        used = await asyncio.gather(*(actions.use(acting, node) for node in nodes))
        body = codec.encode(PoolUse(pool_id=pool_id, nodes=tuple(map(_uses, nodes, used))))
        return Response(body, 200, refusals.answer_headers(call.request), refusals.CONTENT_TYPE)

    async def reimage(call: OwnCall) -> Response:
        """As the operation, for nodes of any pool."""
        services.check_not_stopping()
        content = await call.request.body(LARGEST_OPTIONS)
        options = codec.decode(content, BatchNodeReimageOptions) if content else None
        wanted = option(options)
        acting = Acting(services, call.account.name, call.now)
        path = call.params["poolId"], call.params["nodeId"]
        await changing.reimage(acting, *path, wanted, of_any_pool=True)
        return Response(None, 202, refusals.answer_headers(call.request))

    async def preempt(call: OwnCall) -> Response:
        """Take the node away as the cloud may take any of low priority."""
        services.check_not_stopping()
        acting = Acting(services, call.account.name, call.now)
        await changing.preempt(acting, call.params["poolId"], call.params["nodeId"])
        return Response(None, 202, refusals.answer_headers(call.request))

    return (
        Endpoint("GET", "/-/pools/{poolId}/nodes/{nodeId}/log", log),
        Endpoint("POST", "/-/pools/{poolId}/nodes/{nodeId}/preempt", preempt),
        Endpoint("POST", "/-/pools/{poolId}/nodes/{nodeId}/reimage", reimage),
        Endpoint("GET", "/-/pools/{poolId}/use", use, frozenset({"nodes"})),
    )
