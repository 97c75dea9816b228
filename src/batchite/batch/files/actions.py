"""What can be done with files of nodes and of tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

from batchite.batch.acting import Acting
from batchite.batch.files.places import Place, paths_within
from batchite.ports.node_files import NodeFile, NodeFileError, NodeUnreachableError
from batchite.store.batch.pages import Part, cut
from batchite.web.problems import BrokenOff
from batchite.wire.batch.errors import BatchError

T = TypeVar("T")


async def page(
    acting: Acting,
    place: Place,
    passes: Callable[[NodeFile], bool],
    after: str,
    limit: int,
    *,
    recursive: bool,
) -> Part[NodeFile]:
    """Of the place's files that pass those with a name above `after`, in their order. Raises BatchError."""
    listing = acting.services.files.listing(place.node_id, place.root, recursive=recursive)
    chosen = (file for file in await _ask(place, listing) if file.name > after and passes(file))
    return cut(sorted(chosen, key=lambda file: file.name), limit)


async def find(acting: Acting, place: Place, path: str) -> tuple[str, NodeFile]:
    """The name of the file that the path means, and what the node says of it. Raises BatchError."""
    return await _ask_of_file(place, path, lambda path: acting.services.files.status(place.node_id, path))


async def read(acting: Acting, place: Place, name: str, offset: int, length: int) -> AsyncIterator[bytes]:
    """Part of a file, its first piece fetched already: after that no error can be answered any more.

    Raises BatchError; the iterator BrokenOff.
    """
    return await _ask(place, _begin(acting, place.node_id, place.path(name), offset, length))


async def delete(acting: Acting, place: Place, path: str, *, recursive: bool) -> None:
    """Raises BatchError."""
    files = acting.services.files
    await _ask_of_file(place, path, lambda path: files.delete(place.node_id, path, recursive=recursive))


def refused(error: NodeFileError) -> BatchError:
    """What the API says when a node cannot do what was asked."""
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


async def _ask(place: Place, answer: Awaitable[T]) -> T:
    """What the node says. Raises BatchError."""
    try:
        return await answer
    except NodeUnreachableError:
        raise BatchError(place.unreachable, "The node is gone or cannot be reached at present.") from None
    except NodeFileError as error:
        raise refused(error) from None


async def _ask_of_file(place: Place, path: str, question: Callable[[str], Awaitable[T]]) -> tuple[str, T]:
    *others, last = paths_within(path)
    for name in others:
        try:
            return name, await _ask(place, question(place.path(name)))
        except BatchError as error:
            if error.code != "FileNotFound":
                raise
    return last, await _ask(place, question(place.path(last)))


async def _begin(acting: Acting, node_id: str, path: str, offset: int, length: int) -> AsyncIterator[bytes]:
    chunks = await acting.services.files.read(node_id, path, offset, length)
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
