"""What can be done with jobs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from batchite.batch import changing
from batchite.batch.acting import Acting
from batchite.batch.changing import Refusals
from batchite.batch.conditions import Conditions
from batchite.resources.causes import CauseRow
from batchite.resources.jobs import CountsRow, JobRow, counts, defined, definition, row
from batchite.resources.keys import pool_shard
from batchite.resources.states import DELETABLE, ENDABLE
from batchite.store.batch import causes, jobs, schema
from batchite.store.batch.causes import JobCauseRow as JobCauseRow
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.counts import BatchTaskCounts
from batchite.wire.batch.models.jobs import BatchJobCreateOptions

REFUSALS = Refusals(
    "JobNotFound",
    "JobExists",
    {
        "deleting": "JobBeingDeleted",
        "terminating": "JobBeingTerminated",
        "completed": "JobCompleted",
    },
)


async def add(acting: Acting, job: BatchJobCreateOptions) -> None:
    """`job` has its defaults. Raises JobExists or JobBeingDeleted."""
    await changing.add(acting, jobs, REFUSALS, row(job, acting.account, acting.now))


async def find(acting: Acting, job_id: str) -> JobRow:
    """Raises JobNotFound."""
    return await changing.find(acting, jobs, REFUSALS, job_id)


async def page(acting: Acting, wanted: Wanted) -> Part[JobRow]:
    return await acting.read(lambda connection: jobs.page(connection, acting.account, wanted))


async def update(
    acting: Acting,
    job_id: str,
    change: Callable[[BatchJobCreateOptions], BatchJobCreateOptions],
    conditions: Conditions,
) -> Changed:
    """Define the job anew: `change` makes what is to be of what is, or raises BatchError."""

    def make(connection: sa.Connection) -> Changed | None:
        found = jobs.find(connection, acting.account, job_id, to_change=True)
        if found is None or found.state not in ENDABLE:
            raise REFUSALS.of(found)
        job = change(definition(found))
        _check_pool(found, job.pool_info.pool_id or "")
        condition = conditions.clause(schema.jobs.c.modified)
        return jobs.change(connection, acting.account, job_id, ENDABLE, acting.now, defined(job), condition)

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet"))


def _check_pool(job: JobRow, pool_id: str) -> None:
    """A job moves to another pool while it is disabled, and so far no job can be."""
    if pool_shard(job.account, pool_id) != job.shard:
        detail = (
            f"poolInfo.poolId can only be changed while the job is disabled; this one is {job.state} and "
            f"belongs to the pool {job.pool_id!r}. Leave poolInfo as it is, or add another job."
        )
        raise BatchError("OperationInvalidForCurrentState", detail, (("PropertyName", "poolInfo.poolId"),))


async def terminate(acting: Acting, job_id: str, reason: str, conditions: Conditions) -> Changed:
    """Begin to end the job; `reason` is what it shows from now on. Raises BatchError."""
    values = {"state": "terminating", "terminate_reason": reason}
    return await _change(acting, job_id, ENDABLE, values, conditions)


async def delete(acting: Acting, job_id: str, conditions: Conditions) -> Changed:
    """Begin to remove the job with all its tasks. Raises BatchError."""
    return await _change(acting, job_id, DELETABLE, {"state": "deleting"}, conditions)


async def _change(
    acting: Acting, job_id: str, permitted: Collection[str], values: Mapping[str, Any], conditions: Conditions
) -> Changed:
    condition = conditions.clause(schema.jobs.c.modified)
    return await changing.alter(acting, jobs, REFUSALS, job_id, permitted, values, condition)


async def task_counts(acting: Acting, job_id: str) -> Sequence[CountsRow]:
    """Numbers of tasks per state, one row for each number of slots required. Raises JobNotFound."""
    job = await find(acting, job_id)
    return await acting.read(lambda connection: jobs.counts(connection, job.job_no))


async def counts_of(acting: Acting, found: Sequence[JobRow]) -> Mapping[int, BatchTaskCounts]:
    """Numbers of tasks per state of these jobs, by their numbers; jobs without tasks are left out."""
    numbers = [job.job_no for job in found]
    rows = await acting.read(lambda connection: jobs.counts_of(connection, numbers))
    return {number: counts(of_job).task_counts for number, of_job in rows.items()}


async def latest_failures(acting: Acting, most: int) -> Sequence[JobCauseRow]:
    """The causes of failed tasks of the newest jobs, those first of which a task failed last."""
    return await acting.read(lambda connection: causes.latest(connection, acting.account, most))


async def failures(acting: Acting, job_id: str) -> tuple[JobRow, Sequence[CauseRow]]:
    """The job, and how many of its tasks failed for which cause, the most frequent first. Raises
    JobNotFound."""
    job = await find(acting, job_id)
    return job, await acting.read(lambda connection: causes.of_job(connection, job.job_no))
