"""How far the run of a task has come: whether it still fetches its resource files or packages, or already
uploads its output files. Its node says so, no row does.

An agent opens the files for what a command prints at the moment in which it starts the command, and the
journal of uploads when these begin.
"""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from batchite.ports.node_files import NodeFileError, NodeFiles, NodeUnreachableError
from batchite.resources.tasks import TaskRow, directory
from batchite.wire.batch import codec
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions

Progress: TypeAlias = Literal["fetching", "running", "uploading"]
OUTPUT = "stdout.txt"
JOURNAL = "fileuploadout.txt"
SECONDS = 2.0
"""An explanation waits no longer for the node."""


async def progress(files: NodeFiles, job_id: str, task: TaskRow) -> Progress:
    """`running` also where the node cannot be asked, and of a task that does not run."""
    node = task.node_id
    if node is None or task.state != "running":
        return "running"
    definition, place = codec.decode(task.definition, BatchTaskCreateOptions), directory(job_id, task.id)
    try:
        async with asyncio.timeout(SECONDS):
            if definition.output_files and await _has(files, node, f"{place}/{JOURNAL}"):
                return "uploading"
            has_files = definition.resource_files or definition.application_package_references
            if has_files and not await _has(files, node, f"{place}/{OUTPUT}"):
                return "fetching"
    except (NodeUnreachableError, TimeoutError):
        pass
    return "running"


async def _has(files: NodeFiles, node: str, path: str) -> bool:
    """True also for what cannot be told."""
    try:
        await files.status(node, path)
    except NodeFileError as error:
        return error.reason != "not-found"
    return True
