"""Applications: the operations on them. Who manages them does it by endpoints of ours (`own`)."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.applications import actions
from batchite.batch.call import Call
from batchite.batch.operations import LIST, operation
from batchite.resources.applications import shown
from batchite.store.batch.pages import Wanted
from batchite.wire.batch.models.applications import BatchApplication


async def list_(call: Call) -> Response:
    wanted = Wanted(listing.limit(call), listing.row_number(listing.position(call)))
    part = await actions.page(call.acting, wanted)
    shapes = map(shown, part.rows)
    return listing.answer(
        call, "applications", part, BatchApplication, shapes, lambda row: row.application_no
    )


async def get(call: Call) -> Response:
    found = await actions.find_usable(call.acting, call.params["applicationId"])
    return answers.entity(call, "applications", shown(found), modified=found.modified)


OPERATIONS = (
    operation("Application_List", list_, LIST),
    operation("Application_Get", get),
)
