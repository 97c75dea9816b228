"""Jobs to add, to change and to terminate."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET
from msgspec.structs import asdict, replace

from batchite.wire.batch import honoured
from batchite.wire.batch.errors import invalid_property, missing_property
from batchite.wire.batch.models.enums import BatchAllTasksCompleteMode, BatchTaskFailureMode
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.jobs import (
    BatchJobConstraints,
    BatchJobCreateOptions,
    BatchJobReplaceOptions,
    BatchJobTerminateOptions,
    BatchJobUpdateOptions,
)
from batchite.wire.batch.validation import rules
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.ticks import INFINITE, Duration

LEAST_PRIORITY = -1000
MOST_PRIORITY = 1000
UNLIMITED_TASKS = -1
TERMINATE_REASON = "UserTerminate"
MAX_TERMINATE_REASON_LENGTH = 1024


def accept(options: BatchJobCreateOptions) -> BatchJobCreateOptions:
    """The job with its defaults, or a BatchError. Its `pool_info.pool_id` is given."""
    options = without_nulls(options)
    _check(options)
    honoured.check(options)
    if not options.pool_info.pool_id:
        raise missing_property("poolInfo.poolId")
    rules.check_id("poolInfo.poolId", options.pool_info.pool_id)
    return replace(
        options,
        uses_task_dependencies=False,
        priority=options.priority or 0,
        allow_task_preemption=False,
        max_parallel_tasks=options.max_parallel_tasks or UNLIMITED_TASKS,
        constraints=_constraints(options.constraints),
        on_all_tasks_complete=options.on_all_tasks_complete or BatchAllTasksCompleteMode.NO_ACTION,
        on_task_failure=options.on_task_failure or BatchTaskFailureMode.NO_ACTION,
    )


def patched(job: BatchJobCreateOptions, options: BatchJobUpdateOptions) -> BatchJobCreateOptions:
    """The accepted job with each property that is given replaced as a whole, or a BatchError."""
    given = {name: value for name, value in _properties(options).items() if value is not UNSET}
    return _changed(job, given)


def replaced(job: BatchJobCreateOptions, options: BatchJobReplaceOptions) -> BatchJobCreateOptions:
    """The accepted job with the properties that are given and the defaults of those that are not, or a
    BatchError. What cannot be replaced stays."""
    return _changed(job, _properties(options))


def _properties(options: BatchJobUpdateOptions | BatchJobReplaceOptions) -> dict[str, Any]:
    return asdict(without_nulls(options))


def _changed(job: BatchJobCreateOptions, values: dict[str, Any]) -> BatchJobCreateOptions:
    changed = accept(replace(job, **values))
    ends, stays = BatchAllTasksCompleteMode.TERMINATE_JOB, BatchAllTasksCompleteMode.NO_ACTION
    if job.on_all_tasks_complete is ends and changed.on_all_tasks_complete is stays:
        rule = f"must stay {ends}: a job that ends with its tasks cannot be kept any more"
        raise invalid_property("onAllTasksComplete", stays, rule)
    return changed


def terminate_reason(options: BatchJobTerminateOptions | None) -> str:
    """The reason a job shows after it was terminated with these options, or a BatchError."""
    reason = options.terminate_reason if options else None
    if not reason:
        return TERMINATE_REASON
    if len(reason) > MAX_TERMINATE_REASON_LENGTH or "\0" in reason:
        rule = f"must have at most {MAX_TERMINATE_REASON_LENGTH} characters and no NUL"
        raise invalid_property("terminateReason", reason, rule)
    return reason


def _check(options: BatchJobCreateOptions) -> None:
    rules.check_id("id", options.id)
    rules.check_display_name("displayName", options.display_name)
    rules.check_range("priority", options.priority, LEAST_PRIORITY, MOST_PRIORITY)
    rules.check_environment("commonEnvironmentSettings", options.common_environment_settings)
    rules.check_metadata("metadata", options.metadata)
    _check_parallel(options.max_parallel_tasks)
    if constraints := options.constraints:
        rules.check_duration("constraints.maxWallClockTime", constraints.max_wall_clock_time, Duration(1))
        rules.check_retries("constraints.maxTaskRetryCount", constraints.max_task_retry_count)


def _check_parallel(value: Maybe[int]) -> None:
    if isinstance(value, int) and value != UNLIMITED_TASKS and value < 1:
        raise invalid_property(
            "maxParallelTasks", value, f"must be {UNLIMITED_TASKS} (no limit) or 1 and more"
        )


def _constraints(given: Maybe[BatchJobConstraints]) -> BatchJobConstraints:
    return BatchJobConstraints(
        max_wall_clock_time=(given and given.max_wall_clock_time) or INFINITE,
        max_task_retry_count=(given and given.max_task_retry_count) or 0,
    )
