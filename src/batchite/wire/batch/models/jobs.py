"""Jobs."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import BatchMetadataItem, EnvironmentSetting, NameValuePair
from batchite.wire.batch.models.enums import (
    BatchAllTasksCompleteMode,
    BatchErrorSourceCategory,
    BatchJobState,
    BatchPoolLifetimeOption,
    BatchTaskFailureMode,
)
from batchite.wire.batch.models.fields import Given, Int32, Maybe, Model
from batchite.wire.batch.models.job_tasks import (
    BatchJobManagerTask,
    BatchJobPreparationTask,
    BatchJobReleaseTask,
)
from batchite.wire.batch.models.networks import BatchJobNetworkConfiguration
from batchite.wire.batch.models.pools import BatchPoolSpecification
from batchite.wire.batch.models.statistics import BatchJobStatistics
from batchite.wire.ticks import Duration, Timestamp


class BatchJobConstraints(Model, frozen=True, kw_only=True):
    """Limits of a job and the retry count its tasks get by default."""

    max_wall_clock_time: Maybe[Duration] = UNSET
    max_task_retry_count: Maybe[Int32] = UNSET


class BatchAutoPoolSpecification(Model, frozen=True, kw_only=True):
    """A pool made for the job."""

    auto_pool_id_prefix: Maybe[str] = UNSET
    pool_lifetime_option: BatchPoolLifetimeOption
    keep_alive: Maybe[bool] = UNSET
    pool: Maybe[BatchPoolSpecification] = UNSET


class BatchPoolInfo(Model, frozen=True, kw_only=True):
    """Where a job runs: an existing pool or one made for it."""

    pool_id: Maybe[str] = UNSET
    auto_pool_specification: Maybe[BatchAutoPoolSpecification] = UNSET


class BatchJobSchedulingError(Model, frozen=True, kw_only=True):
    """Why a job could not be scheduled."""

    category: BatchErrorSourceCategory
    code: Given[str] = UNSET
    message: Given[str] = UNSET
    details: Given[tuple[NameValuePair, ...]] = UNSET


class BatchJobExecutionInfo(Model, frozen=True, kw_only=True):
    """The course of a job."""

    start_time: Timestamp
    end_time: Given[Timestamp] = UNSET
    pool_id: Given[str] = UNSET
    scheduling_error: Given[BatchJobSchedulingError] = UNSET
    terminate_reason: Given[str] = UNSET


class BatchJobCreateOptions(Model, frozen=True, kw_only=True):
    """A job to add."""

    id: str
    display_name: Maybe[str] = UNSET
    uses_task_dependencies: Maybe[bool] = UNSET
    priority: Maybe[Int32] = UNSET
    allow_task_preemption: Maybe[bool] = UNSET
    max_parallel_tasks: Maybe[Int32] = UNSET
    constraints: Maybe[BatchJobConstraints] = UNSET
    job_manager_task: Maybe[BatchJobManagerTask] = UNSET
    job_preparation_task: Maybe[BatchJobPreparationTask] = UNSET
    job_release_task: Maybe[BatchJobReleaseTask] = UNSET
    common_environment_settings: Maybe[tuple[EnvironmentSetting, ...]] = UNSET
    pool_info: BatchPoolInfo
    on_all_tasks_complete: Maybe[BatchAllTasksCompleteMode] = UNSET
    on_task_failure: Maybe[BatchTaskFailureMode] = UNSET
    network_configuration: Maybe[BatchJobNetworkConfiguration] = UNSET
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET


class BatchJobUpdateOptions(Model, frozen=True, kw_only=True):
    """What is to change of a job; all else stays."""

    priority: Maybe[Int32] = UNSET
    allow_task_preemption: Maybe[bool] = UNSET
    max_parallel_tasks: Maybe[Int32] = UNSET
    constraints: Maybe[BatchJobConstraints] = UNSET
    pool_info: Maybe[BatchPoolInfo] = UNSET
    on_all_tasks_complete: Maybe[BatchAllTasksCompleteMode] = UNSET
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET
    network_configuration: Maybe[BatchJobNetworkConfiguration] = UNSET


class BatchJobReplaceOptions(Model, frozen=True, kw_only=True):
    """All that can be replaced of a job: what of a `BatchJob` is not read-only."""

    priority: Maybe[Int32] = UNSET
    allow_task_preemption: Maybe[bool] = UNSET
    max_parallel_tasks: Maybe[Int32] = UNSET
    constraints: Maybe[BatchJobConstraints] = UNSET
    pool_info: BatchPoolInfo
    on_all_tasks_complete: Maybe[BatchAllTasksCompleteMode] = UNSET
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET


class BatchJobTerminateOptions(Model, frozen=True, kw_only=True):
    """Why a job is terminated."""

    terminate_reason: Maybe[str] = UNSET


class BatchJob(Model, frozen=True, kw_only=True):
    """A job as the service shows it."""

    id: str
    display_name: Given[str] = UNSET
    uses_task_dependencies: Given[bool] = UNSET
    url: str
    e_tag: str
    last_modified: Timestamp
    creation_time: Timestamp
    state: BatchJobState
    state_transition_time: Timestamp
    previous_state: Given[BatchJobState] = UNSET
    previous_state_transition_time: Given[Timestamp] = UNSET
    priority: Given[Int32] = UNSET
    allow_task_preemption: Given[bool] = UNSET
    max_parallel_tasks: Given[Int32] = UNSET
    constraints: Given[BatchJobConstraints] = UNSET
    job_manager_task: Given[BatchJobManagerTask] = UNSET
    job_preparation_task: Given[BatchJobPreparationTask] = UNSET
    job_release_task: Given[BatchJobReleaseTask] = UNSET
    common_environment_settings: Given[tuple[EnvironmentSetting, ...]] = UNSET
    pool_info: BatchPoolInfo
    on_all_tasks_complete: Given[BatchAllTasksCompleteMode] = UNSET
    on_task_failure: Given[BatchTaskFailureMode] = UNSET
    network_configuration: Given[BatchJobNetworkConfiguration] = UNSET
    metadata: Given[tuple[BatchMetadataItem, ...]] = UNSET
    execution_info: Given[BatchJobExecutionInfo] = UNSET
    stats: Given[BatchJobStatistics] = UNSET
