"""Files of nodes and of tasks: the operations on them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from urllib.parse import quote

from msgspec import UNSET
from starlette.responses import Response, StreamingResponse

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.conditions import http_date
from batchite.batch.files import actions, places, ranges
from batchite.batch.files.places import Place
from batchite.batch.job_nodes import actions as job_nodes
from batchite.batch.operations import CONDITIONAL_ON_TIME, LIST, Operation, operation
from batchite.ports.node_files import NodeFile, NodeFileError
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.fields import Int64
from batchite.wire.batch.models.files import BatchNodeFile, FileProperties
from batchite.wire.batch.odata.fields import PATH, Table
from batchite.wire.batch.odata.matching import Matched, passes
from batchite.wire.ticks import Timestamp

Locate = Callable[[Call], Awaitable[Place]]

_FILTER: Matched[NodeFile] = Table(BatchNodeFile, {"name": (PATH, lambda file: file.name)})
_TYPES = {".txt": "text/plain"}
_OTHER_TYPE = "application/octet-stream"


async def _of_node(call: Call) -> Place:
    return await places.of_node(call.acting, call.params["poolId"], call.params["nodeId"])


async def _of_task(call: Call) -> Place:
    return await places.of_task(call.acting, call.params["jobId"], call.params["taskId"])


async def list_(call: Call, locate: Locate) -> Response:
    limit, after = listing.limit(call), listing.position(call)
    recursive, wanted = call.truth("recursive"), listing.expression(call, _FILTER)
    place = await locate(call)
    chosen = partial(passes, wanted=wanted, table=_FILTER)
    part = await actions.page(call.acting, place, chosen, after, limit, recursive=recursive)
    shapes = (shown(call, place, file) for file in part.rows)
    return listing.answer(call, "files", part, BatchNodeFile, shapes, lambda file: file.name)


def shown(call: Call, place: Place, file: NodeFile) -> BatchNodeFile:
    properties = FileProperties(
        last_modified=Timestamp(file.modified),
        content_length=Int64(file.size),
        content_type=content_type(file.name),
        file_mode=f"{file.mode:o}",
    )
    return BatchNodeFile(
        name=file.name,
        url=_url(call, place, file.name),
        is_directory=file.is_directory,
        properties=UNSET if file.is_directory else properties,
    )


def _url(call: Call, place: Place, name: str) -> str:
    return f"{call.url(*place.segments, 'files')}/{quote(name)}"


def content_type(name: str) -> str:
    return next((kind for suffix, kind in _TYPES.items() if name.endswith(suffix)), _OTHER_TYPE)


def _headers(call: Call, place: Place, name: str, file: NodeFile) -> dict[str, str]:
    return {
        **answers.headers(call),
        "Last-Modified": http_date(file.modified),
        "Content-Type": content_type(name),
        "ocp-batch-file-isdirectory": str(file.is_directory),
        "ocp-batch-file-url": quote(_url(call, place, name), safe=""),
        "ocp-batch-file-mode": f"{file.mode:o}",
    }


async def properties(call: Call, locate: Locate) -> Response:
    place = await locate(call)
    name, file = await actions.find(call.acting, place, call.params["filePath"])
    call.conditions.check_read(file.modified)
    size = 0 if file.is_directory else file.size
    return Response(None, 200, {**_headers(call, place, name, file), "Content-Length": str(size)})


async def get(call: Call, locate: Locate) -> Response:
    place = await locate(call)
    name, file = await actions.find(call.acting, place, call.params["filePath"])
    if file.is_directory:
        raise actions.refused(NodeFileError("is-directory"))
    call.conditions.check_read(file.modified)
    offset, length = ranges.parse(call.request.headers.get(ranges.HEADER), file.size)
    found = {**_headers(call, place, name, file), "Content-Length": str(length)}
    if length == 0:
        return Response(b"", 200, found)
    return StreamingResponse(await actions.read(call.acting, place, name, offset, length), 200, found)


async def delete(call: Call, locate: Locate) -> Response:
    recursive = call.truth("recursive")
    place = await locate(call)
    await actions.delete(call.acting, place, call.params["filePath"], recursive=recursive)
    return answers.empty(call, 200)


async def _absent_of_node(call: Call, error: BatchError) -> BatchError:
    """Where a file is not there since what would have made it has not run on the node, that is said."""
    path = call.params.get("filePath")
    if error.code != "FileNotFound" or path is None:
        return error
    return await job_nodes.why_none(call.acting, call.params["nodeId"], path) or error


async def _absent_of_task(_call: Call, error: BatchError) -> BatchError:
    return error


def _operations(
    owner: str, locate: Locate, absent: Callable[[Call, BatchError], Awaitable[BatchError]]
) -> tuple[Operation, ...]:
    recursive = frozenset({"recursive"})

    def at(run: Callable[[Call, Locate], Awaitable[Response]]) -> Callable[[Call], Awaitable[Response]]:
        async def answer(call: Call) -> Response:
            try:
                return await run(call, locate)
            except BatchError as error:
                raise await absent(call, error) from None

        return answer

    listed = LIST | {"$filter"} | recursive
    return (
        operation(f"File_ListFrom{owner}", at(list_), listed),
        operation(f"File_GetFrom{owner}", at(get), conditions=CONDITIONAL_ON_TIME),
        operation(f"File_GetPropertiesFrom{owner}", at(properties), conditions=CONDITIONAL_ON_TIME),
        operation(f"File_DeleteFrom{owner}", at(delete), recursive),
    )


OPERATIONS = (
    *_operations("Task", _of_task, _absent_of_task),
    *_operations("ComputeNode", _of_node, _absent_of_node),
)
