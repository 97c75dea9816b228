"""Jobs to add, to change and to terminate."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, TypeAlias, TypeVar

from msgspec import UNSET
from msgspec.structs import asdict, replace

from batchite.wire.batch import codec, honoured
from batchite.wire.batch.errors import invalid_property
from batchite.wire.batch.models.enums import (
    BatchAllTasksCompleteMode,
    BatchPoolLifetimeOption,
    BatchTaskFailureMode,
)
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.jobs import (
    BatchJobConstraints,
    BatchJobCreateOptions,
    BatchJobDisableOptions,
    BatchJobReplaceOptions,
    BatchJobTerminateOptions,
    BatchJobUpdateOptions,
    BatchPoolInfo,
    JobShape,
)
from batchite.wire.batch.validation import autoscaling, job_tasks, pool_infos, rules
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.batch.validation.pool_infos import OF_A_JOB, Shown
from batchite.wire.batch.validation.tasks import RETENTION
from batchite.wire.ticks import INFINITE, Duration

S = TypeVar("S", bound=JobShape)

LEAST_PRIORITY = -1000
MOST_PRIORITY = 1000
UNLIMITED_TASKS = -1
TERMINATE_REASON = "UserTerminate"
DisableOption: TypeAlias = Literal["requeue", "terminate", "wait"]
MAX_TERMINATE_REASON_LENGTH = 1024


def accept(
    options: BatchJobCreateOptions,
    least_interval: Duration = autoscaling.LEAST_INTERVAL,
    retention: Duration = RETENTION,
) -> BatchJobCreateOptions:
    """The job with its defaults, or a BatchError. Its `pool_info` has an id or the specification of an auto
    pool. `least_interval` has to lie between evaluations of the autoscale formula of that; `retention` is how
    long files of a task of the job itself are kept that does not say."""
    options = without_nulls(options)
    pool_infos.check_new(options.pool_info, least_interval=least_interval)
    rules.check_id("id", options.id)
    return completed(options, retention=retention)


def completed(
    options: S,
    where: str = "",
    lifetimes: Collection[BatchPoolLifetimeOption] = OF_A_JOB,
    retention: Duration = RETENTION,
) -> S:
    """A job, or what a job schedule says of its jobs, with its defaults, or a BatchError. Secrets may have
    been taken from it already. `where` goes before the names of properties; see `pool_infos.accept`."""
    _check(options, where)
    job_tasks.check(options, where)
    honoured.check(options, where)
    constraints, preparation = _constraints(options.constraints), options.job_preparation_task
    retries, manager = constraints.max_task_retry_count or 0, options.job_manager_task
    return replace(
        options,
        pool_info=pool_infos.accept(options.pool_info, f"{where}poolInfo", lifetimes),
        uses_task_dependencies=options.uses_task_dependencies or False,
        priority=options.priority or 0,
        allow_task_preemption=options.allow_task_preemption or False,
        max_parallel_tasks=options.max_parallel_tasks or UNLIMITED_TASKS,
        constraints=constraints,
        on_all_tasks_complete=options.on_all_tasks_complete or BatchAllTasksCompleteMode.NO_ACTION,
        on_task_failure=options.on_task_failure or BatchTaskFailureMode.NO_ACTION,
        job_manager_task=manager and job_tasks.managed(manager, retries, retention),
        job_preparation_task=preparation and job_tasks.prepared(preparation, retries, retention),
        job_release_task=options.job_release_task and job_tasks.released(options.job_release_task),
    )


def patched(
    job: BatchJobCreateOptions, options: BatchJobUpdateOptions, shown: Shown = codec.to_builtins
) -> BatchJobCreateOptions:
    """The accepted job with each property that is given replaced as a whole, or a BatchError. `shown` is how
    the client sees what it may send back unchanged."""
    given = {name: value for name, value in _properties(options).items() if value is not UNSET}
    return _changed(job, given, shown)


def replaced(
    job: BatchJobCreateOptions, options: BatchJobReplaceOptions, shown: Shown = codec.to_builtins
) -> BatchJobCreateOptions:
    """The accepted job with the properties that are given and the defaults of those that are not, or a
    BatchError. What cannot be replaced stays."""
    return _changed(job, _properties(options), shown)


def _properties(options: BatchJobUpdateOptions | BatchJobReplaceOptions) -> dict[str, Any]:
    return asdict(without_nulls(options))


def _changed(job: BatchJobCreateOptions, values: dict[str, Any], shown: Shown) -> BatchJobCreateOptions:
    if isinstance(wanted := values.get("pool_info"), BatchPoolInfo):
        values["pool_info"] = pool_infos.completed(wanted, job.pool_info)
    changed = completed(replace(job, **values), lifetimes=pool_infos.lifetimes(job.pool_info))
    changed = replace(changed, pool_info=pool_infos.changed(changed.pool_info, job.pool_info, shown))
    ends, stays = BatchAllTasksCompleteMode.TERMINATE_JOB, BatchAllTasksCompleteMode.NO_ACTION
    if job.on_all_tasks_complete is ends and changed.on_all_tasks_complete is stays:
        rule = f"must stay {ends}: a job that ends with its tasks cannot be kept any more"
        raise invalid_property("onAllTasksComplete", stays, rule)
    return changed


def disable_option(options: BatchJobDisableOptions) -> DisableOption:
    """What becomes of the tasks that run."""
    return options.disable_tasks.value


def terminate_reason(options: BatchJobTerminateOptions | None) -> str:
    """The reason a job shows after it was terminated with these options, or a BatchError."""
    reason = options.terminate_reason if options else None
    if not reason:
        return TERMINATE_REASON
    if len(reason) > MAX_TERMINATE_REASON_LENGTH or "\0" in reason:
        rule = f"must have at most {MAX_TERMINATE_REASON_LENGTH} characters and no NUL"
        raise invalid_property("terminateReason", reason, rule)
    return reason


def _check(options: JobShape, where: str) -> None:
    rules.check_display_name(f"{where}displayName", options.display_name)
    rules.check_range(f"{where}priority", options.priority, LEAST_PRIORITY, MOST_PRIORITY)
    rules.check_environment(f"{where}commonEnvironmentSettings", options.common_environment_settings)
    rules.check_metadata(f"{where}metadata", options.metadata)
    if options.network_configuration:
        rules.check_text(f"{where}networkConfiguration.subnetId", options.network_configuration.subnet_id)
    _check_parallel(f"{where}maxParallelTasks", options.max_parallel_tasks)
    if constraints := options.constraints:
        least = Duration(1)
        rules.check_duration(f"{where}constraints.maxWallClockTime", constraints.max_wall_clock_time, least)
        rules.check_retries(f"{where}constraints.maxTaskRetryCount", constraints.max_task_retry_count)


def _check_parallel(where: str, value: Maybe[int]) -> None:
    if isinstance(value, int) and value != UNLIMITED_TASKS and value < 1:
        raise invalid_property(where, value, f"must be {UNLIMITED_TASKS} (no limit) or 1 and more")


def _constraints(given: Maybe[BatchJobConstraints]) -> BatchJobConstraints:
    return BatchJobConstraints(
        max_wall_clock_time=(given and given.max_wall_clock_time) or INFINITE,
        max_task_retry_count=(given and given.max_task_retry_count) or 0,
    )
