"""Jobs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from msgspec import UNSET
from starlette.responses import Response

from batchite.batch import answers, filters
from batchite.batch.call import Call
from batchite.batch.conditions import etag
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, Operation
from batchite.batch.rows import given, moment, shown
from batchite.store.batch import events, jobs, pages, schema
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.counts import BatchTaskCounts, BatchTaskCountsResult, BatchTaskSlotCounts
from batchite.wire.batch.models.enums import BatchAllTasksCompleteMode, BatchJobState
from batchite.wire.batch.models.jobs import (
    BatchJob,
    BatchJobConstraints,
    BatchJobCreateOptions,
    BatchJobExecutionInfo,
    BatchJobReplaceOptions,
    BatchJobTerminateOptions,
    BatchJobUpdateOptions,
)
from batchite.wire.batch.validation.jobs import accept, patched, replaced, terminate_reason
from batchite.wire.ticks import Timestamp

ADD_LIMIT = 1024 * 1024
"""Bytes in the body of a job to add."""

_REFUSALS = {
    "deleting": "JobBeingDeleted",
    "terminating": "JobBeingTerminated",
    "completed": "JobCompleted",
}


def refusal(state: str | None) -> BatchError:
    """Why a job in this state (None: it is not there) takes no change."""
    if state is None:
        return BatchError("JobNotFound")
    return BatchError(_REFUSALS.get(state, "JobNotActive"))


async def add(call: Call) -> Response:
    job = accept(await call.body(BatchJobCreateOptions, ADD_LIMIT))
    account, now = call.account.name, call.now.ticks
    values = stored(account, job, now)

    def unit(connection: sa.Connection) -> None:
        if not jobs.add(connection, values):
            existing = jobs.find(connection, account, job.id)
            deleting = existing is not None and existing.state == "deleting"
            raise BatchError("JobBeingDeleted" if deleting else "JobExists")

    await call.services.database.write(unit)
    call.services.owner.wake(values["shard"])
    return answers.created(call, now, call.url("jobs", job.id))


def stored(account: str, job: BatchJobCreateOptions, now: int) -> dict[str, Any]:
    """The row of a job whose defaults are filled in."""
    pool_id = job.pool_info.pool_id or ""
    return {
        "account": account,
        "key": job.id.lower(),
        "id": job.id,
        "shard": events.pool_shard(account, pool_id),
        "pool_id": pool_id,
        "state": BatchJobState.ACTIVE.value,
        "state_time": now,
        "created": now,
        "modified": now,
        "started": now,
        **_changeable(job),
    }


def _changeable(job: BatchJobCreateOptions) -> dict[str, Any]:
    """What of a job's row a client may define anew later on."""
    constraints = job.constraints or BatchJobConstraints()
    on_all_complete = job.on_all_tasks_complete or BatchAllTasksCompleteMode.NO_ACTION
    return {
        "definition": codec.encode(job),
        "priority": job.priority or 0,
        "max_parallel_tasks": job.max_parallel_tasks or -1,
        "max_task_retries": constraints.max_task_retry_count or 0,
        "on_all_tasks_complete": on_all_complete.value,
    }


def model(call: Call, row: sa.Row[Any]) -> BatchJob:
    definition = codec.decode(row.definition, BatchJobCreateOptions)
    execution = BatchJobExecutionInfo(
        start_time=Timestamp(row.started),
        end_time=moment(row.ended),
        pool_id=row.pool_id,
        terminate_reason=given(row.terminate_reason),
    )
    return shown(
        BatchJob,
        definition,
        url=call.url("jobs", row.id),
        e_tag=etag(row.modified),
        last_modified=Timestamp(row.modified),
        creation_time=Timestamp(row.created),
        state=BatchJobState(row.state),
        state_transition_time=Timestamp(row.state_time),
        previous_state=BatchJobState(row.previous_state) if row.previous_state else UNSET,
        previous_state_transition_time=moment(row.previous_state_time),
        execution_info=execution,
    )


async def find(call: Call) -> sa.Row[Any]:
    """The job of the request's path. Raises JobNotFound."""
    account, job_id = call.account.name, call.params["jobId"]
    row = await call.services.database.read(lambda connection: jobs.find(connection, account, job_id))
    if row is None:
        raise BatchError("JobNotFound")
    return row


async def get(call: Call) -> Response:
    row = await find(call)
    call.conditions.check_read(row.modified)
    return answers.entity(call, "jobs", model(call, row), modified=row.modified)


async def list_(call: Call) -> Response:
    page = call.page()
    condition = filters.clause(call, filters.JOBS)
    account = call.account.name
    rows = await call.services.database.read(
        lambda connection: jobs.page(connection, account, page.after, page.limit + 1, condition)
    )
    page = replace(page, limit=pages.limit(rows, page.limit))
    return answers.page(
        call, "jobs", page, rows, (BatchJob, lambda row: model(call, row)), lambda row: row.job_no
    )


async def patch(call: Call) -> Response:
    options = await call.body(BatchJobUpdateOptions, ADD_LIMIT)
    return await _update(call, lambda job: patched(job, options))


