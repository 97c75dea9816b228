"""Tasks."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.commands import TaskShape
from batchite.wire.batch.models.common import BatchTaskFailureInfo
from batchite.wire.batch.models.containers import BatchTaskContainerExecutionInfo
from batchite.wire.batch.models.enums import (
    BatchSubtaskState,
    BatchTaskAddStatus,
    BatchTaskExecutionResult,
    BatchTaskState,
)
from batchite.wire.batch.models.errors import BatchError
from batchite.wire.batch.models.fields import Given, Int32, Maybe, Model
from batchite.wire.batch.models.statistics import BatchTaskStatistics
from batchite.wire.batch.models.task_rules import (
    BatchAffinityInfo,
    BatchTaskConstraints,
    BatchTaskDependencies,
    ExitConditions,
    MultiInstanceSettings,
)
from batchite.wire.ticks import Timestamp


class BatchTaskExecutionInfo(Model, frozen=True, kw_only=True):
    """The course of a task."""

    start_time: Given[Timestamp] = UNSET
    end_time: Given[Timestamp] = UNSET
    exit_code: Given[Int32] = UNSET
    container_info: Given[BatchTaskContainerExecutionInfo] = UNSET
    failure_info: Given[BatchTaskFailureInfo] = UNSET
    retry_count: Int32
    last_retry_time: Given[Timestamp] = UNSET
    requeue_count: Int32
    last_requeue_time: Given[Timestamp] = UNSET
    result: Given[BatchTaskExecutionResult] = UNSET


class BatchNodeInfo(Model, frozen=True, kw_only=True):
    """The node a task ran on and its directory there."""

    affinity_id: Given[str] = UNSET
    node_url: Given[str] = UNSET
    pool_id: Given[str] = UNSET
    node_id: Given[str] = UNSET
    task_root_directory: Given[str] = UNSET
    task_root_directory_url: Given[str] = UNSET


class OrdinaryTaskShape(TaskShape, frozen=True, kw_only=True):
    """What a task has that is added to a job, and shows again."""

    exit_conditions: Maybe[ExitConditions] = UNSET
    affinity_info: Maybe[BatchAffinityInfo] = UNSET
    multi_instance_settings: Maybe[MultiInstanceSettings] = UNSET
    depends_on: Maybe[BatchTaskDependencies] = UNSET


class BatchTaskCreateOptions(OrdinaryTaskShape, frozen=True, kw_only=True):
    """A task to add."""


class BatchTaskReplaceOptions(Model, frozen=True, kw_only=True):
    """All that can be replaced of a task: what of a `BatchTask` is not read-only."""

    constraints: Maybe[BatchTaskConstraints] = UNSET


class BatchTaskGroup(Model, frozen=True, kw_only=True):
    """Tasks to add together, at most 100."""

    value: tuple[BatchTaskCreateOptions, ...]


class BatchTaskCreateResult(Model, frozen=True, kw_only=True):
    """What became of one task of a collection."""

    status: BatchTaskAddStatus
    task_id: str
    e_tag: Given[str] = UNSET
    last_modified: Given[Timestamp] = UNSET
    location: Given[str] = UNSET
    error: Given[BatchError] = UNSET


class BatchCreateTaskCollectionResult(Model, frozen=True, kw_only=True):
    """What became of the tasks of a collection."""

    value: Given[tuple[BatchTaskCreateResult, ...]] = UNSET


class BatchTask(OrdinaryTaskShape, frozen=True, kw_only=True):
    """A task as the service shows it."""

    url: str
    e_tag: str
    last_modified: Timestamp
    creation_time: Timestamp
    state: BatchTaskState
    state_transition_time: Timestamp
    previous_state: Given[BatchTaskState] = UNSET
    previous_state_transition_time: Given[Timestamp] = UNSET
    execution_info: Given[BatchTaskExecutionInfo] = UNSET
    node_info: Given[BatchNodeInfo] = UNSET
    stats: Given[BatchTaskStatistics] = UNSET


class BatchSubtask(Model, frozen=True, kw_only=True):
    """A part of a multi-instance task, on one of its nodes besides the first."""

    id: Given[Int32] = UNSET
    node_info: Given[BatchNodeInfo] = UNSET
    start_time: Given[Timestamp] = UNSET
    end_time: Given[Timestamp] = UNSET
    exit_code: Given[Int32] = UNSET
    container_info: Given[BatchTaskContainerExecutionInfo] = UNSET
    failure_info: Given[BatchTaskFailureInfo] = UNSET
    state: Given[BatchSubtaskState] = UNSET
    state_transition_time: Given[Timestamp] = UNSET
    previous_state: Given[BatchSubtaskState] = UNSET
    previous_state_transition_time: Given[Timestamp] = UNSET
    result: Given[BatchTaskExecutionResult] = UNSET
