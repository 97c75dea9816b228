"""What is done with tasks: they are added, ended and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchite.batch.conditions import Conditions
from batchite.batch.jobs import actions as jobs
from batchite.batch.tasks import actions
from batchite.portal import definitions, resource_files
from batchite.portal.answers import Answer, Done, Page, Refused
from batchite.portal.definitions import Fields
from batchite.portal.visit import Visit
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions


async def form(visit: Visit) -> Answer:
    return await _form(visit)


async def add(visit: Visit) -> Answer:
    try:
        task = definitions.made(BatchTaskCreateOptions, await _definition(visit))
        job = await actions.add(visit.acting, visit.params["job"], task)
    except (BatchError, Refused) as error:
        return await _form(visit, visit.form, definitions.reason(error), error.status)
    return Done(visit.url("jobs", job.id, "tasks", task.id), f"The task {task.id} has been added.")


async def _definition(visit: Visit) -> dict[str, Any]:
    """Raises Refused."""
    fields = Fields(visit.form)
    return {
        "id": fields.text("id"),
        "commandLine": fields.text("command"),
        "displayName": fields.text("name"),
        "requiredSlots": fields.number("slots"),
        "resourceFiles": await resource_files.read(visit, visit.form.get("files", "")),
        "environmentSettings": fields.pairs("environment"),
        "userIdentity": fields.identity("elevated"),
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


async def reactivate(visit: Visit) -> Answer:
    job_id, task_id = visit.params["job"], visit.params["task"]
    await actions.reactivate(visit.acting, job_id, task_id, Conditions())
    return Done(visit.url("jobs", job_id, "tasks", task_id), f"The task {task_id} waits to run anew.")


async def terminate(visit: Visit) -> Answer:
    job_id, task_id = visit.params["job"], visit.params["task"]
    await actions.terminate(visit.acting, job_id, task_id, Conditions())
    return Done(visit.url("jobs", job_id, "tasks", task_id), f"The task {task_id} is ended.")


async def delete(visit: Visit) -> Answer:
    job_id, task_id = visit.params["job"], visit.params["task"]
    await actions.delete(visit.acting, job_id, task_id, Conditions())
    return Done(visit.url("jobs", job_id), f"The task {task_id} is deleted, with its files.")
