"""Job schedules to add and to change."""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import asdict, replace

from batchite.wire.batch.errors import invalid_property
from batchite.wire.batch.models.enums import BatchPoolLifetimeOption
from batchite.wire.batch.models.job_schedules import (
    BatchJobScheduleConfiguration,
    BatchJobScheduleCreateOptions,
    BatchJobScheduleReplaceOptions,
    BatchJobScheduleUpdateOptions,
    BatchJobSpecification,
)
from batchite.wire.batch.validation import autoscaling, jobs, pool_infos, rules
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.batch.validation.tasks import RETENTION
from batchite.wire.ticks import Duration

LEAST: Final = Duration.of(minutes=1)
"""Of a start window, and of the time from one job to the next."""
LIFETIMES: Final = frozenset(BatchPoolLifetimeOption)
"""How long a pool may live that a job of a schedule brings with it: as the job, or as the schedule."""

_SPECIFICATION = "jobSpecification"


def accept(
    options: BatchJobScheduleCreateOptions,
    least_interval: Duration = autoscaling.LEAST_INTERVAL,
    retention: Duration = RETENTION,
) -> BatchJobScheduleCreateOptions:
    """The schedule with the defaults of its jobs, or a BatchError. See `jobs.accept`."""
    options = without_nulls(options)
    rules.check_id("id", options.id)
    rules.check_display_name("displayName", options.display_name)
    return _accept(options, least_interval, retention)


def patched(
    schedule: BatchJobScheduleCreateOptions,
    options: BatchJobScheduleUpdateOptions,
    least_interval: Duration = autoscaling.LEAST_INTERVAL,
    retention: Duration = RETENTION,
) -> BatchJobScheduleCreateOptions:
    """The accepted schedule with each property that is given replaced as a whole, or a BatchError."""
    given = {name: value for name, value in _properties(options).items() if value is not UNSET}
    return _changed(schedule, given, least_interval, retention)


def replaced(
    schedule: BatchJobScheduleCreateOptions,
    options: BatchJobScheduleReplaceOptions,
    least_interval: Duration = autoscaling.LEAST_INTERVAL,
    retention: Duration = RETENTION,
) -> BatchJobScheduleCreateOptions:
    """The accepted schedule with the properties that are given; those that are not are as if they had never
    been given. Or a BatchError."""
    values = _properties(options)
    if values["schedule"] is UNSET:
        values["schedule"] = BatchJobScheduleConfiguration()
    return _changed(schedule, values, least_interval, retention)


def _properties(options: BatchJobScheduleUpdateOptions | BatchJobScheduleReplaceOptions) -> dict[str, Any]:
    return asdict(without_nulls(options))


def _changed(
    schedule: BatchJobScheduleCreateOptions,
    values: dict[str, Any],
    least_interval: Duration,
    retention: Duration,
) -> BatchJobScheduleCreateOptions:
    """What is not changed has been accepted, and its secrets have been taken from it."""
    changed = replace(schedule, **values)
    if "job_specification" in values:
        return _accept(changed, least_interval, retention)
    _check(changed)
    return changed


def _accept(
    options: BatchJobScheduleCreateOptions, least_interval: Duration, retention: Duration
) -> BatchJobScheduleCreateOptions:
    _check(options)
    specification = options.job_specification
    pool_infos.check_new(specification.pool_info, f"{_SPECIFICATION}.poolInfo", least_interval)
    return replace(options, job_specification=_completed(specification, retention))


def _completed(specification: BatchJobSpecification, retention: Duration) -> BatchJobSpecification:
    return jobs.completed(specification, f"{_SPECIFICATION}.", LIFETIMES, retention)


def _check(options: BatchJobScheduleCreateOptions) -> None:
    rules.check_metadata("metadata", options.metadata)
    schedule = options.schedule
    rules.check_duration("schedule.startWindow", schedule.start_window, LEAST)
    rules.check_duration("schedule.recurrenceInterval", schedule.recurrence_interval, LEAST)
    until, after = schedule.do_not_run_until, schedule.do_not_run_after
    if until and after and after <= until:
        rule = f"must be later than doNotRunUntil ({until}), or no job is ever made"
        raise invalid_property("schedule.doNotRunAfter", str(after), rule)
