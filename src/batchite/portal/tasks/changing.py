"""What is done with tasks: they are added, ended and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchite.batch.conditions import Conditions
from batchite.batch.jobs import actions as jobs
from batchite.batch.tasks import actions
from batchite.portal import definitions
from batchite.portal.answers import Answer, Done, Page
from batchite.portal.definitions import Fields
from batchite.portal.visit import Visit
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions


async def form(visit: Visit) -> Answer:
    return await _form(visit)


async def add(visit: Visit) -> Answer:
    fields = Fields(visit.form)
    try:
        task = definitions.made(BatchTaskCreateOptions, _definition(fields))
        job = await actions.add(visit.acting, visit.params["job"], task)
    except BatchError as error:
        return await _form(visit, visit.form, definitions.reason(error), error.status)
    return Done(visit.url("jobs", job.id, "tasks", task.id), f"The task {task.id} has been added.")


def _definition(fields: Fields) -> dict[str, Any]:
    return {
        "id": fields.text("id"),
        "commandLine": fields.text("command"),
        "displayName": fields.text("name"),
        "requiredSlots": fields.number("slots"),
        "environmentSettings": fields.pairs("environment"),
        "constraints": {
            "maxTaskRetryCount": fields.number("retries"),
            "maxWallClockTime": fields.text("limit"),
        },
    }


async def _form(
    visit: Visit, given: Mapping[str, str] | None = None, problem: str = "", status: int = 200
) -> Page:
    """Raises JobNotFound."""
    job = await jobs.find(visit.acting, visit.params["job"])
    values = {"job_id": job.id, "given": definitions.typed(given), "problem": problem}
    return Page("tasks/new.html", values, status=status)


async def terminate(visit: Visit) -> Answer:
    job_id, task_id = visit.params["job"], visit.params["task"]
    await actions.terminate(visit.acting, job_id, task_id, Conditions())
    return Done(visit.url("jobs", job_id, "tasks", task_id), f"The task {task_id} is ended.")


async def delete(visit: Visit) -> Answer:
    job_id, task_id = visit.params["job"], visit.params["task"]
    await actions.delete(visit.acting, job_id, task_id, Conditions())
    return Done(visit.url("jobs", job_id), f"The task {task_id} is deleted, with its files.")
