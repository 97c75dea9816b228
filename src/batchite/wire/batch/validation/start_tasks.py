"""Start tasks of pools."""

from __future__ import annotations

from msgspec.structs import replace

from batchite.wire.batch import codec
from batchite.wire.batch.errors import invalid_property
from batchite.wire.batch.models.enums import AutoUserScope
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.validation import rules
from batchite.wire.batch.validation.tasks import user_identity

MAX_SIZE = 32_768
"""Characters of a start task as JSON, with its files and variables."""


def accept(task: BatchStartTask, where: str = "startTask") -> BatchStartTask:
    """The start task, already without nulls and with nothing that is not honoured, with its defaults, or a
    BatchError."""
    _check(task, where)
    return replace(
        task,
        user_identity=user_identity(task.user_identity, AutoUserScope.TASK),
        max_task_retry_count=task.max_task_retry_count or 0,
        wait_for_success=task.wait_for_success is not False,
    )


def _check(task: BatchStartTask, where: str) -> None:
    rules.check_command_line(f"{where}.commandLine", task.command_line)
    rules.check_environment(f"{where}.environmentSettings", task.environment_settings)
    rules.check_resource_files(f"{where}.resourceFiles", task.resource_files)
    rules.check_files_size(f"{where}.resourceFiles", task.resource_files)
    rules.check_retries(f"{where}.maxTaskRetryCount", task.max_task_retry_count)
    rules.check_user_identity(f"{where}.userIdentity", task.user_identity)
    size = len(codec.encode(task).decode())
    if size > MAX_SIZE:
        rule = f"must have at most {MAX_SIZE} characters as JSON; move data to resource files"
        raise invalid_property(where, f"{size} characters", rule)
