"""Jobs: the operations on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.jobs import actions
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, operation
from batchite.batch.pools import autoscaling
from batchite.resources.jobs import JobRow, counts, shown
from batchite.resources.showing import Address
from batchite.resources.usage import JobSums, of_jobs
from batchite.store.batch import filtering
from batchite.store.batch.pages import Part
from batchite.store.batch.recording import Changed
from batchite.wire.batch.models.jobs import (
    BatchJob,
    BatchJobCreateOptions,
    BatchJobDisableOptions,
    BatchJobReplaceOptions,
    BatchJobTerminateOptions,
    BatchJobUpdateOptions,
)
from batchite.wire.batch.models.statistics import BatchJobStatistics
from batchite.wire.batch.validation.jobs import accept, disable_option, patched, replaced, terminate_reason


async def add(call: Call) -> Response:
    options = await call.body(BatchJobCreateOptions)
    job = accept(options, autoscaling.least_interval(call.services), call.task_retention)
    await actions.add(call.acting, job)
    return answers.created(call, call.now.ticks, call.url("jobs", job.id))


async def get(call: Call) -> Response:
    job = await actions.find(call.acting, call.params["jobId"])
    call.conditions.check_read(job.modified)
    (shape,) = await _shown(call, [job])
    return answers.entity(call, "jobs", shape, modified=job.modified)


async def list_(call: Call) -> Response:
    return await listed(call, await actions.page(call.acting, listing.wanted(call, filtering.JOBS)))


async def listed(call: Call, part: Part[JobRow]) -> Response:
    """The answer with a page of jobs."""
    shapes = await _shown(call, part.rows)
    return listing.answer(call, "jobs", part, BatchJob, shapes, lambda job: job.job_no)


async def _shown(call: Call, found: Sequence[JobRow]) -> list[BatchJob]:
    """With their statistics, if these are asked for."""
    if not call.wants_statistics(BatchJob):
        return [shown(job, call.url) for job in found]
    sums = await actions.sums(call.acting, found)
    return [
        shown(job, call.url, statistics(job, sums.get(job.job_no), call.url, call.now.ticks)) for job in found
    ]


def statistics(job: JobRow, sums: JobSums | None, url: Address, now: int) -> BatchJobStatistics:
    return of_jobs(sums or JobSums(), f"{url('jobs', job.id)}?$expand=stats", job.created, now)


async def lifetime(call: Call) -> Response:
    sums, since = await actions.lifetime(call.acting)
    now = call.now.ticks
    shape = of_jobs(sums, call.url("lifetimejobstats"), now if since is None else since, now)
    return answers.entity(call, "jobstats", shape, modified=now)


async def patch(call: Call) -> Response:
    options = await call.body(BatchJobUpdateOptions)
    return await _update(call, lambda job: patched(job, options, call.shown))


async def update(call: Call) -> Response:
    options = await call.body(BatchJobReplaceOptions)
    return await _update(call, lambda job: replaced(job, options, call.shown))


async def _update(call: Call, change: Callable[[BatchJobCreateOptions], BatchJobCreateOptions]) -> Response:
    changed = await actions.update(call.acting, call.params["jobId"], change, call.conditions)
    return answers.changed(call, 200, changed, "jobs", changed.id)


async def disable(call: Call) -> Response:
    option = disable_option(await call.body(BatchJobDisableOptions))
    changed = await actions.disable(call.acting, call.params["jobId"], option, call.conditions)
    return _accepted(call, changed, "disable")


async def enable(call: Call) -> Response:
    changed = await actions.enable(call.acting, call.params["jobId"], call.conditions)
    return _accepted(call, changed, "enable")


def _accepted(call: Call, changed: Changed, what: str) -> Response:
    return answers.changed(call, 202, changed, "jobs", changed.id, what)


async def terminate(call: Call) -> Response:
    force = call.truth("force")
    reason = terminate_reason(await call.optional_body(BatchJobTerminateOptions))
    name = call.params["jobId"]
    changed = await actions.terminate(call.acting, name, reason, call.conditions, force=force)
    return _accepted(call, changed, "terminate")


async def delete(call: Call) -> Response:
    force = call.truth("force")
    await actions.delete(call.acting, call.params["jobId"], call.conditions, force=force)
    return answers.empty(call, 202)


async def task_counts(call: Call) -> Response:
    counted = await actions.task_counts(call.acting, call.params["jobId"])
    return answers.entity(call, "taskcountsresult", counts(counted))


_FORCE = {"force": "2024-07-01.20.0"}

OPERATIONS = (
    operation("Job_Add", add),
    operation("Job_List", list_, FILTERED | EXPAND),
    operation("Job_Get", get, EXPAND, CONDITIONAL),
    operation("Job_Patch", patch, conditions=CONDITIONAL),
    operation("Job_Update", update, conditions=CONDITIONAL),
    operation("Job_Disable", disable, conditions=CONDITIONAL),
    operation("Job_Enable", enable, conditions=CONDITIONAL),
    operation(
        "Job_Terminate",
        terminate,
        frozenset(_FORCE),
        CONDITIONAL,
        later=_FORCE,
    ),
    operation("Job_Delete", delete, frozenset(_FORCE), CONDITIONAL, later=_FORCE),
    operation("Job_GetTaskCounts", task_counts),
    operation("Job_GetAllLifetimeStatistics", lifetime),
)
