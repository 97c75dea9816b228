"""One task: what it is, why it does not run or failed, and what it printed last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchite.batch.explaining import actions as explaining
from batchite.batch.tasks import actions
from batchite.portal import reasons
from batchite.portal.answers import Answer, Page, watch
from batchite.portal.files import owners, printed
from batchite.portal.files.printed import Printed
from batchite.portal.routes import change, form, show
from batchite.portal.tasks import changing
from batchite.portal.visit import Visit
from batchite.resources import states
from batchite.resources.jobs import JobRow
from batchite.resources.states import TAKING_TASKS, UNFINISHED
from batchite.resources.tasks import TaskRow, node_with_files, shown
from batchite.wire.batch.models.tasks import BatchTask, BatchTaskExecutionInfo
from batchite.wire.ticks import Duration, Timestamp


@dataclass(frozen=True, slots=True)
class Step:
    """Of a task's course; `took` is the time until the next one."""

    name: str
    at: Timestamp
    took: Duration | None = None


async def show_one(visit: Visit) -> Answer:
    task, job = await actions.find(visit.acting, visit.params["job"], visit.params["task"])
    seen = shown(task, job, visit.url)
    is_over = task.state == "completed"
    values: Mapping[str, object] = {
        "task": seen,
        "job_id": job.id,
        "pool_id": job.pool_id,
        "attempts": 1 + task.retry_count + task.requeue_count,
        "state": states.counted(task.state, task.result),
        "can": {
            "terminate": task.state in UNFINISHED,
            "delete": True,
            "add": job.state in TAKING_TASKS,
        },
        "course": _course(seen),
        "reasons": [] if is_over else reasons.of(await explaining.task(visit.acting, job.id, task.id)),
        "node_id": node_with_files(task),
        "printed": None if visit.is_following else await _printed(visit, task, job),
    }
    return Page("tasks/task.html", values, watch("task", "job", job=job.id))


def _course(task: BatchTask) -> Sequence[Step]:
    execution = task.execution_info or BatchTaskExecutionInfo(retry_count=0, requeue_count=0)
    steps = [("added", task.creation_time)]
    if execution.last_retry_time:
        steps.append(("last retried", execution.last_retry_time))
    if execution.last_requeue_time:
        steps.append(("last requeued", execution.last_requeue_time))
    if execution.start_time:
        steps.append(("started", execution.start_time))
    if execution.end_time:
        steps.append(("ended", execution.end_time))
    following = [at for _, at in steps[1:]]
    took = [Duration(later.ticks - at.ticks) for (_, at), later in zip(steps, following, strict=False)]
    return [Step(name, at, length) for (name, at), length in zip(steps, (*took, None), strict=True)]


async def _printed(visit: Visit, task: TaskRow, job: JobRow) -> Printed:
    has_begun = node_with_files(task) is not None and task.started is not None
    return await printed.look(visit, owners.of_task(visit, task, job), has_begun=has_begun)


_JOB = "/batch/{account}/jobs/{job}"

ROUTES = (
    show(f"{_JOB}/tasks/{{task}}", show_one),
    form(f"{_JOB}/new-task", changing.form),
    change(f"{_JOB}/new-task", changing.add),
    change(f"{_JOB}/tasks/{{task}}/terminate", changing.terminate),
    change(f"{_JOB}/tasks/{{task}}/delete", changing.delete),
)
