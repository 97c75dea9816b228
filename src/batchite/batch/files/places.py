"""Where files are: a node's are those below its root, a task's those below its directory on the node it ran
on."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.batch.acting import Acting
from batchite.batch.nodes import actions as nodes
from batchite.batch.tasks import actions as tasks
from batchite.resources.jobs import JobRow
from batchite.resources.nodes import NodeRow
from batchite.resources.tasks import TaskRow, directory, has_lost_files, node_with_files
from batchite.wire.batch.errors import BatchError


@dataclass(frozen=True, slots=True)
class Place:
    """A directory whose files are shown: on `node_id`, at `root` below that node's own root. `segments` lead
    to its files in the API, `unreachable` is the error when the node cannot be asked."""

    node_id: str
    root: str
    segments: tuple[str, ...]
    unreachable: str

    def path(self, name: str) -> str:
        return f"{self.root}/{name}" if self.root else name


async def of_node(acting: Acting, pool_id: str, node_id: str) -> Place:
    """Raises PoolNotFound and NodeNotFound."""
    return at_node(await nodes.find(acting, pool_id, node_id))


def at_node(node: NodeRow) -> Place:
    return Place(node.id, "", ("pools", node.pool_id, "nodes", node.id), "NodeStateUnusable")


async def of_task(acting: Acting, job_id: str, task_id: str) -> Place:
    """Raises JobNotFound, TaskNotFound, and as `at_task` does."""
    return at_task(*await tasks.find(acting, job_id, task_id), acting.now)


def at_task(task: TaskRow, job: JobRow, now: int) -> Place:
    """Raises TaskFilesUnavailable before the task has run, TaskFilesCleanedup when its files are kept no
    more."""
    node_id = node_with_files(task)
    if node_id is None:
        raise BatchError("TaskFilesUnavailable", "Wait until the task is running or completed.")
    if has_lost_files(task, now):
        raise BatchError("TaskFilesCleanedup", "Its retentionTime is over; give tasks a longer one.")
    root = directory(job.id, task.id)
    return Place(node_id, root, ("jobs", job.id, "tasks", task.id), "TaskFilesUnavailable")


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
