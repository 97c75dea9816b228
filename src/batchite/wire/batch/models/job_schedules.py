"""Job schedules."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import BatchMetadataItem
from batchite.wire.batch.models.enums import BatchJobScheduleState
from batchite.wire.batch.models.fields import Given, Maybe, Model
from batchite.wire.batch.models.jobs import JobShape
from batchite.wire.batch.models.statistics import JobStatisticsShape
from batchite.wire.ticks import Duration, Timestamp


class BatchJobScheduleConfiguration(Model, frozen=True, kw_only=True):
    """When jobs are to be made. Without anything it is one job, at once."""

    do_not_run_until: Maybe[Timestamp] = UNSET
    do_not_run_after: Maybe[Timestamp] = UNSET
    start_window: Maybe[Duration] = UNSET
    recurrence_interval: Maybe[Duration] = UNSET


class BatchJobSpecification(JobShape, frozen=True, kw_only=True):
    """The jobs that are to be made."""


class BatchJobScheduleCreateOptions(Model, frozen=True, kw_only=True):
    """A job schedule to add."""

    id: str
    display_name: Maybe[str] = UNSET
    schedule: BatchJobScheduleConfiguration
    job_specification: BatchJobSpecification
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET


class BatchJobScheduleUpdateOptions(Model, frozen=True, kw_only=True):
    """What is to change of a job schedule; all else stays."""

    schedule: Maybe[BatchJobScheduleConfiguration] = UNSET
    job_specification: Maybe[BatchJobSpecification] = UNSET
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET


class BatchJobScheduleReplaceOptions(Model, frozen=True, kw_only=True):
    """All that can be replaced of a job schedule: what of a `BatchJobSchedule` is not read-only."""

    schedule: Maybe[BatchJobScheduleConfiguration] = UNSET
    job_specification: BatchJobSpecification
    metadata: Maybe[tuple[BatchMetadataItem, ...]] = UNSET


class RecentBatchJob(Model, frozen=True, kw_only=True):
    """The job that a schedule made last."""

    id: str
    url: str


class BatchJobScheduleExecutionInfo(Model, frozen=True, kw_only=True):
    """The course of a job schedule."""

    next_run_time: Given[Timestamp] = UNSET
    recent_job: Given[RecentBatchJob] = UNSET
    end_time: Given[Timestamp] = UNSET


class BatchJobScheduleStatistics(JobStatisticsShape, frozen=True, kw_only=True):
    """Statistics of a job schedule, summed over its jobs."""


class BatchJobSchedule(Model, frozen=True, kw_only=True):
    """A job schedule as the service shows it."""

    id: str
    display_name: Given[str] = UNSET
    url: str
    e_tag: str
    last_modified: Timestamp
    creation_time: Timestamp
    state: BatchJobScheduleState
    state_transition_time: Timestamp
    previous_state: Given[BatchJobScheduleState] = UNSET
    previous_state_transition_time: Given[Timestamp] = UNSET
    schedule: Given[BatchJobScheduleConfiguration] = UNSET
    job_specification: BatchJobSpecification
    execution_info: BatchJobScheduleExecutionInfo
    metadata: Given[tuple[BatchMetadataItem, ...]] = UNSET
    stats: Given[BatchJobScheduleStatistics] = UNSET
