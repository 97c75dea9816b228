"""Who the users of a node are, which the protocol has no operation for."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from batchite.batch import refusals
from batchite.batch.acting import Acting
from batchite.batch.logins import actions
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.services import Services
from batchite.resources.logins import NodeLogin, shown
from batchite.wire.batch import codec
from batchite.wire.batch.models.fields import Model


class NodeLogins(Model, frozen=True, kw_only=True):
    node_id: str
    users: tuple[NodeLogin, ...]


def endpoints(services: Services) -> Sequence[Endpoint]:
    async def users(call: OwnCall) -> Response:
        acting = Acting(services, call.account.name, call.now)
        found = await actions.of_node(acting, call.params["poolId"], call.params["nodeId"])
        told = NodeLogins(node_id=call.params["nodeId"], users=tuple(shown(one, acting.now) for one in found))
        return Response(codec.encode(told), 200, refusals.answer_headers(call.request), refusals.CONTENT_TYPE)

    return (Endpoint("GET", "/-/pools/{poolId}/nodes/{nodeId}/users", users),)
