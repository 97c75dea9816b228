"""What is said of how a task failed, beside its exit code."""

from __future__ import annotations

import msgspec

from batchite.resources.tasks import TaskRow
from batchite.wire.batch.outcome import EXIT_CODE


def said(task: TaskRow) -> str:
    """Why, where it is not its exit code that says so: it never ran, was ended, or its output files are not
    where they were to go, although its command succeeded."""
    failure = msgspec.json.decode(task.failure) if task.failure else {}
    return "" if failure.get("code") == EXIT_CODE else str(failure.get("message", ""))
