"""Tasks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from msgspec import UNSET
from starlette.responses import Response

from batchite.batch import answers, filters, jobs
from batchite.batch.call import Call
from batchite.batch.conditions import etag
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, Operation
from batchite.batch.rows import affinity_id, decoded, given, moment, shown
from batchite.store.batch import pages, schema, tasks
from batchite.wire.batch import codec, directories, errors
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.common import BatchTaskFailureInfo
from batchite.wire.batch.models.enums import BatchTaskAddStatus, BatchTaskExecutionResult, BatchTaskState
from batchite.wire.batch.models.errors import BatchError as ErrorModel
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.tasks import (
    BatchCreateTaskCollectionResult,
    BatchNodeInfo,
    BatchTask,
    BatchTaskCreateOptions,
    BatchTaskCreateResult,
    BatchTaskExecutionInfo,
    BatchTaskGroup,
)
from batchite.wire.batch.validation.tasks import accept, check_group
from batchite.wire.ticks import Timestamp

ADD_LIMIT = 1024 * 1024
"""Bytes in the body of a task, or a collection of them, to add."""

SETTLE_SECONDS = 5.0
"""How long the answer to terminate and delete waits for the change to take effect. The intent is on disk
by then and will be seen to, whatever happens, so afterwards the answer is the same."""

_SHOWN_STATES = {"leased": BatchTaskState.ACTIVE}


def _new(task: BatchTaskCreateOptions) -> tasks.NewTask:
    """A task whose defaults are filled in, to be stored."""
    retries = task.constraints.max_task_retry_count if task.constraints else 0
    return tasks.NewTask(task.id, codec.encode(task), task.required_slots or 1, retries or 0)


async def _store(call: Call, job_no: int, new: list[tasks.NewTask], shard: str) -> frozenset[str]:
    """Store the tasks; the keys of those that were not there already. Raises BatchError."""
    if not new:
        return frozenset()
    now = call.now.ticks
    stored = await call.services.database.write(lambda connection: tasks.add(connection, job_no, new, now))
    if isinstance(stored, str):
        raise jobs.refusal(None if stored == "gone" else stored)
    call.services.owner.wake(shard)
    return stored


async def add(call: Call) -> Response:
    task = await call.body(BatchTaskCreateOptions, ADD_LIMIT)
    job = await jobs.find(call)
    new = _new(accept(task, job.max_task_retries))
    if not await _store(call, job.job_no, [new], job.shard):
        raise BatchError("TaskExists")
    return answers.created(call, call.now.ticks, call.url("jobs", job.id, "tasks", task.id))


async def add_collection(call: Call) -> Response:
    """Each task for itself: what is wrong with one is told in its result and keeps no other out."""
    group = await call.body(BatchTaskGroup, ADD_LIMIT)
    check_group(group)
    job = await jobs.find(call)
    refused: dict[int, BatchError] = {}
    new: list[tasks.NewTask] = []
    for place, task in enumerate(group.value):
        try:
            new.append(_new(accept(task, job.max_task_retries, f"value[{place}].")))
        except BatchError as error:
            refused[place] = error
    stored = set(await _store(call, job.job_no, new, job.shard))
    address = call.url("jobs", job.id, "tasks")
    results = tuple(
        _result(call, address, task, refused.get(i), stored) for i, task in enumerate(group.value)
    )
    return answers.result(call, "taskaddresult", BatchCreateTaskCollectionResult(value=results))


def _result(
    call: Call, address: str, task: BatchTaskCreateOptions, error: BatchError | None, stored: set[str]
) -> BatchTaskCreateResult:
    """Of tasks with the same id the first is the one that was stored."""
    key = task.id.lower()
    if error is None and key in stored:
        stored.discard(key)
        return BatchTaskCreateResult(
            status=BatchTaskAddStatus.SUCCESS,
            task_id=task.id,
            e_tag=etag(call.now.ticks),
            last_modified=call.now,
            location=f"{address}/{task.id}",
        )
    content = errors.content(
        call.respelled(error or BatchError("TaskExists")), call.request.request_id, call.now
    )
    return BatchTaskCreateResult(
        status=BatchTaskAddStatus.CLIENT_ERROR, task_id=task.id, error=codec.convert(content, ErrorModel)
    )


def model(call: Call, row: sa.Row[Any], job: sa.Row[Any]) -> BatchTask:
    return shown(
        BatchTask,
        codec.decode(row.definition, BatchTaskCreateOptions),
        url=call.url("jobs", job.id, "tasks", row.id),
        e_tag=etag(row.modified),
        last_modified=Timestamp(row.modified),
        creation_time=Timestamp(row.created),
        state=state(row.state),
        state_transition_time=Timestamp(row.state_time),
        previous_state=state(row.previous_state) if row.previous_state else UNSET,
        previous_state_transition_time=moment(row.previous_state_time),
        execution_info=execution(row),
        node_info=_node(call, row, job),
    )


def state(stored: str) -> BatchTaskState:
    return _SHOWN_STATES.get(stored) or BatchTaskState(stored)


def execution(row: sa.Row[Any]) -> BatchTaskExecutionInfo:
    began = row.state in ("running", "completed")
    over = row.state == "completed"
    return BatchTaskExecutionInfo(
        start_time=moment(row.started) if began else UNSET,
        end_time=moment(row.ended) if over else UNSET,
        exit_code=given(row.exit_code) if over else UNSET,
        failure_info=decoded(row.failure, BatchTaskFailureInfo) if over else UNSET,
        retry_count=row.retry_count,
        last_retry_time=moment(row.last_retry),
        requeue_count=row.requeue_count,
        last_requeue_time=moment(row.last_requeue),
        result=BatchTaskExecutionResult(row.result) if over and row.result else UNSET,
    )


def _node(call: Call, row: sa.Row[Any], job: sa.Row[Any]) -> Given[BatchNodeInfo]:
    if row.node_id is None or row.started is None or row.state not in ("running", "completed"):
        return UNSET
    root = "/".join(directories.of_task(job.id, row.id))
    node_url = call.url("pools", job.pool_id, "nodes", row.node_id)
    return BatchNodeInfo(
        affinity_id=affinity_id(row.node_id),
        node_url=node_url,
        pool_id=job.pool_id,
        node_id=row.node_id,
        task_root_directory=root,
        task_root_directory_url=f"{node_url}/files/{root}",
    )


async def find(call: Call) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """Task and job of the request's path. Raises JobNotFound and TaskNotFound."""
    job = await jobs.find(call)
    task_id = call.params["taskId"]
    row = await call.services.database.read(lambda connection: tasks.find(connection, job.job_no, task_id))
    if row is None:
        raise BatchError("TaskNotFound")
    return row, job


