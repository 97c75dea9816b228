"""Nodes where a job was prepared and released: the operation on them."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import listing
from batchite.batch.call import Call
from batchite.batch.job_nodes import actions
from batchite.batch.operations import FILTERED, SELECT, operation
from batchite.resources.job_nodes import shown
from batchite.store.batch import filtering
from batchite.wire.batch.models.job_tasks import BatchJobPreparationAndReleaseTaskStatus
from batchite.wire.batch.odata import fields


async def list_(call: Call) -> Response:
    wanted = listing.wanted(call, filtering.JOB_NODES)
    filtered = fields.names(listing.expression(call, filtering.JOB_NODES))
    asks_of_release = any(name.startswith(filtering.OF_RELEASE) for name in filtered)
    job, rules = await actions.find(call.acting, call.params["jobId"], with_release=asks_of_release)
    part = await actions.page(call.acting, job, wanted)
    return listing.answer(
        call,
        "jobpreparationandreleasetaskstatuslist",
        part,
        BatchJobPreparationAndReleaseTaskStatus,
        (shown(row, job.id, rules, call.url) for row in part.rows),
        lambda row: row.number,
    )


OPERATIONS = (operation("Job_ListPreparationAndReleaseTaskStatus", list_, FILTERED | SELECT),)
