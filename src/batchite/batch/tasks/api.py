"""Tasks: the operations on them."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, SELECT, operation
from batchite.batch.tasks import actions, warning
from batchite.resources import forewarned
from batchite.resources.etags import etag
from batchite.resources.jobs import JobRow
from batchite.resources.tasks import TaskRow, shown
from batchite.resources.usage import of_task
from batchite.store.batch import filtering
from batchite.store.batch.recording import Changed
from batchite.wire.batch import codec, errors
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.enums import BatchTaskAddStatus
from batchite.wire.batch.models.errors import BatchError as ErrorModel
from batchite.wire.batch.models.tasks import (
    BatchCreateTaskCollectionResult,
    BatchSubtask,
    BatchTask,
    BatchTaskCreateOptions,
    BatchTaskCreateResult,
    BatchTaskGroup,
    BatchTaskReplaceOptions,
)
from batchite.wire.batch.validation.tasks import check_group


async def add(call: Call) -> Response:
    task = await call.body(BatchTaskCreateOptions)
    job = await actions.add(call.acting, call.params["jobId"], task, call.task_retention)
    answer = answers.created(call, call.now.ticks, call.url("jobs", job.id, "tasks", task.id))
    return await _with_warnings(call, answer, job, [task])


async def add_collection(call: Call) -> Response:
    """Each task for itself: what is wrong with one is told in its result and keeps no other out."""
    group = await call.body(BatchTaskGroup)
    check_group(group)
    job_id, kept = call.params["jobId"], call.task_retention
    job, outcomes = await actions.add_all(call.acting, job_id, group.value, kept)
    address = call.url("jobs", job.id, "tasks")
    tag = etag(call.now.ticks)
    results = tuple(
        _result(call, address, tag, task, error) for task, error in zip(group.value, outcomes, strict=True)
    )
    answer = answers.result(call, "taskaddresult", BatchCreateTaskCollectionResult(value=results))
    added = [task for task, error in zip(group.value, outcomes, strict=True) if error is None]
    return await _with_warnings(call, answer, job, added)


async def _with_warnings(
    call: Call, answer: Response, job: JobRow, added: Sequence[BatchTaskCreateOptions]
) -> Response:
    """The answer, in a header of which is said what can never come of these tasks."""
    if warned := await warning.warned(call.acting, job, added):
        answer.headers[forewarned.HEADER] = forewarned.header(warned)
    return answer


def _result(
    call: Call, address: str, tag: str, task: BatchTaskCreateOptions, error: BatchError | None
) -> BatchTaskCreateResult:
    if error is None:
        return BatchTaskCreateResult(
            status=BatchTaskAddStatus.SUCCESS,
            task_id=task.id,
            e_tag=tag,
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
    shape = _shown(call, task, job)
    return answers.entity(call, "tasks", shape, modified=task.modified, address=address)


async def list_(call: Call) -> Response:
    wanted = listing.wanted(call, filtering.TASKS)
    part, job = await actions.page(call.acting, call.params["jobId"], wanted)
    shapes = (_shown(call, task, job) for task in part.rows)
    return listing.answer(call, "tasks", part, BatchTask, shapes, lambda task: task.task_no)


def _shown(call: Call, task: TaskRow, job: JobRow) -> BatchTask:
    """With its statistics, if these are asked for."""
    if not call.wants_statistics(BatchTask):
        return shown(task, job, call.url)
    url = f"{call.url('jobs', job.id, 'tasks', task.id)}?$expand=stats"
    return shown(task, job, call.url, of_task(task, url, call.now.ticks))


async def subtasks(call: Call) -> Response:
    """Of a task that runs on one node: none."""
    await actions.find(call.acting, call.params["jobId"], call.params["taskId"])
    return answers.page(call, "subtasksinfo", BatchSubtask, (), None)


async def update(call: Call) -> Response:
    options = await call.body(BatchTaskReplaceOptions)
    job_id, task_id = call.params["jobId"], call.params["taskId"]
    changed, job = await actions.update(
        call.acting, job_id, task_id, options, call.conditions, call.task_retention
    )
    return _changed(call, 200, changed, job)


async def reactivate(call: Call) -> Response:
    job_id, task_id = call.params["jobId"], call.params["taskId"]
    changed, job = await actions.reactivate(call.acting, job_id, task_id, call.conditions)
    return _changed(call, 204, changed, job, "reactivate")


async def terminate(call: Call) -> Response:
    job_id, task_id = call.params["jobId"], call.params["taskId"]
    changed, job = await actions.terminate(call.acting, job_id, task_id, call.conditions)
    return _changed(call, 204, changed, job, "terminate")


def _changed(call: Call, status: int, changed: Changed, job: JobRow, *action: str) -> Response:
    return answers.changed(call, status, changed, "jobs", job.id, "tasks", changed.id, *action)


async def delete(call: Call) -> Response:
    await actions.delete(call.acting, call.params["jobId"], call.params["taskId"], call.conditions)
    return answers.empty(call, 200)


OPERATIONS = (
    operation("Task_Add", add),
    operation("Task_AddCollection", add_collection),
    operation("Task_List", list_, FILTERED | EXPAND),
    operation("Task_Get", get, EXPAND, CONDITIONAL),
    operation("Task_Update", update, conditions=CONDITIONAL),
    operation("Task_Reactivate", reactivate, conditions=CONDITIONAL),
    operation("Task_ListSubtasks", subtasks, SELECT),
    operation("Task_Terminate", terminate, conditions=CONDITIONAL),
    operation("Task_Delete", delete, conditions=CONDITIONAL),
)
