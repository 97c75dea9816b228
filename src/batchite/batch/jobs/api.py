"""Jobs: the operations on them."""

from __future__ import annotations

from collections.abc import Callable

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.jobs import actions
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, operation
from batchite.resources.jobs import counts, shown
from batchite.store.batch import filtering
from batchite.wire.batch.models.jobs import (
    BatchJob,
    BatchJobCreateOptions,
    BatchJobReplaceOptions,
    BatchJobTerminateOptions,
    BatchJobUpdateOptions,
)
from batchite.wire.batch.validation.jobs import accept, patched, replaced, terminate_reason


async def add(call: Call) -> Response:
    job = accept(await call.body(BatchJobCreateOptions))
    await actions.add(call.acting, job)
    return answers.created(call, call.now.ticks, call.url("jobs", job.id))


async def get(call: Call) -> Response:
    job = await actions.find(call.acting, call.params["jobId"])
    call.conditions.check_read(job.modified)
    return answers.entity(call, "jobs", shown(job, call.url), modified=job.modified)


async def list_(call: Call) -> Response:
    part = await actions.page(call.acting, listing.wanted(call, filtering.JOBS))
    return listing.answer(
        call, "jobs", part, BatchJob, lambda job: shown(job, call.url), lambda job: job.job_no
    )


async def patch(call: Call) -> Response:
    options = await call.body(BatchJobUpdateOptions)
    return await _update(call, lambda job: patched(job, options))


async def update(call: Call) -> Response:
    options = await call.body(BatchJobReplaceOptions)
    return await _update(call, lambda job: replaced(job, options))


async def _update(call: Call, change: Callable[[BatchJobCreateOptions], BatchJobCreateOptions]) -> Response:
    changed = await actions.update(call.acting, call.params["jobId"], change, call.conditions)
    return answers.empty(call, 200, modified=changed.modified, address=call.url("jobs", changed.id))


async def terminate(call: Call) -> Response:
    call.truth("force")
    reason = terminate_reason(await call.optional_body(BatchJobTerminateOptions))
    changed = await actions.terminate(call.acting, call.params["jobId"], reason, call.conditions)
    address = call.url("jobs", changed.id, "terminate")
    return answers.empty(call, 202, modified=changed.modified, address=address)


async def delete(call: Call) -> Response:
    call.truth("force")
    await actions.delete(call.acting, call.params["jobId"], call.conditions)
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
    operation(
        "Job_Terminate",
        terminate,
        frozenset(_FORCE),
        CONDITIONAL,
        later=_FORCE,
    ),
    operation("Job_Delete", delete, frozenset(_FORCE), CONDITIONAL, later=_FORCE),
    operation("Job_GetTaskCounts", task_counts),
)
