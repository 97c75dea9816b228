"""Files of nodes and of tasks.

A task's files are those below its directory on the node it ran on.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar
from urllib.parse import quote

from msgspec import UNSET
from starlette.responses import Response, StreamingResponse

from batchite.batch import answers, filters, nodes, ranges, tasks
from batchite.batch.call import Call
from batchite.batch.conditions import http_date
from batchite.batch.operations import CONDITIONAL_ON_TIME, LIST, Operation
from batchite.ports.node_files import NodeFile, NodeFileError, NodeUnreachableError
from batchite.web.problems import BrokenOff
from batchite.wire.batch import directories
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.fields import Int64
from batchite.wire.batch.models.files import BatchNodeFile, FileProperties
from batchite.wire.batch.odata import fields
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith
from batchite.wire.ticks import Timestamp

T = TypeVar("T")

_TYPES = {".txt": "text/plain"}
_OTHER_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class Place:
    """A directory whose files are shown: on `node_id`, at `root` below that node's own root. `url` is the
    address of its files, `unreachable` the error when the node cannot be asked."""

    node_id: str
    root: str
    url: str
    unreachable: str

    def path(self, name: str) -> str:
        return f"{self.root}/{name}" if self.root else name

    def url_of(self, name: str) -> str:
        return f"{self.url}/{quote(name)}"


Locate = Callable[[Call], Awaitable[Place]]


async def of_node(call: Call) -> Place:
    """Raises PoolNotFound and NodeNotFound."""
    row = await nodes.find(call)
    address = call.url("pools", row.pool_id, "nodes", row.id, "files")
    return Place(row.id, "", address, "NodeStateUnusable")


async def of_task(call: Call) -> Place:
    """Raises JobNotFound, TaskNotFound, and TaskFilesUnavailable before the task has run."""
    row, job = await tasks.find(call)
    if row.node_id is None or row.started is None:
        raise BatchError("TaskFilesUnavailable", "Wait until the task is running or completed.")
    address = call.url("jobs", job.id, "tasks", row.id, "files")
    return Place(row.node_id, "/".join(directories.of_task(job.id, row.id)), address, "TaskFilesUnavailable")


def paths_within(text: str) -> list[str]:
    """What a file path of a URL may mean, with `/` between its parts: a backslash belongs to a name or, as
    clients of Windows write it, lies between two. Raises FileNotFound for one that could lead out."""
    meanings = dict.fromkeys((text, text.replace("\\", "/")))
    found = [inner for inner in map(_within, meanings) if inner]
    if not found:
        raise BatchError("FileNotFound", "Give a path relative to the directory, without '..'.")
    return found


def _within(path: str) -> str:
    """The path without what leads nowhere; nothing if it could lead out."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return "" if ".." in parts or path.startswith("/") else "/".join(parts)


async def _ask(place: Place, answer: Awaitable[T]) -> T:
    """What the node says. Raises BatchError."""
    try:
        return await answer
    except NodeUnreachableError:
        raise BatchError(place.unreachable, "The node is gone or cannot be reached at present.") from None
    except NodeFileError as error:
        raise _refused(error) from None


def _refused(error: NodeFileError) -> BatchError:
    if error.reason == "not-empty":
        detail = "The directory is not empty; send recursive=true to delete all that is in it."
        return BatchError("OperationInvalidForCurrentState", detail)
    details = {
        "not-found": "",
        "is-directory": "It is a directory.",
        "outside": "It leads out of the directory of the node.",
        "unreadable": "It cannot be read as a file.",
    }
    return BatchError("FileNotFound", details[error.reason])


async def _ask_of_file(call: Call, place: Place, question: Callable[[str], Awaitable[T]]) -> tuple[str, T]:
    """The name of the file that the request's path means, and what the node says of it. Raises BatchError."""
    *others, last = paths_within(call.params["filePath"])
    for name in others:
        try:
            return name, await _ask(place, question(place.path(name)))
        except BatchError as error:
            if error.code != "FileNotFound":
                raise
    return last, await _ask(place, question(place.path(last)))


async def _find(call: Call, place: Place) -> tuple[str, NodeFile]:
    return await _ask_of_file(call, place, lambda path: call.services.files.status(place.node_id, path))


async def list_(call: Call, locate: Locate) -> Response:
    page = call.page()
    recursive = call.truth("recursive")
    wanted = filters.expression(call, BatchNodeFile, fields.FILES)
    place = await locate(call)
    found = await _ask(place, call.services.files.listing(place.node_id, place.root, recursive=recursive))
    chosen = sorted(
        (file for file in found if file.name > page.position and _fits(file.name, wanted)),
        key=lambda file: file.name,
    )
    show = (BatchNodeFile, lambda file: model(place, file))
    return answers.page(call, "files", page, chosen, show, lambda file: file.name)


