"""Tasks."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import (
    BatchApplicationPackageReference,
    BatchTaskFailureInfo,
    EnvironmentSetting,
    UserIdentity,
)
from batchite.wire.batch.models.containers import BatchTaskContainerExecutionInfo, BatchTaskContainerSettings
from batchite.wire.batch.models.enums import BatchTaskAddStatus, BatchTaskExecutionResult, BatchTaskState
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
from batchite.wire.batch.models.transfers import OutputFile, ResourceFile
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


class BatchTaskCreateOptions(Model, frozen=True, kw_only=True):
    """A task to add."""

    id: str
    display_name: Maybe[str] = UNSET
    exit_conditions: Maybe[ExitConditions] = UNSET
    command_line: str
    container_settings: Maybe[BatchTaskContainerSettings] = UNSET
    resource_files: Maybe[tuple[ResourceFile, ...]] = UNSET
    output_files: Maybe[tuple[OutputFile, ...]] = UNSET
    environment_settings: Maybe[tuple[EnvironmentSetting, ...]] = UNSET
    affinity_info: Maybe[BatchAffinityInfo] = UNSET
    constraints: Maybe[BatchTaskConstraints] = UNSET
    required_slots: Maybe[Int32] = UNSET
    user_identity: Maybe[UserIdentity] = UNSET
    multi_instance_settings: Maybe[MultiInstanceSettings] = UNSET
    depends_on: Maybe[BatchTaskDependencies] = UNSET
    application_package_references: Maybe[tuple[BatchApplicationPackageReference, ...]] = UNSET


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


class BatchTask(Model, frozen=True, kw_only=True):
    """A task as the service shows it."""

    id: str
    display_name: Given[str] = UNSET
    url: str
    e_tag: str
    last_modified: Timestamp
    creation_time: Timestamp
    exit_conditions: Given[ExitConditions] = UNSET
    state: BatchTaskState
    state_transition_time: Timestamp
    previous_state: Given[BatchTaskState] = UNSET
    previous_state_transition_time: Given[Timestamp] = UNSET
    command_line: str
    container_settings: Given[BatchTaskContainerSettings] = UNSET
    resource_files: Given[tuple[ResourceFile, ...]] = UNSET
    output_files: Given[tuple[OutputFile, ...]] = UNSET
    environment_settings: Given[tuple[EnvironmentSetting, ...]] = UNSET
    affinity_info: Given[BatchAffinityInfo] = UNSET
    constraints: Given[BatchTaskConstraints] = UNSET
    required_slots: Given[Int32] = UNSET
    user_identity: Given[UserIdentity] = UNSET
    execution_info: Given[BatchTaskExecutionInfo] = UNSET
    node_info: Given[BatchNodeInfo] = UNSET
    multi_instance_settings: Given[MultiInstanceSettings] = UNSET
    stats: Given[BatchTaskStatistics] = UNSET
    depends_on: Given[BatchTaskDependencies] = UNSET
    application_package_references: Given[tuple[BatchApplicationPackageReference, ...]] = UNSET
