"""Whether a task that has begun still fetches its resource files: its node says so, no row does.

An agent opens the files for what a command prints at the moment in which it starts the command.
"""

from __future__ import annotations

import asyncio

from batchite.ports.node_files import NodeFileError, NodeFiles, NodeUnreachableError
from batchite.resources.tasks import TaskRow, directory
from batchite.wire.batch import codec
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions

OUTPUT = "stdout.txt"
SECONDS = 2.0
"""An explanation waits no longer for the node."""


async def fetches(files: NodeFiles, job_id: str, task: TaskRow) -> bool:
    """False also where the node cannot be asked."""
    if task.node_id is None or task.state != "running" or not _has_files(task):
        return False
    try:
        async with asyncio.timeout(SECONDS):
            await files.status(task.node_id, f"{directory(job_id, task.id)}/{OUTPUT}")
    except NodeFileError as error:
        return error.reason == "not-found"
    except (NodeUnreachableError, TimeoutError):
        pass
    return False


def _has_files(task: TaskRow) -> bool:
    return bool(codec.decode(task.definition, BatchTaskCreateOptions).resource_files)
