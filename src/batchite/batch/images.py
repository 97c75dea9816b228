"""Supported images."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import listing
from batchite.batch.call import Call
from batchite.batch.operations import LIST, Operation
from batchite.store.batch.pages import cut
from batchite.wire.batch import images
from batchite.wire.batch.models import enums
from batchite.wire.batch.models.images import BatchSupportedImage
from batchite.wire.batch.odata.fields import NAME, Table, one_of
from batchite.wire.batch.odata.matching import Matched, passes

FILTER: Matched[BatchSupportedImage] = Table(
    BatchSupportedImage,
    {
        "osType": (one_of(enums.OSType), lambda image: image.os_type),
        "verificationType": (one_of(enums.ImageVerificationType), lambda image: image.verification_type),
        "nodeAgentSKUId": (NAME, lambda image: image.node_agent_sku_id),
    },
)


async def list_(call: Call) -> Response:
    limit, after = listing.limit(call), listing.row_number(listing.position(call))
    wanted = listing.expression(call, FILTER)
    numbered = enumerate(images.SUPPORTED, 1)
    rows = [entry for entry in numbered if entry[0] > after and passes(entry[1], wanted, FILTER)]
    return listing.answer(
        call,
        "supportedimages",
        cut(rows, limit),
        BatchSupportedImage,
        lambda entry: entry[1],
        lambda entry: entry[0],
    )


OPERATIONS = (Operation("Account_ListSupportedImages", "GET", "/supportedimages", list_, LIST | {"$filter"}),)
