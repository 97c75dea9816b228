"""Tasks, as they are stored and shown."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import UNSET
from msgspec.structs import replace

from batchite.resources import dependencies, ranks, states
from batchite.resources.jobs import JobRow
from batchite.resources.keys import folded
from batchite.resources.rules import TaskRules, encode, of_stored_task
from batchite.resources.showing import (
    Address,
    affinity_id,
    decoded,
    given,
    merged,
    moment,
    stamps,
    transitions,
)
from batchite.wire.batch import codec, directories
from batchite.wire.batch.models.common import BatchTaskFailureInfo
from batchite.wire.batch.models.enums import BatchTaskExecutionResult, BatchTaskState
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.statistics import BatchTaskStatistics
from batchite.wire.batch.models.tasks import (
    BatchNodeInfo,
    BatchTask,
    BatchTaskCreateOptions,
    BatchTaskExecutionInfo,
)
from batchite.wire.ticks import INFINITE, Duration, Timestamp


class Course(Protocol):
    """What of a stored task tells its course."""

    id: str
    state: str
    started: int | None
    ended: int | None
    exit_code: int | None
    result: str | None
    failure: bytes | None
    retry_count: int
    last_retry: int | None
    requeue_count: int
    last_requeue: int | None


class TaskRow(Course, Protocol):
    """A stored task."""

    task_no: int
    definition: bytes
    rules: bytes | None
    required_slots: int
    rank: int
    intent: str | None
    previous_state: str | None
    previous_state_time: int | None
    state_time: int
    created: int
    modified: int
    node_id: str | None
    cause: str | None
    files_until: int | None
    assigned: int | None
    staged: int | None
    wall_time: int | None
    user_time: int | None
    kernel_time: int | None
    blocks_read: int | None
    blocks_written: int | None
    awaits: str | None
    dependencies: bytes | None


def row(
    task: BatchTaskCreateOptions,
    job_no: int,
    now: int,
    *,
    uses_dependencies: bool = False,
    rank: int = ranks.USUAL,
) -> dict[str, Any]:
    """Of a task to be added whose defaults are filled in. One of a job that `uses_dependencies` has all of
    them, and whether it is blocked is for the store to say."""
    depends = {"dependencies": dependencies.encode(dependencies.words(task))} if uses_dependencies else {}
    return {
        "job_no": job_no,
        "key": folded(task.id),
        "id": task.id,
        "definition": codec.encode(task),
        "required_slots": task.required_slots or 1,
        "rank": rank,
        "rules": encode(TaskRules.of(task)),
        "state": states.WAITING,
        "state_time": now,
        "created": now,
        "modified": now,
        **depends,
    }


def definition(task: TaskRow) -> BatchTaskCreateOptions:
    """As its client defined it last."""
    return codec.decode(task.definition, BatchTaskCreateOptions)


def redefined(stored: TaskRow, task: BatchTaskCreateOptions) -> dict[str, Any]:
    """Columns of a task that is stored and has other constraints from now on. Files that are gone do not come
    back."""
    limit = task.constraints.max_wall_clock_time if task.constraints else None
    manager = of_stored_task(stored.rules).manager
    rules = replace(TaskRules.of(task), wall_clock=(limit or INFINITE).ticks, manager=manager)
    values = {"definition": codec.encode(task), "rules": encode(rules)}
    if stored.files_until is None or stored.ended is None:
        return values
    return {**values, "files_until": (Timestamp(stored.ended) + Duration(rules.retention)).ticks}


def shown(task: TaskRow, job: JobRow, url: Address, stats: Given[BatchTaskStatistics] = UNSET) -> BatchTask:
    return merged(
        BatchTask,
        definition(task),
        url=url("jobs", job.id, "tasks", task.id),
        **stamps(task),
        **transitions(task, states.shown),
        execution_info=execution(task),
        node_info=_node(task, job, url),
        stats=stats,
    )


def has_run(task: Course) -> bool:
    """It was or is a node's, and its client is to see that."""
    return task.started is not None and states.shown(task.state) is not BatchTaskState.ACTIVE


def node_with_files(task: TaskRow) -> str | None:
    """The node it ran on last, also while it waits to be run again."""
    return None if task.state in ("leased", "preparing") else task.node_id


def has_lost_files(task: TaskRow, now: int) -> bool:
    """Whether it has run, and its files are kept no more."""
    is_over = task.state == BatchTaskState.COMPLETED and node_with_files(task) is not None
    return is_over and (task.files_until or 0) <= now


def directory(job_id: str, task_id: str) -> str:
    """The path of the task's directory below the root of its node."""
    return "/".join(directories.of_task(job_id, task_id))


def execution(task: Course) -> BatchTaskExecutionInfo:
    over = task.state == BatchTaskState.COMPLETED
    return BatchTaskExecutionInfo(
        start_time=moment(task.started) if has_run(task) else UNSET,
        end_time=moment(task.ended) if over else UNSET,
        exit_code=given(task.exit_code) if over else UNSET,
        failure_info=decoded(task.failure, BatchTaskFailureInfo) if over else UNSET,
        retry_count=task.retry_count,
        last_retry_time=moment(_last_retry(task)),
        requeue_count=task.requeue_count,
        last_requeue_time=moment(task.last_requeue),
        result=BatchTaskExecutionResult(task.result) if over and task.result else UNSET,
    )


def _last_retry(task: Course) -> int | None:
    """When the last retry began to run: with the last start, unless a user had the task requeued since. One
    that has not begun yet was decided then."""
    if task.last_retry is None or task.started is None or not has_run(task):
        return task.last_retry
    return task.last_retry if (task.last_requeue or 0) > task.last_retry else task.started


def _node(task: TaskRow, job: JobRow, url: Address) -> Given[BatchNodeInfo]:
    if task.node_id is None or not has_run(task):
        return UNSET
    root = directory(job.id, task.id)
    node_url = url("pools", job.pool_id, "nodes", task.node_id)
    return BatchNodeInfo(
        affinity_id=affinity_id(task.node_id),
        node_url=node_url,
        pool_id=job.pool_id,
        node_id=task.node_id,
        task_root_directory=root,
        task_root_directory_url=f"{node_url}/files/{root}",
    )
