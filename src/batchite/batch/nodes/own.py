"""Endpoints of ours about compute nodes."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from batchite.batch import refusals
from batchite.batch.acting import Acting
from batchite.batch.nodes import actions
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.services import Services
from batchite.resources.showing import given
from batchite.wire.batch import codec
from batchite.wire.batch.models.fields import Given, Model


class NodeLog(Model, frozen=True, kw_only=True):
    """The last lines of what a node's agent has said of itself, if they can be had of this process."""

    node_id: str
    log: Given[str]


def endpoints(services: Services) -> Sequence[Endpoint]:
    async def log(call: OwnCall) -> Response:
        acting = Acting(services, call.account.name, call.now)
        node = await actions.find(acting, call.params["poolId"], call.params["nodeId"])
        said = await actions.agent_log(acting, node)
        body = codec.encode(NodeLog(node_id=node.id, log=given(said)))
        return Response(body, 200, refusals.answer_headers(call.request), refusals.CONTENT_TYPE)

    return (Endpoint("GET", "/-/pools/{poolId}/nodes/{nodeId}/log", log),)
