"""Files of a task or a node: listed, looked at piece by piece, followed as they grow, and saved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from batchite.batch.files import actions
from batchite.batch.files.places import paths_within
from batchite.portal import headers
from batchite.portal.answers import Answer, Page, Raw
from batchite.portal.files import owners, reading
from batchite.portal.files.reading import Piece
from batchite.portal.routes import Route, show
from batchite.portal.visit import Visit
from batchite.wire.batch.errors import BatchError

FILES = 200
"""on a page"""


async def list_(visit: Visit) -> Answer:
    """What lies in the owner's directory, or one below it (`?below=`)."""
    owner = await owners.of(visit)
    below = visit.query("below").strip("/")
    values: dict[str, object] = {"owner": owner, "below": below, "prefix": f"{below}/" if below else ""}
    values |= {"files": [], "problem": "", "more": ""}
    try:
        inner = owner.place.path(paths_within(below)[0]) if below else owner.place.root
        place = replace(owner.place, root=inner)
        part = await actions.page(
            visit.acting, place, lambda _: True, visit.query("after"), FILES, recursive=False
        )
        values["files"] = part.rows
        values["more"] = visit.here(after=part.rows[-1].name) if part.more else ""
    except BatchError as error:
        values["problem"] = error.message
    return Page("files/list.html", values)


async def file(visit: Visit) -> Answer:
    """A piece of a file (`?path=`), from `?at=` on or, without it, its end."""
    owner, path = await owners.of(visit), visit.query("path")
    at = visit.query("at")
    found = (
        await reading.piece_of(visit, owner.place, path, visit.number("at"))
        if at
        else await reading.end_of(visit, owner.place, path)
    )
    values = {
        "owner": owner,
        "piece": found,
        "earlier": visit.here(at=max(found.start - reading.PIECE, 0)) if found.start else "",
        "later": visit.here(at=found.end) if found.end < found.size else "",
    }
    return Page("files/file.html", values)


async def tail(visit: Visit) -> Answer:
    """What has been added to a file since `?at=`, for the page's script: text, where it ends, and whether
    nothing more is printed."""
    owner = await owners.of(visit)
    found = Piece("")
    if not isinstance(owner.found, BatchError):
        found = await reading.piece_of(visit, owner.place, visit.query("path"), visit.number("at"))
    is_over = owner.is_over and found.end >= found.size
    told = {
        **headers.OF_UPLOADS,
        "x-batchite-end": str(found.end),
        "x-batchite-over": "yes" if is_over else "no",
    }
    return Raw(Response(found.text.encode("utf-8", "replace"), 200, told))


async def save(visit: Visit) -> Answer:
    """The file as it is. Raises BatchError."""
    place = (await owners.of(visit)).place
    name, found = await actions.find(visit.acting, place, visit.query("path"))
    if found.is_directory:
        raise BatchError("FileNotFound", "It is a directory.")
    plain = name.rpartition("/")[2]
    told = {
        **headers.OF_UPLOADS,
        "content-type": "application/octet-stream",
        "content-disposition": f"attachment; filename*=UTF-8''{quote(plain, safe='')}",
        "content-length": str(found.size),
    }
    if found.size == 0 or visit.request.verb == "HEAD":
        return Raw(Response(None, 200, told))
    content: AsyncIterator[bytes] = await actions.read(visit.acting, place, name, 0, found.size)
    return Raw(StreamingResponse(content, 200, told))


def _of(page: str) -> tuple[Route, ...]:
    """Below the page of whose files they are."""
    return (
        show(f"{page}/files", list_),
        show(f"{page}/file", file),
        show(f"{page}/tail", tail),
        show(f"{page}/save", save),
    )


ROUTES = (
    *_of("/batch/{account}/jobs/{job}/tasks/{task}"),
    *_of("/batch/{account}/pools/{pool}/nodes/{node}"),
)
