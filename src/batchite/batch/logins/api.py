"""Users of nodes, by whom people log in: the operations on them."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import answers
from batchite.batch.call import Call
from batchite.batch.logins import actions
from batchite.batch.operations import operation
from batchite.wire.batch.models.logins import BatchNodeUserCreateOptions, BatchNodeUserReplaceOptions


def _node(call: Call) -> tuple[str, str]:
    return call.params["poolId"], call.params["nodeId"]


def _address(call: Call, name: str) -> str:
    pool_id, node_id = _node(call)
    return call.url("pools", pool_id, "nodes", node_id, "users", name)


async def add(call: Call) -> Response:
    wanted = await call.body(BatchNodeUserCreateOptions)
    changed, name = await actions.add(call.acting, *_node(call), wanted)
    return answers.created(call, changed.modified, _address(call, name))


async def replace(call: Call) -> Response:
    wanted, name = await call.body(BatchNodeUserReplaceOptions), call.params["userName"]
    changed = await actions.replace(call.acting, *_node(call), name, wanted)
    return answers.empty(call, 200, modified=changed.modified, address=_address(call, name))


async def delete(call: Call) -> Response:
    await actions.delete(call.acting, *_node(call), call.params["userName"])
    return answers.empty(call, 200)


OPERATIONS = (
    operation("ComputeNode_AddUser", add),
    operation("ComputeNode_UpdateUser", replace),
    operation("ComputeNode_DeleteUser", delete),
)
