"""Tasks, as they are stored and shown."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import UNSET

from batchite.resources import states
from batchite.resources.etags import etag
from batchite.resources.jobs import JobRow
from batchite.resources.keys import folded
from batchite.resources.rules import TaskRules, encode
from batchite.resources.showing import Address, affinity_id, decoded, given, merged, moment
from batchite.wire.batch import codec, directories
from batchite.wire.batch.models.common import BatchTaskFailureInfo
from batchite.wire.batch.models.enums import BatchTaskExecutionResult, BatchTaskState
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.tasks import (
    BatchNodeInfo,
    BatchTask,
    BatchTaskCreateOptions,
    BatchTaskExecutionInfo,
)
from batchite.wire.ticks import Timestamp


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
    required_slots: int
    intent: str | None
    previous_state: str | None
    previous_state_time: int | None
    state_time: int
    created: int
    modified: int
    node_id: str | None
    assigned: int | None
    staged: int | None


def row(task: BatchTaskCreateOptions, job_no: int, now: int) -> dict[str, Any]:
    """Of a task to be added whose defaults are filled in."""
    return {
        "job_no": job_no,
        "key": folded(task.id),
        "id": task.id,
        "definition": codec.encode(task),
        "required_slots": task.required_slots or 1,
        "rules": encode(TaskRules.of(task)),
        "state": BatchTaskState.ACTIVE.value,
        "state_time": now,
        "created": now,
        "modified": now,
    }


def shown(task: TaskRow, job: JobRow, url: Address) -> BatchTask:
    return merged(
        BatchTask,
        codec.decode(task.definition, BatchTaskCreateOptions),
        url=url("jobs", job.id, "tasks", task.id),
        e_tag=etag(task.modified),
        last_modified=Timestamp(task.modified),
        creation_time=Timestamp(task.created),
        state=states.shown(task.state),
        state_transition_time=Timestamp(task.state_time),
        previous_state=states.shown(task.previous_state) if task.previous_state else UNSET,
        previous_state_transition_time=moment(task.previous_state_time),
        execution_info=execution(task),
        node_info=_node(task, job, url),
    )


def has_run(task: Course) -> bool:
    """It was or is a node's, and its client is to see that."""
    return task.started is not None and states.shown(task.state) is not BatchTaskState.ACTIVE


def node_with_files(task: TaskRow) -> str | None:
    """The node it ran on last, also while it waits to be run again."""
    return None if task.state == "leased" else task.node_id


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
        last_retry_time=moment(task.last_retry),
        requeue_count=task.requeue_count,
        last_requeue_time=moment(task.last_requeue),
        result=BatchTaskExecutionResult(task.result) if over and task.result else UNSET,
    )


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
