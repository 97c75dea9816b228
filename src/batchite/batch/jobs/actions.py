"""What can be done with jobs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from batchite.batch import auto_storage, changing, quotas
from batchite.batch.acting import Acting
from batchite.batch.changing import Refusals, same_id
from batchite.batch.conditions import Conditions
from batchite.batch.pools import autoscaling
from batchite.resources.causes import CauseRow
from batchite.resources.job_options import FORCE, DisableOption
from batchite.resources.jobs import CountsRow, JobRow, counts, defined, definition
from batchite.resources.keys import folded
from batchite.resources.states import DELETABLE, DISABLABLE, ENABLABLE, ENDABLE
from batchite.resources.usage import JobSums
from batchite.scheduling.auto_pools import new_job, why_no_room
from batchite.store.batch import auto_pools as stored_auto_pools
from batchite.store.batch import causes, job_usage, jobs, schema
from batchite.store.batch.causes import JobCauseRow as JobCauseRow
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.counts import BatchTaskCounts
from batchite.wire.batch.models.jobs import BatchJobCreateOptions, BatchPoolInfo

REFUSALS = Refusals(
    "JobNotFound",
    "JobExists",
    {
        "deleting": "JobBeingDeleted",
        "terminating": "JobBeingTerminated",
        "completed": "JobCompleted",
    },
)


SETTLE_SECONDS = 2
"""An answer waits no longer for what follows."""


async def add(acting: Acting, job: BatchJobCreateOptions) -> None:
    """`job` has its defaults; a pool that it brings with it is made. Raises JobExists, JobBeingDeleted,
    JobScheduleWithSameIdExists or ActiveJobAndScheduleQuotaReached."""
    auto_storage.check(acting, job)
    account, limits = acting.account, acting.services.owner.limits(acting.account)
    new = new_job(job, account, acting.now, uuid4(), autoscaling.period(acting.services))

    def make(connection: sa.Connection) -> Changed | None:
        added = jobs.add(connection, new, partial(why_no_room, limits=limits))
        if added is not None:
            quotas.check_jobs(acting, connection)
        return added

    await changing.change(acting, make, lambda connection: _taken(connection, account, job.id))


def _taken(connection: sa.Connection, account: str, id: str) -> BatchError:
    found = jobs.find(connection, account, id)
    return same_id("JobScheduleWithSameIdExists", id) if found is None else REFUSALS.taken(found)


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
        before = definition(found)
        job = change(before)
        auto_storage.check(acting, job, before=before)
        _check_pool(found, before.pool_info, job.pool_info)
        condition = conditions.clause(schema.jobs.c.modified)
        values = {**defined(job), **_moved(found, job.pool_info)}
        changed = jobs.change(connection, acting.account, job_id, ENDABLE, acting.now, values, condition)
        auto = job.pool_info.auto_pool_specification
        if changed is not None and auto:
            stored_auto_pools.keep(connection, found.shard, found.job_no, bool(auto.keep_alive))
        return changed

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet"))


def _check_pool(job: JobRow, before: BatchPoolInfo, after: BatchPoolInfo) -> None:
    """A job moves to another pool while it is disabled, unless one of the two is made for it."""
    if before.auto_pool_specification and after.auto_pool_specification:
        return
    is_auto = before.auto_pool_specification or after.auto_pool_specification
    if is_auto or (job.state != "disabled" and _moved(job, after)):
        name = f"poolInfo.{'autoPoolSpecification' if after.auto_pool_specification else 'poolId'}"
        rule = (
            "cannot take the place of the other kind of pool"
            if is_auto
            else "can only be changed while the job is disabled"
        )
        detail = (
            f"{name} {rule}; this job is {job.state} and belongs to the pool {job.pool_id!r}. Leave "
            f"poolInfo as it is, or {'add another job' if is_auto else 'disable the job first'}."
        )
        raise BatchError("OperationInvalidForCurrentState", detail, (("PropertyName", name),))


def _moved(job: JobRow, pool: BatchPoolInfo) -> Mapping[str, Any]:
    """Columns of a job that is given another pool. Its shard is for the owner to change, who forgets the job
    then."""
    pool_id = pool.pool_id or ""
    is_other = pool_id and folded(pool_id) != folded(job.pool_id)
    return {"pool_id": pool_id} if is_other else {}


async def disable(acting: Acting, job_id: str, option: DisableOption, conditions: Conditions) -> Changed:
    """Have the job start no tasks, and those that run come to what `option` says. One that is being disabled
    goes by the later option from now on, and one that is disabled stays so; one without tasks on nodes is
    disabled when this returns, so that it can be enabled at once. Raises BatchError."""

    def values(job: JobRow) -> Mapping[str, Any]:
        if job.state not in DISABLABLE:
            raise _not_to_be_disabled(job)
        if job.state == "disabled":
            return {}
        return {"tasks_option": option} | ({"state": "disabling"} if job.state == "active" else {})

    return await _settled(acting, await _change_as_it_is(acting, job_id, values, conditions))


def _not_to_be_disabled(job: JobRow) -> BatchError:
    if job.state in ENDABLE:
        return BatchError("JobNotActive", f"The job is {job.state}; disable it once it is active.")
    return REFUSALS.of(job)


async def enable(acting: Acting, job_id: str, conditions: Conditions) -> Changed:
    """Have a disabled job start tasks again. Raises BatchError."""

    def values(job: JobRow) -> Mapping[str, Any]:
        if job.state not in ENABLABLE:
            raise _not_to_be_enabled(job)
        return {"state": "enabling"}

    return await _settled(acting, await _change_as_it_is(acting, job_id, values, conditions))


async def _settled(acting: Acting, changed: Changed) -> Changed:
    """Once the owner of its shard has heard of it, if that is soon."""
    await acting.services.owner.settled(changed.shard, changed.sequence, SETTLE_SECONDS)
    return changed


def _not_to_be_enabled(job: JobRow) -> BatchError:
    if job.state not in ENDABLE:
        return REFUSALS.of(job)
    step = " Enable it once it is disabled." if job.state == "disabling" else ""
    detail = f"Only a job that is disabled can be enabled; this one is {job.state}.{step}"
    return BatchError("OperationInvalidForCurrentState", detail)


async def _change_as_it_is(
    acting: Acting, job_id: str, values: Callable[[JobRow], Mapping[str, Any]], conditions: Conditions
) -> Changed:
    """Give the job the values of columns that follow from how it is stored. Raises BatchError."""

    def make(connection: sa.Connection) -> Changed | None:
        found = jobs.find(connection, acting.account, job_id, to_change=True)
        if found is None:
            raise REFUSALS.of(None)
        condition = conditions.clause(schema.jobs.c.modified)
        return jobs.change(
            connection, acting.account, job_id, (found.state,), acting.now, values(found), condition
        )

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet"))


async def terminate(
    acting: Acting, job_id: str, reason: str, conditions: Conditions, *, force: bool = False
) -> Changed:
    """Begin to end the job; `reason` is what it shows from now on. With `force` nodes are told and not waited
    for, also where that was not asked for at first. Raises BatchError."""

    def values(job: JobRow) -> Mapping[str, Any]:
        if job.state in ENDABLE:
            return {"state": "terminating", "terminate_reason": reason, **_forced(force)}
        return _forced_at_last(job, "terminating", force)

    return await _change_as_it_is(acting, job_id, values, conditions)


async def delete(acting: Acting, job_id: str, conditions: Conditions, *, force: bool = False) -> Changed:
    """Begin to remove the job with all its tasks; `force` as for `terminate`. Raises BatchError."""

    def values(job: JobRow) -> Mapping[str, Any]:
        if job.state in DELETABLE:
            return {"state": "deleting", **_forced(force)}
        return _forced_at_last(job, "deleting", force)

    return await _change_as_it_is(acting, job_id, values, conditions)


def _forced(force: bool) -> Mapping[str, Any]:
    return {"tasks_option": FORCE if force else None}


def _forced_at_last(job: JobRow, state: str, force: bool) -> Mapping[str, Any]:
    """Of a job that is in the state already, and waits for nodes."""
    if force and job.state == state and job.tasks_option != FORCE:
        return _forced(force)
    raise REFUSALS.of(job)


async def task_counts(acting: Acting, job_id: str) -> Sequence[CountsRow]:
    """Numbers of tasks per state, one row for each number of slots required. Raises JobNotFound."""
    job = await find(acting, job_id)
    return await acting.read(lambda connection: jobs.counts(connection, job.job_no))


async def sums(acting: Acting, found: Sequence[JobRow]) -> Mapping[int, JobSums]:
    """What tasks of these jobs used, by the numbers of the jobs; some may be left out that have none."""
    numbers = [job.job_no for job in found]
    return await acting.read(lambda connection: job_usage.of_jobs(connection, numbers, acting.now))


async def lifetime(acting: Acting) -> tuple[JobSums, int | None]:
    """The same of all jobs of the account, also those that are gone, and since when."""
    return await acting.read(lambda connection: job_usage.of_account(connection, acting.account, acting.now))


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
