"""Tasks: the operations on them."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, operation
from batchite.batch.tasks import actions
from batchite.resources.etags import etag
from batchite.resources.tasks import shown
from batchite.store.batch import filtering
from batchite.wire.batch import codec, errors
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.enums import BatchTaskAddStatus
from batchite.wire.batch.models.errors import BatchError as ErrorModel
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.models.tasks import (
    BatchCreateTaskCollectionResult,
    BatchTask,
    BatchTaskCreateOptions,
    BatchTaskCreateResult,
    BatchTaskGroup,
)
from batchite.wire.batch.validation.tasks import RETENTION, check_group
from batchite.wire.ticks import Duration


def _retention(call: Call) -> Duration:
    """How long a task's files are kept if it does not say."""
    older = call.version.default(BatchTaskConstraints, "retentionTime")
    return RETENTION if older is None else Duration.parse(str(older))


async def add(call: Call) -> Response:
    task = await call.body(BatchTaskCreateOptions)
    job = await actions.add(call.acting, call.params["jobId"], task, _retention(call))
    return answers.created(call, call.now.ticks, call.url("jobs", job.id, "tasks", task.id))


async def add_collection(call: Call) -> Response:
    """Each task for itself: what is wrong with one is told in its result and keeps no other out."""
    group = await call.body(BatchTaskGroup)
    check_group(group)
    job_id, retention = call.params["jobId"], _retention(call)
    job, outcomes = await actions.add_all(call.acting, job_id, group.value, retention)
    address = call.url("jobs", job.id, "tasks")
    results = tuple(
        _result(call, address, task, error) for task, error in zip(group.value, outcomes, strict=True)
    )
    return answers.result(call, "taskaddresult", BatchCreateTaskCollectionResult(value=results))


def _result(
    call: Call, address: str, task: BatchTaskCreateOptions, error: BatchError | None
) -> BatchTaskCreateResult:
    if error is None:
        return BatchTaskCreateResult(
            status=BatchTaskAddStatus.SUCCESS,
            task_id=task.id,
            e_tag=etag(call.now.ticks),
            last_modified=call.now,
            location=f"{address}/{task.id}",
        )
    content = errors.content(call.respelled(error), call.request.request_id, call.now)
    return BatchTaskCreateResult(
        status=BatchTaskAddStatus.CLIENT_ERROR, task_id=task.id, error=codec.convert(content, ErrorModel)
    )


async def get(call: Call) -> Response:
    task, job = await actions.find(call.acting, call.params["jobId"], call.params["taskId"])
    call.conditions.check_read(task.modified)
    address = call.url("jobs", job.id, "tasks", task.id)
    shape = shown(task, job, call.url)
    return answers.entity(call, "tasks", shape, modified=task.modified, address=address)


async def list_(call: Call) -> Response:
    wanted = listing.wanted(call, filtering.TASKS)
    part, job = await actions.page(call.acting, call.params["jobId"], wanted)
    return listing.answer(
        call, "tasks", part, BatchTask, lambda task: shown(task, job, call.url), lambda task: task.task_no
    )


async def terminate(call: Call) -> Response:
    job_id, task_id = call.params["jobId"], call.params["taskId"]
    changed, job = await actions.terminate(call.acting, job_id, task_id, call.conditions)
    address = call.url("jobs", job.id, "tasks", changed.id, "terminate")
    return answers.empty(call, 204, modified=changed.modified, address=address)


async def delete(call: Call) -> Response:
    await actions.delete(call.acting, call.params["jobId"], call.params["taskId"], call.conditions)
    return answers.empty(call, 200)


OPERATIONS = (
    operation("Task_Add", add),
    operation("Task_AddCollection", add_collection),
    operation("Task_List", list_, FILTERED | EXPAND),
    operation("Task_Get", get, EXPAND, CONDITIONAL),
    operation("Task_Terminate", terminate, conditions=CONDITIONAL),
    operation("Task_Delete", delete, conditions=CONDITIONAL),
)