async def update(call: Call) -> Response:
    options = await call.body(BatchJobReplaceOptions, ADD_LIMIT)
    return await _update(call, lambda job: replaced(job, options))


async def _update(call: Call, change: Callable[[BatchJobCreateOptions], BatchJobCreateOptions]) -> Response:
    account, job_id, now = call.account.name, call.params["jobId"], call.now.ticks
    condition = call.conditions.clause(schema.jobs.c.modified)

    def unit(connection: sa.Connection) -> sa.Row[Any]:
        row = jobs.find(connection, account, job_id, to_change=True)
        if row is None or row.state not in jobs.ENDABLE:
            raise refusal(None if row is None else row.state)
        job = change(codec.decode(row.definition, BatchJobCreateOptions))
        _check_pool(row, job.pool_info.pool_id or "")
        if not jobs.update(connection, row, now, _changeable(job), condition):
            raise BatchError("ConditionNotMet")
        return row

    row = await call.services.database.write(unit)
    call.services.owner.wake(row.shard)
    return answers.empty(call, 200, modified=now, address=call.url("jobs", row.id))


def _check_pool(row: sa.Row[Any], pool_id: str) -> None:
    """A job moves to another pool while it is disabled, and so far no job can be."""
    if events.pool_shard(row.account, pool_id) != row.shard:
        detail = (
            f"poolInfo.poolId can only be changed while the job is disabled; this one is {row.state} and "
            f"belongs to the pool {row.pool_id!r}. Leave poolInfo as it is, or add another job."
        )
        raise BatchError("OperationInvalidForCurrentState", detail, (("PropertyName", "poolInfo.poolId"),))


async def terminate(call: Call) -> Response:
    call.truth("force")
    reason = terminate_reason(await call.optional_body(BatchJobTerminateOptions, ADD_LIMIT))
    account, job_id, now = call.account.name, call.params["jobId"], call.now.ticks
    condition = call.conditions.clause(schema.jobs.c.modified)

    def unit(connection: sa.Connection) -> tuple[str, str]:
        shard = jobs.terminate(connection, account, job_id, now, reason, condition)
        row = jobs.find(connection, account, job_id)
        if shard is None or row is None:
            raise _why_not(row, jobs.ENDABLE)
        return shard, row.id

    shard, true_id = await call.services.database.write(unit)
    call.services.owner.wake(shard)
    return answers.empty(call, 202, modified=now, address=call.url("jobs", true_id, "terminate"))


async def delete(call: Call) -> Response:
    call.truth("force")
    account, job_id, now = call.account.name, call.params["jobId"], call.now.ticks
    condition = call.conditions.clause(schema.jobs.c.modified)

    def unit(connection: sa.Connection) -> str:
        shard = jobs.delete(connection, account, job_id, now, condition)
        if shard is None:
            raise _why_not(jobs.find(connection, account, job_id), jobs.DELETABLE)
        return shard

    call.services.owner.wake(await call.services.database.write(unit))
    return answers.empty(call, 202)


def _why_not(row: sa.Row[Any] | None, permitted: tuple[str, ...]) -> BatchError:
    if row is not None and row.state in permitted:
        return BatchError("ConditionNotMet")
    return refusal(None if row is None else row.state)


async def task_counts(call: Call) -> Response:
    row = await find(call)
    counted = await call.services.database.read(lambda connection: jobs.counts(connection, row.job_no))
    result = BatchTaskCountsResult(
        task_counts=BatchTaskCounts(**_sums(counted, weighed=False)),
        task_slot_counts=BatchTaskSlotCounts(**_sums(counted, weighed=True)),
    )
    return answers.entity(call, "taskcountsresult", result)


def _sums(counted: list[sa.Row[Any]], *, weighed: bool) -> dict[str, int]:
    sums = {
        state: sum(getattr(row, state) * (row.required_slots if weighed else 1) for row in counted)
        for state in ("active", "running", "succeeded", "failed")
    }
    return {**sums, "completed": sums["succeeded"] + sums["failed"]}


OPERATIONS = (
    Operation("Job_Add", "POST", "/jobs", add),
    Operation("Job_List", "GET", "/jobs", list_, FILTERED | EXPAND),
    Operation("Job_Get", "GET", "/jobs/{jobId}", get, EXPAND, CONDITIONAL),
    Operation("Job_Patch", "PATCH", "/jobs/{jobId}", patch, conditions=CONDITIONAL),
    Operation("Job_Update", "PUT", "/jobs/{jobId}", update, conditions=CONDITIONAL),
    Operation(
        "Job_Terminate", "POST", "/jobs/{jobId}/terminate", terminate, frozenset({"force"}), CONDITIONAL
    ),
    Operation("Job_Delete", "DELETE", "/jobs/{jobId}", delete, frozenset({"force"}), CONDITIONAL),
    Operation("Job_GetTaskCounts", "GET", "/jobs/{jobId}/taskcounts", task_counts),
)