async def get(call: Call) -> Response:
    row, job = await find(call)
    call.conditions.check_read(row.modified)
    address = call.url("jobs", job.id, "tasks", row.id)
    return answers.entity(call, "tasks", model(call, row, job), modified=row.modified, address=address)


async def list_(call: Call) -> Response:
    page = call.page()
    condition = filters.clause(call, filters.TASKS)
    job = await jobs.find(call)
    rows = await call.services.database.read(
        lambda connection: tasks.page(connection, job.job_no, page.after, page.limit + 1, condition)
    )
    page = replace(page, limit=pages.limit(rows, page.limit))
    show = (BatchTask, lambda row: model(call, row, job))
    return answers.page(call, "tasks", page, rows, show, lambda row: row.task_no)


async def _change(call: Call, change: tasks.Change) -> tuple[sa.Row[Any], sa.Row[Any]]:
    """Store the intent and wait until it has taken effect; the task as it was, and its job."""
    job = await jobs.find(call)
    task_id = call.params["taskId"]
    condition = call.conditions.clause(schema.tasks.c.modified)

    def unit(connection: sa.Connection) -> tuple[tasks.Intended, sa.Row[Any]]:
        row = tasks.find(connection, job.job_no, task_id)
        intended = tasks.intend(connection, job, task_id, change, condition)
        if intended is None or row is None:
            raise _why_not(row, change)
        return intended, row

    intended, row = await call.services.database.write(unit)
    call.services.owner.wake(intended.shard)
    await call.services.owner.settled(intended.shard, intended.sequence, SETTLE_SECONDS)
    return row, job


def _why_not(row: sa.Row[Any] | None, change: tasks.Change) -> BatchError:
    if row is None:
        return BatchError("TaskNotFound")
    if change == "terminate" and row.state == "completed":
        return BatchError("TaskCompleted")
    return BatchError("ConditionNotMet")


async def terminate(call: Call) -> Response:
    row, job = await _change(call, "terminate")
    address = call.url("jobs", job.id, "tasks", row.id, "terminate")
    return answers.empty(call, 204, modified=row.modified, address=address)


async def delete(call: Call) -> Response:
    await _change(call, "delete")
    return answers.empty(call, 200)


_ONE = "/jobs/{jobId}/tasks/{taskId}"

OPERATIONS = (
    Operation("Task_Add", "POST", "/jobs/{jobId}/tasks", add),
    Operation("Task_AddCollection", "POST", "/jobs/{jobId}/addtaskcollection", add_collection),
    Operation("Task_List", "GET", "/jobs/{jobId}/tasks", list_, FILTERED | EXPAND),
    Operation("Task_Get", "GET", _ONE, get, EXPAND, CONDITIONAL),
    Operation("Task_Terminate", "POST", f"{_ONE}/terminate", terminate, conditions=CONDITIONAL),
    Operation("Task_Delete", "DELETE", _ONE, delete, conditions=CONDITIONAL),
)
