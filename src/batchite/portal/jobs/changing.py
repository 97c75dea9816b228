"""What is done with jobs: they are added, ended and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchite.batch import wanting
from batchite.batch.conditions import Conditions
from batchite.batch.jobs import actions
from batchite.batch.pools import actions as pools
from batchite.portal import definitions
from batchite.portal.answers import Answer, Done, Page
from batchite.portal.definitions import Fields
from batchite.portal.visit import Visit
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.validation.jobs import TERMINATE_REASON, accept

POOLS = 100
"""that are offered to choose from"""


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


async def delete(visit: Visit) -> Answer:
    job_id = visit.params["job"]
    await actions.delete(visit.acting, job_id, Conditions())
    return Done(visit.url("jobs"), f"The job {job_id} is being deleted, with its tasks.")
