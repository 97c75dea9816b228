"""Whose files are looked at: those of a task, or all of a node."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.batch.files import places
from batchite.batch.files.places import Place
from batchite.batch.nodes import actions as nodes
from batchite.batch.tasks import actions as tasks
from batchite.portal.visit import Visit, with_query
from batchite.resources.jobs import JobRow
from batchite.resources.nodes import NodeRow
from batchite.resources.states import UNFINISHED
from batchite.resources.tasks import TaskRow
from batchite.wire.batch.errors import BatchError


@dataclass(frozen=True, slots=True)
class FileOwner:
    """A task or a node."""

    id: str
    base: str
    """the URL of its page; those of its files lie below"""
    section: str
    """of the navigation"""
    trail: tuple[tuple[str, str], ...]
    """to its page, with that: texts and URLs"""
    found: Place | BatchError
    """where the files are, or why there are none yet"""
    is_over: bool
    """it writes no more: what a task prints, or the start task of a node"""

    @property
    def place(self) -> Place:
        """Raises BatchError."""
        if isinstance(self.found, BatchError):
            raise self.found
        return self.found

    def url(self, page: str = "", **query: str | int) -> str:
        """Of its own page, or of `files`, `file`, `tail` or `save`."""
        path = f"{self.base}/{page}" if page else self.base
        return with_query(path, {name: str(value) for name, value in query.items()})


async def of(visit: Visit) -> FileOwner:
    """The one that the page's path names. Raises BatchError."""
    named = visit.params
    if "task" in named:
        return of_task(visit, *await tasks.find(visit.acting, named["job"], named["task"]))
    return of_node(visit, await nodes.find(visit.acting, named["pool"], named["node"]))


def of_task(visit: Visit, task: TaskRow, job: JobRow) -> FileOwner:
    found: Place | BatchError
    try:
        found = places.at_task(task, job, visit.acting.now)
    except BatchError as error:
        found = error
    to_job = (("Jobs", visit.url("jobs")), (job.id, visit.url("jobs", job.id)))
    base = visit.url("jobs", job.id, "tasks", task.id)
    trail = (*to_job, (task.id, base))
    return FileOwner(task.id, base, "jobs", trail, found, task.state not in UNFINISHED)


def of_node(visit: Visit, node: NodeRow) -> FileOwner:
    to_pool = (("Pools", visit.url("pools")), (node.pool_id, visit.url("pools", node.pool_id)))
    base = visit.url("pools", node.pool_id, "nodes", node.id)
    trail = (*to_pool, (node.id, base))
    is_over = node.start_task_state == "completed"
    return FileOwner(node.id, base, "pools", trail, places.at_node(node), is_over)
