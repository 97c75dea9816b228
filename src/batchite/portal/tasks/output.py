"""Files of a task: listed, looked at piece by piece, followed as they grow, and saved."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse

from batchite.batch.files import actions
from batchite.batch.tasks import actions as tasks
from batchite.portal import headers
from batchite.portal.answers import Answer, Page, Raw
from batchite.portal.routes import show
from batchite.portal.tasks import reading
from batchite.portal.tasks.reading import Piece
from batchite.portal.visit import Visit
from batchite.resources.states import UNFINISHED
from batchite.resources.tasks import node_with_files
from batchite.wire.batch.errors import BatchError

FILES = 200
"""on a page"""


async def files(visit: Visit) -> Answer:
    """What lies in the task's directory, or one below it (`?below=`)."""
    task, job = await tasks.find(visit.acting, visit.params["job"], visit.params["task"])
    below = visit.query("below").strip("/")
    prefix = f"{below}/" if below else ""
    values: dict[str, object] = {"job_id": job.id, "task_id": task.id, "below": below, "prefix": prefix}
    values |= {"files": [], "problem": "", "more": ""}
    try:
        place = await reading.place_of(visit)
        part = await actions.page(
            visit.acting,
            place,
            lambda file: file.name.startswith(prefix) and "/" not in file.name[len(prefix) :],
            visit.query("after"),
            FILES,
            recursive=bool(prefix),
        )
        values["files"] = part.rows
        values["more"] = visit.here(after=part.rows[-1].name) if part.more else ""
    except BatchError as error:
        values["problem"] = error.message
    return Page("tasks/files.html", values)


async def file(visit: Visit) -> Answer:
    """A piece of a file (`?path=`), from `?at=` on or, without it, its end."""
    task, job = await tasks.find(visit.acting, visit.params["job"], visit.params["task"])
    place, path = await reading.place_of(visit), visit.query("path")
    at = visit.query("at")
    found = (
        await reading.piece_of(visit, place, path, visit.number("at"))
        if at
        else await reading.end_of(visit, place, path)
    )
    values = {
        "job_id": job.id,
        "task_id": task.id,
        "piece": found,
        "earlier": visit.here(at=max(found.start - reading.PIECE, 0)) if found.start else "",
        "later": visit.here(at=found.end) if found.end < found.size else "",
    }
    return Page("tasks/file.html", values)


async def tail(visit: Visit) -> Answer:
    """What has been added to a file since `?at=`, for the page's script: text, where it ends, and whether the
    task is over."""
    task, _ = await tasks.find(visit.acting, visit.params["job"], visit.params["task"])
    found = Piece("")
    if node_with_files(task) is not None:
        place = await reading.place_of(visit)
        found = await reading.piece_of(visit, place, visit.query("path"), visit.number("at"))
    is_over = task.state not in UNFINISHED and found.end >= found.size
    told = {
        **headers.OF_UPLOADS,
        "x-batchite-end": str(found.end),
        "x-batchite-over": "yes" if is_over else "no",
    }
    return Raw(Response(found.text.encode("utf-8", "replace"), 200, told))


async def save(visit: Visit) -> Answer:
    """The file as it is. Raises BatchError."""
    place = await reading.place_of(visit)
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


_TASK = "/batch/{account}/jobs/{job}/tasks/{task}"

ROUTES = (
    show(f"{_TASK}/files", files),
    show(f"{_TASK}/file", file),
    show(f"{_TASK}/tail", tail),
    show(f"{_TASK}/save", save),
)
