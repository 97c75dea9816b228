"""What is done with jobs: they are added, ended and deleted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from batchite.batch import wanting
from batchite.batch.conditions import Conditions
from batchite.batch.jobs import actions
from batchite.batch.pools import actions as pools
from batchite.portal import definitions
from batchite.portal.answers import Answer, Done, Page
from batchite.portal.definitions import Fields
from batchite.portal.visit import Visit
from batchite.resources.job_options import DisableOption
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.jobs import BatchJobCreateOptions, BatchJobDisableOptions
from batchite.wire.batch.validation.jobs import TERMINATE_REASON, accept, disable_option

POOLS = 100
"""that are offered to choose from"""
DISABLING: Final[Sequence[tuple[DisableOption, str]]] = (
    ("requeue", "They are ended and wait to run again, from their beginning"),
    ("terminate", "They are ended for good, as failed"),
    ("wait", "They run to their end, however long that takes"),
)
"""What becomes of tasks that run, in words; the first is offered."""


async def form(visit: Visit) -> Answer:
    return await _form(visit)


async def add(visit: Visit) -> Answer:
    fields = Fields(visit.form)
    try:
        job = accept(definitions.made(BatchJobCreateOptions, _definition(fields)))
        await actions.add(visit.acting, job)
    except BatchError as error:
        return await _form(visit, visit.form, definitions.reason(error), error.status)
    return Done(visit.url("jobs", job.id), f"The job {job.id} has been added.")


def _definition(fields: Fields) -> dict[str, Any]:
    return {
        "id": fields.text("id"),
        "displayName": fields.text("name"),
        "poolInfo": {"poolId": fields.text("pool") or ""},
        "priority": fields.number("priority"),
        "onAllTasksComplete": "terminatejob" if fields.text("ends") else None,
        "constraints": {
            "maxTaskRetryCount": fields.number("retries"),
            "maxWallClockTime": fields.text("limit"),
        },
    }


async def _form(
    visit: Visit, given: Mapping[str, str] | None = None, problem: str = "", status: int = 200
) -> Page:
    part = await pools.page(visit.acting, wanting.wanted("pools", limit=POOLS, newest_first=True))
    values = {"pools": [pool.id for pool in part.rows], "given": definitions.typed(given), "problem": problem}
    return Page("jobs/new.html", values, status=status)


async def terminate(visit: Visit) -> Answer:
    job_id = visit.params["job"]
    await actions.terminate(visit.acting, job_id, TERMINATE_REASON, Conditions())
    return Done(visit.url("jobs", job_id), f"The job {job_id} is being ended, with the tasks that run.")


async def disable(visit: Visit) -> Answer:
    job_id = visit.params["job"]
    option = disable_option(
        definitions.made(BatchJobDisableOptions, {"disableTasks": visit.form.get("option")})
    )
    await actions.disable(visit.acting, job_id, option, Conditions())
    return Done(visit.url("jobs", job_id), f"The job {job_id} starts no tasks from now on.")


async def enable(visit: Visit) -> Answer:
    job_id = visit.params["job"]
    await actions.enable(visit.acting, job_id, Conditions())
    return Done(visit.url("jobs", job_id), f"The job {job_id} starts tasks again.")


async def delete(visit: Visit) -> Answer:
    job_id = visit.params["job"]
    await actions.delete(visit.acting, job_id, Conditions())
    return Done(visit.url("jobs"), f"The job {job_id} is being deleted, with its tasks.")