def _fits(name: str, wanted: Expression | None) -> bool:
    match wanted:
        case None:
            return True
        case And(parts):
            return all(_fits(name, part) for part in parts)
        case Or(parts):
            return any(_fits(name, part) for part in parts)
        case StartsWith(_, text):
            return name.startswith(text)
        case Comparison():
            return False


def model(place: Place, file: NodeFile) -> BatchNodeFile:
    properties = FileProperties(
        last_modified=Timestamp(file.modified),
        content_length=Int64(file.size),
        content_type=content_type(file.name),
        file_mode=f"{file.mode:o}",
    )
    return BatchNodeFile(
        name=file.name,
        url=place.url_of(file.name),
        is_directory=file.is_directory,
        properties=UNSET if file.is_directory else properties,
    )


def content_type(name: str) -> str:
    return next((kind for suffix, kind in _TYPES.items() if name.endswith(suffix)), _OTHER_TYPE)


def _headers(call: Call, place: Place, name: str, file: NodeFile) -> dict[str, str]:
    return {
        **answers.headers(call),
        "Last-Modified": http_date(file.modified),
        "Content-Type": content_type(name),
        "ocp-batch-file-isdirectory": str(file.is_directory),
        "ocp-batch-file-url": quote(place.url_of(name), safe=""),
        "ocp-batch-file-mode": f"{file.mode:o}",
    }


async def properties(call: Call, locate: Locate) -> Response:
    place = await locate(call)
    name, file = await _find(call, place)
    call.conditions.check_read(file.modified)
    size = 0 if file.is_directory else file.size
    return Response(None, 200, {**_headers(call, place, name, file), "Content-Length": str(size)})


async def get(call: Call, locate: Locate) -> Response:
    place = await locate(call)
    name, file = await _find(call, place)
    if file.is_directory:
        raise _refused(NodeFileError("is-directory"))
    call.conditions.check_read(file.modified)
    offset, length = ranges.parse(call.request.headers.get(ranges.HEADER), file.size)
    found = {**_headers(call, place, name, file), "Content-Length": str(length)}
    if length == 0:
        return Response(b"", 200, found)
    return StreamingResponse(
        await _ask(place, _begin(call, place, place.path(name), offset, length)), 200, found
    )


async def _begin(call: Call, place: Place, path: str, offset: int, length: int) -> AsyncIterator[bytes]:
    """The content, its first piece fetched already: after that no error can be answered any more."""
    chunks = await call.services.files.read(place.node_id, path, offset, length)
    first = await anext(chunks, b"")
    if not first:
        raise BatchError("OperationInvalidForCurrentState", "The file changed as it was read; ask again.")
    return _exactly(length, first, chunks)


async def _exactly(length: int, first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """As many bytes as were promised, however the file changes meanwhile. Raises BrokenOff."""
    yield first[:length]
    left = length - len(first)
    try:
        while left > 0 and (chunk := await anext(rest, b"")):
            yield chunk[:left]
            left -= len(chunk)
    except NodeUnreachableError:
        raise BrokenOff("The node went away as a file of it was read.") from None
    if left > 0:
        raise BrokenOff("The file became shorter as it was read.")


async def delete(call: Call, locate: Locate) -> Response:
    recursive = call.truth("recursive")
    place, files = await locate(call), call.services.files
    await _ask_of_file(call, place, lambda path: files.delete(place.node_id, path, recursive=recursive))
    return answers.empty(call, 200)


def _operations(owner: str, path: str, locate: Locate) -> tuple[Operation, ...]:
    one = f"{path}/{{filePath...}}"
    recursive = frozenset({"recursive"})

    def at(run: Callable[[Call, Locate], Awaitable[Response]]) -> Callable[[Call], Awaitable[Response]]:
        return lambda call: run(call, locate)

    listed = LIST | {"$filter"} | recursive
    return (
        Operation(f"File_ListFrom{owner}", "GET", path, at(list_), listed),
        Operation(f"File_GetFrom{owner}", "GET", one, at(get), conditions=CONDITIONAL_ON_TIME),
        Operation(
            f"File_GetPropertiesFrom{owner}", "HEAD", one, at(properties), conditions=CONDITIONAL_ON_TIME
        ),
        Operation(f"File_DeleteFrom{owner}", "DELETE", one, at(delete), recursive),
    )


OPERATIONS = (
    *_operations("Task", "/jobs/{jobId}/tasks/{taskId}/files", of_task),
    *_operations("ComputeNode", "/pools/{poolId}/nodes/{nodeId}/files", of_node),
)
