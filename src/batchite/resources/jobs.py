"""Jobs, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, get_args

from msgspec import UNSET

from batchite.resources.auto_pools import NewPool
from batchite.resources.keys import folded, pool_shard
from batchite.resources.rules import JobRules, encode
from batchite.resources.showing import Address, Defined, decoded, given, merged, moment, stamps, transitions
from batchite.resources.states import CLOSED, CountedState
from batchite.wire.batch import codec
from batchite.wire.batch.models.counts import BatchTaskCounts, BatchTaskCountsResult, BatchTaskSlotCounts
from batchite.wire.batch.models.enums import BatchJobState
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.jobs import (
    BatchJob,
    BatchJobCreateOptions,
    BatchJobExecutionInfo,
    BatchJobSchedulingError,
)
from batchite.wire.batch.models.statistics import BatchJobStatistics
from batchite.wire.ticks import Timestamp


class JobRow(Defined, Protocol):
    """A stored job."""

    job_no: int
    account: str
    id: str
    shard: str
    pool_id: str
    state: str
    previous_state: str | None
    previous_state_time: int | None
    state_time: int
    created: int
    modified: int
    started: int
    ended: int | None
    terminate_reason: str | None
    scheduling_error: bytes | None
    tasks_option: str | None


class CountsRow(Protocol):
    """How many tasks of a job that need so many slots each are in which state."""

    required_slots: int
    active: int
    running: int
    succeeded: int
    failed: int


@dataclass(frozen=True, slots=True)
class NewJob:
    """A job as it is added, with all that comes with it."""

    row: Mapping[str, Any]
    pool: NewPool | None = None
    manager: Mapping[str, Any] | None = None
    """columns of its manager task, but for the number of the job"""


def row(job: BatchJobCreateOptions, account: str, pool_id: str, now: int) -> dict[str, Any]:
    """Of a job to be added, to that pool, whose defaults are filled in."""
    return {
        "account": account,
        "key": folded(job.id),
        "id": job.id,
        "shard": pool_shard(account, pool_id),
        "pool_id": pool_id,
        "state": BatchJobState.ACTIVE.value,
        "state_time": now,
        "created": now,
        "modified": now,
        "started": now,
        **defined(job),
    }


def defined(job: BatchJobCreateOptions) -> dict[str, Any]:
    """What of a job's row its client may define anew later on."""
    return {"definition": codec.encode(job), "rules": encode(JobRules.of(job))}


def definition(job: Defined) -> BatchJobCreateOptions:
    """What its client has defined, with defaults filled in."""
    return codec.decode(job.definition, BatchJobCreateOptions)


def shown(job: JobRow, url: Address, stats: Given[BatchJobStatistics] = UNSET) -> BatchJob:
    """How it has ended is told once it is completed; why it is to end, the feed tells at once."""
    is_over = job.state == CLOSED
    execution = BatchJobExecutionInfo(
        start_time=Timestamp(job.started),
        end_time=moment(job.ended) if is_over else UNSET,
        pool_id=UNSET if job.scheduling_error else job.pool_id,
        scheduling_error=decoded(job.scheduling_error, BatchJobSchedulingError),
        terminate_reason=given(job.terminate_reason) if is_over else UNSET,
    )
    return merged(
        BatchJob,
        definition(job),
        url=url("jobs", job.id),
        **stamps(job),
        **transitions(job, BatchJobState),
        execution_info=execution,
        stats=stats,
    )


def counts(rows: Sequence[CountsRow]) -> BatchTaskCountsResult:
    """The job's tasks per state, and their slots."""
    return BatchTaskCountsResult(
        task_counts=BatchTaskCounts(**_sums([(row, 1) for row in rows])),
        task_slot_counts=BatchTaskSlotCounts(**_sums([(row, row.required_slots) for row in rows])),
    )


def _sums(weighed: list[tuple[CountsRow, int]]) -> dict[str, int]:
    sums = {
        state: sum(getattr(row, state) * weight for row, weight in weighed)
        for state in get_args(CountedState)
    }
    return {**sums, "completed": sums["succeeded"] + sums["failed"]}
