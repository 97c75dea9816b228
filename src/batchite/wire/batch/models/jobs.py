"""Jobs."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import BatchMetadataItem, EnvironmentSetting, FailureShape
from batchite.wire.batch.models.enums import (
    BatchAllTasksCompleteMode,
    BatchJobState,
    BatchPoolLifetimeOption,
    BatchTaskFailureMode,
    DisableBatchJobOption,
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


class BatchJobSchedulingError(FailureShape, frozen=True, kw_only=True):
    """Why a job could not be scheduled."""


class BatchJobExecutionInfo(Model, frozen=True, kw_only=True):
    """The course of a job."""

    start_time: Timestamp
    end_time: Given[Timestamp] = UNSET
    pool_id: Given[str] = UNSET
    scheduling_error: Given[BatchJobSchedulingError] = UNSET
    terminate_reason: Given[str] = UNSET


class JobChange(Model, frozen=True, kw_only=True):
    """What of a job can be defined anew as long as it is active."""

    priority: Maybe[Int32] = UNSET
    allow_task_preemption: Maybe[bool] = UNSET
    max_parallel_tasks: Maybe[Int32] = UNSET
    constraints: Maybe[BatchJobConstraints] = UNSET
    on_all_tasks_complete: Maybe[BatchAllTasksCompleteMode] = UNSET
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET


class JobShape(JobChange, frozen=True, kw_only=True):
    """What a client says of a job, and sees again."""

    display_name: Maybe[str] = UNSET
    uses_task_dependencies: Maybe[bool] = UNSET
    job_manager_task: Maybe[BatchJobManagerTask] = UNSET
    job_preparation_task: Maybe[BatchJobPreparationTask] = UNSET
    job_release_task: Maybe[BatchJobReleaseTask] = UNSET
    common_environment_settings: Maybe[tuple[EnvironmentSetting, ...]] = UNSET
    pool_info: BatchPoolInfo
    on_task_failure: Maybe[BatchTaskFailureMode] = UNSET
    network_configuration: Maybe[BatchJobNetworkConfiguration] = UNSET


class BatchJobCreateOptions(JobShape, frozen=True, kw_only=True):
    """A job to add."""

    id: str


class BatchJobUpdateOptions(JobChange, frozen=True, kw_only=True):
    """What is to change of a job; all else stays."""

    pool_info: Maybe[BatchPoolInfo] = UNSET
    network_configuration: Maybe[BatchJobNetworkConfiguration] = UNSET


class BatchJobReplaceOptions(JobChange, frozen=True, kw_only=True):
    """All that can be replaced of a job: what of a `BatchJob` is not read-only."""

    pool_info: BatchPoolInfo


class BatchJobDisableOptions(Model, frozen=True, kw_only=True):
    """What becomes of the tasks that run when a job is disabled."""

    disable_tasks: DisableBatchJobOption


class BatchJobTerminateOptions(Model, frozen=True, kw_only=True):
    """Why a job is terminated."""

    terminate_reason: Maybe[str] = UNSET


class BatchJob(JobShape, frozen=True, kw_only=True):
    """A job as the service shows it."""

    id: str
    url: str
    e_tag: str
    last_modified: Timestamp
    creation_time: Timestamp
    state: BatchJobState
    state_transition_time: Timestamp
    previous_state: Given[BatchJobState] = UNSET
    previous_state_transition_time: Given[Timestamp] = UNSET
    execution_info: Given[BatchJobExecutionInfo] = UNSET
    stats: Given[BatchJobStatistics] = UNSET
