"""One task: what it is, why it does not run or failed, and what it printed last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

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
from batchite.resources.courses import Step, StepName, course
from batchite.resources.jobs import JobRow
from batchite.resources.states import TAKING_TASKS, UNFINISHED
from batchite.resources.tasks import TaskRow, node_with_files, shown

_SPOKEN: Final[Mapping[StepName, str]] = {
    "added": "added",
    "retried": "last retried",
    "requeued": "last requeued",
    "assigned": "assigned",
    "started": "started",
    "staged": "files there",
    "ended": "ended",
}
"""Steps of a task's course, for people."""
LOOK_SECONDS: Final = 2.0
"""After which a node is asked again whether it still fetches the files of the task."""


async def show_one(visit: Visit) -> Answer:
    task, job = await actions.find(visit.acting, visit.params["job"], visit.params["task"])
    seen = shown(task, job, visit.url)
    is_over = task.state == "completed"
    found = None if is_over else await explaining.task(visit.acting, job.id, task.id)
    is_fetching = found is not None and found.is_fetching
    has_begun = node_with_files(task) is not None and task.started is not None and not is_fetching
    values: Mapping[str, object] = {
        "task": seen,
        "job_id": job.id,
        "pool_id": job.pool_id,
        "attempts": 1 + task.retry_count + task.requeue_count,
        "state": states.counted(task.state, task.result),
        "can": {
            "reactivate": is_over and task.result != "success" and job.state in TAKING_TASKS,
            "terminate": task.state in UNFINISHED,
            "delete": True,
            "add": job.state in TAKING_TASKS,
        },
        "course": _spoken(course(task)),
        "reasons": []
        if found is None
        else reasons.of(
            found,
            lambda node: visit.url("pools", job.pool_id, "nodes", node),
            lambda task: visit.url("jobs", job.id, "tasks", task),
        ),
        "node_id": node_with_files(task),
        "printed": None if visit.is_following else await _printed(visit, task, job, has_begun=has_begun),
    }
    again = LOOK_SECONDS if is_fetching else None
    return Page("tasks/task.html", values, watch("task", "job", job=job.id), again=again)


def _spoken(steps: Sequence[Step]) -> Sequence[tuple[str, Step]]:
    return [(_SPOKEN[step.step], step) for step in steps]


async def _printed(visit: Visit, task: TaskRow, job: JobRow, *, has_begun: bool) -> Printed:
    return await printed.look(visit, owners.of_task(visit, task, job), has_begun=has_begun)


_JOB = "/batch/{account}/jobs/{job}"

ROUTES = (
    show(f"{_JOB}/tasks/{{task}}", show_one),
    form(f"{_JOB}/new-task", changing.form),
    change(f"{_JOB}/new-task", changing.add),
    change(f"{_JOB}/tasks/{{task}}/reactivate", changing.reactivate),
    change(f"{_JOB}/tasks/{{task}}/terminate", changing.terminate),
    change(f"{_JOB}/tasks/{{task}}/delete", changing.delete),
)
