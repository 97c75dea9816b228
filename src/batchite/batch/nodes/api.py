"""Compute nodes: the operations on them."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.nodes import actions, changing, logs
from batchite.batch.operations import FILTERED, LIST, SELECT, operation
from batchite.resources.nodes import counts as shown_counts
from batchite.resources.nodes import shown
from batchite.resources.pools import definition
from batchite.store.batch import filtering
from batchite.store.batch.pages import cut
from batchite.store.batch.recording import Changed
from batchite.wire.batch.models.counts import BatchPoolNodeCounts
from batchite.wire.batch.models.extensions import BatchNodeVMExtension
from batchite.wire.batch.models.logs import UploadBatchServiceLogsOptions
from batchite.wire.batch.models.nodes import (
    BatchNode,
    BatchNodeDeallocateOptions,
    BatchNodeDisableSchedulingOptions,
    BatchNodeRebootOptions,
    BatchNodeReimageOptions,
)
from batchite.wire.batch.validation.nodes import option


def _asks_for_recent(call: Call) -> bool:
    names = call.selected(BatchNode)
    return names is None or "recentTasks" in names


async def get(call: Call) -> Response:
    pool_id, node_id, recent = call.params["poolId"], call.params["nodeId"], _asks_for_recent(call)
    node, work = await actions.get(call.acting, pool_id, node_id, recent=recent)
    return answers.entity(call, "nodes", shown(node, actions.pool_of(node), work, call.url))


async def list_(call: Call) -> Response:
    wanted, recent = listing.wanted(call, filtering.NODES), _asks_for_recent(call)
    part, pool, work = await actions.page(call.acting, call.params["poolId"], wanted, recent=recent)
    defined = definition(pool)
    return listing.answer(
        call,
        "nodes",
        part,
        BatchNode,
        (shown(node, defined, work, call.url) for node in part.rows),
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
        (shown_counts(pool.id, pool.nodes) for pool in part.rows),
        lambda pool: pool.number,
    )


async def login(call: Call) -> Response:
    settings = await actions.login(call.acting, call.params["poolId"], call.params["nodeId"])
    return answers.result(call, "Microsoft.Azure.Batch.Protocol.Entities.RemoteLoginSettings", settings)


async def remote_desktop(call: Call) -> Response:
    text = await actions.remote_desktop(call.acting, call.params["poolId"], call.params["nodeId"])
    return Response(text, 200, answers.headers(call), "application/octet-stream")


async def list_extensions(call: Call) -> Response:
    limit, after = listing.limit(call), listing.row_number(listing.position(call))
    found = await actions.extensions_of(call.acting, call.params["poolId"], call.params["nodeId"])
    part = cut([entry for entry in enumerate(found, 1) if entry[0] > after], limit)
    shapes = (shape for _, shape in part.rows)
    return listing.answer(call, "extensions", part, BatchNodeVMExtension, shapes, lambda entry: entry[0])


async def get_extension(call: Call) -> Response:
    names = (call.params[name] for name in ("poolId", "nodeId", "extensionName"))
    return answers.entity(call, "extensions", await actions.extension(call.acting, *names))


async def reboot(call: Call) -> Response:
    options = await call.optional_body(BatchNodeRebootOptions)
    changed = await changing.reboot(call.acting, *_path(call), option(options))
    return _accepted(call, changed, "reboot")


async def reimage(call: Call) -> Response:
    options = await call.optional_body(BatchNodeReimageOptions)
    wanted = option(options)
    of_any_pool = call.services.fidelity.reimages_all
    changed = await changing.reimage(call.acting, *_path(call), wanted, of_any_pool=of_any_pool)
    return _accepted(call, changed, "reimage")


async def deallocate(call: Call) -> Response:
    options = await call.optional_body(BatchNodeDeallocateOptions)
    wanted = option(options)
    changed = await changing.deallocate(call.acting, *_path(call), wanted)
    return _accepted(call, changed, "deallocate")


async def start(call: Call) -> Response:
    return _accepted(call, await changing.start(call.acting, *_path(call)), "start")


async def disable_scheduling(call: Call) -> Response:
    options = await call.optional_body(BatchNodeDisableSchedulingOptions)
    wanted = option(options)
    changed = await changing.disable_scheduling(call.acting, *_path(call), wanted)
    return _accepted(call, changed, "disablescheduling", 200)


async def enable_scheduling(call: Call) -> Response:
    changed = await changing.enable_scheduling(call.acting, *_path(call))
    return _accepted(call, changed, "enablescheduling", 200)


def _path(call: Call) -> tuple[str, str]:
    return call.params["poolId"], call.params["nodeId"]


def _accepted(call: Call, changed: Changed, action: str, status: int = 202) -> Response:
    pool_id = call.params["poolId"]
    return answers.changed(call, status, changed, "pools", pool_id, "nodes", changed.id, action)


async def upload_logs(call: Call) -> Response:
    wanted = await call.body(UploadBatchServiceLogsOptions)
    found = await logs.upload(call.acting, call.params["poolId"], call.params["nodeId"], wanted)
    return answers.result(call, "Microsoft.Azure.Batch.Protocol.Entities.UploadBatchServiceLogsResult", found)


OPERATIONS = (
    operation("ComputeNode_List", list_, FILTERED | SELECT),
    operation("ComputeNode_Get", get, SELECT),
    operation("ComputeNode_Reboot", reboot),
    operation("ComputeNode_Reimage", reimage),
    operation("ComputeNode_Deallocate", deallocate),
    operation("ComputeNode_Start", start),
    operation("ComputeNode_DisableScheduling", disable_scheduling),
    operation("ComputeNode_EnableScheduling", enable_scheduling),
    operation(
        "Account_ListPoolNodeCounts",
        counts,
        LIST | {"$filter"},
    ),
    operation("ComputeNode_GetRemoteLoginSettings", login),
    operation("ComputeNode_GetRemoteDesktop", remote_desktop),
    operation("ComputeNode_UploadBatchServiceLogs", upload_logs),
    operation("ComputeNodeExtension_List", list_extensions, LIST | SELECT),
    operation("ComputeNodeExtension_Get", get_extension, SELECT),
)
