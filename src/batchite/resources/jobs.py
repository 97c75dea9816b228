"""Jobs, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, get_args

from msgspec import UNSET

from batchite.resources.etags import etag
from batchite.resources.keys import folded, pool_shard
from batchite.resources.rules import JobRules, encode
from batchite.resources.showing import Address, Defined, given, merged, moment
from batchite.resources.states import CountedState
from batchite.wire.batch import codec
from batchite.wire.batch.models.counts import BatchTaskCounts, BatchTaskCountsResult, BatchTaskSlotCounts
from batchite.wire.batch.models.enums import BatchJobState
from batchite.wire.batch.models.jobs import (
    BatchJob,
    BatchJobCreateOptions,
    BatchJobExecutionInfo,
)
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


class CountsRow(Protocol):
    """How many tasks of a job that need so many slots each are in which state."""

    required_slots: int
    active: int
    running: int
    succeeded: int
    failed: int


def row(job: BatchJobCreateOptions, account: str, now: int) -> dict[str, Any]:
    """Of a job to be added whose defaults are filled in."""
    pool_id = job.pool_info.pool_id or ""
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


def shown(job: JobRow, url: Address) -> BatchJob:
    execution = BatchJobExecutionInfo(
        start_time=Timestamp(job.started),
        end_time=moment(job.ended),
        pool_id=job.pool_id,
        terminate_reason=given(job.terminate_reason),
    )
    return merged(
        BatchJob,
        definition(job),
        url=url("jobs", job.id),
        e_tag=etag(job.modified),
        last_modified=Timestamp(job.modified),
        creation_time=Timestamp(job.created),
        state=BatchJobState(job.state),
        state_transition_time=Timestamp(job.state_time),
        previous_state=BatchJobState(job.previous_state) if job.previous_state else UNSET,
        previous_state_transition_time=moment(job.previous_state_time),
        execution_info=execution,
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
