"""Job schedules, as they are stored and shown, and the jobs that they make."""

from __future__ import annotations

from typing import Any, Protocol

from msgspec import UNSET
from msgspec.structs import asdict

from batchite.resources.keys import account_shard, folded
from batchite.resources.rules import ScheduleRules, encode
from batchite.resources.showing import Address, merged, moment, stamps, transitions
from batchite.resources.usage import JobSums, summed_up
from batchite.wire.batch import codec
from batchite.wire.batch.models.enums import BatchJobScheduleState
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.job_schedules import (
    BatchJobSchedule,
    BatchJobScheduleCreateOptions,
    BatchJobScheduleExecutionInfo,
    BatchJobScheduleStatistics,
    RecentBatchJob,
)
from batchite.wire.batch.models.jobs import BatchJobCreateOptions

TERMINATED = "TerminateJobSchedule"
"""Why a job ends whose schedule is terminated."""


class ScheduleRow(Protocol):
    """A stored job schedule."""

    schedule_no: int
    account: str
    id: str
    shard: str
    definition: bytes
    rules: bytes
    state: str
    previous_state: str | None
    previous_state_time: int | None
    state_time: int
    created: int
    modified: int
    ended: int | None
    next_run: int | None
    last_run: int | None
    jobs_made: int
    forced: bool
    pool_id: str | None


def row(
    schedule: BatchJobScheduleCreateOptions, account: str, next_run: int | None, now: int
) -> dict[str, Any]:
    """Of a schedule to be added, which is accepted, and makes its first job at `next_run`."""
    return {
        "account": account,
        "key": folded(schedule.id),
        "id": schedule.id,
        "shard": account_shard(account),
        "state": BatchJobScheduleState.ACTIVE.value,
        "state_time": now,
        "created": now,
        "modified": now,
        "next_run": next_run,
        **defined(schedule),
    }


def defined(schedule: BatchJobScheduleCreateOptions) -> dict[str, Any]:
    """What of a schedule's row its client may define anew later on."""
    until, after = schedule.schedule.do_not_run_until, schedule.schedule.do_not_run_after
    return {
        "definition": codec.encode(schedule),
        "rules": encode(ScheduleRules.of(schedule.schedule)),
        "do_not_run_until": until.ticks if until else None,
        "do_not_run_after": after.ticks if after else None,
    }


def definition(schedule: ScheduleRow) -> BatchJobScheduleCreateOptions:
    """What its client has defined, with defaults filled in."""
    return codec.decode(schedule.definition, BatchJobScheduleCreateOptions)


def job_id(schedule_id: str, number: int) -> str:
    """What the schedule's job of this number is called; the first is 1."""
    return f"{schedule_id}:job-{number}"


def job(schedule: ScheduleRow) -> BatchJobCreateOptions:
    """The next job that it makes."""
    id = job_id(schedule.id, schedule.jobs_made + 1)
    return BatchJobCreateOptions(id=id, **asdict(definition(schedule).job_specification))


def shown(
    schedule: ScheduleRow, url: Address, stats: Given[BatchJobScheduleStatistics] = UNSET
) -> BatchJobSchedule:
    return merged(
        BatchJobSchedule,
        definition(schedule),
        url=url("jobschedules", schedule.id),
        **stamps(schedule),
        **transitions(schedule, BatchJobScheduleState),
        execution_info=_execution(schedule, url),
        stats=stats,
    )


def _execution(schedule: ScheduleRow, url: Address) -> BatchJobScheduleExecutionInfo:
    recent = job_id(schedule.id, schedule.jobs_made)
    return BatchJobScheduleExecutionInfo(
        next_run_time=moment(schedule.next_run),
        recent_job=RecentBatchJob(id=recent, url=url("jobs", recent)) if schedule.jobs_made else UNSET,
        end_time=moment(schedule.ended),
    )


def statistics(
    schedule: ScheduleRow, sums: JobSums | None, url: Address, now: int
) -> BatchJobScheduleStatistics:
    place = f"{url('jobschedules', schedule.id)}?$expand=stats"
    return summed_up(BatchJobScheduleStatistics, sums or JobSums(), place, schedule.created, now)
