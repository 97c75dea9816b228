"""The tasks that belong to a job itself: manager, preparation, release; and how the last two ran on nodes."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.commands import CommandShape, TaskShape
from batchite.wire.batch.models.common import BatchTaskFailureInfo
from batchite.wire.batch.models.containers import BatchTaskContainerExecutionInfo
from batchite.wire.batch.models.enums import (
    BatchJobPreparationTaskState,
    BatchJobReleaseTaskState,
    BatchTaskExecutionResult,
)
from batchite.wire.batch.models.fields import Given, Int32, Maybe, Model
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.ticks import Duration, Timestamp


class BatchJobManagerTask(TaskShape, frozen=True, kw_only=True):
    """A task that steers its job and is started with it."""

    kill_job_on_completion: Maybe[bool] = UNSET
    run_exclusive: Maybe[bool] = UNSET
    allow_low_priority_node: Maybe[bool] = UNSET


class BatchJobPreparationTask(CommandShape, frozen=True, kw_only=True):
    """Runs once per node before the first task of the job there."""

    id: Maybe[str] = UNSET
    constraints: Maybe[BatchTaskConstraints] = UNSET
    wait_for_success: Maybe[bool] = UNSET
    rerun_on_node_reboot_after_success: Maybe[bool] = UNSET


class BatchJobReleaseTask(CommandShape, frozen=True, kw_only=True):
    """Runs on the nodes of a job when the job ends."""

    id: Maybe[str] = UNSET
    max_wall_clock_time: Maybe[Duration] = UNSET
    retention_time: Maybe[Duration] = UNSET


class NodeRunShape(Model, frozen=True, kw_only=True):
    """How a task of a job itself ran on a node."""

    start_time: Timestamp
    end_time: Given[Timestamp] = UNSET
    task_root_directory: Given[str] = UNSET
    task_root_directory_url: Given[str] = UNSET
    exit_code: Given[Int32] = UNSET
    container_info: Given[BatchTaskContainerExecutionInfo] = UNSET
    failure_info: Given[BatchTaskFailureInfo] = UNSET
    result: Given[BatchTaskExecutionResult] = UNSET


class BatchJobPreparationTaskExecutionInfo(NodeRunShape, frozen=True, kw_only=True):
    """The latest run of the preparation task on a node."""

    state: BatchJobPreparationTaskState
    retry_count: Int32
    last_retry_time: Given[Timestamp] = UNSET


class BatchJobReleaseTaskExecutionInfo(NodeRunShape, frozen=True, kw_only=True):
    """The latest run of the release task on a node."""

    state: BatchJobReleaseTaskState


class BatchJobPreparationAndReleaseTaskStatus(Model, frozen=True, kw_only=True):
    """What became of preparation and release on a node."""

    pool_id: Given[str] = UNSET
    node_id: Given[str] = UNSET
    node_url: Given[str] = UNSET
    job_preparation_task_execution_info: Given[BatchJobPreparationTaskExecutionInfo] = UNSET
    job_release_task_execution_info: Given[BatchJobReleaseTaskExecutionInfo] = UNSET
