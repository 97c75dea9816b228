"""Supported images."""

from __future__ import annotations

from starlette.responses import Response

from batchite.batch import answers, filters
from batchite.batch.call import Call
from batchite.batch.operations import LIST, Operation
from batchite.wire.batch import images
from batchite.wire.batch.models.images import BatchSupportedImage
from batchite.wire.batch.odata import fields
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith


async def list_(call: Call) -> Response:
    page = call.page()
    wanted = filters.expression(call, BatchSupportedImage, fields.IMAGES)
    rows = [entry for entry in enumerate(images.SUPPORTED, 1) if wanted is None or fits(entry[1], wanted)]
    following = [entry for entry in rows if entry[0] > page.after][: page.limit + 1]
    show = (BatchSupportedImage, lambda entry: entry[1])
    return answers.page(call, "supportedimages", page, following, show, lambda entry: entry[0])


def fits(image: BatchSupportedImage, wanted: Expression) -> bool:
    """Whether the image passes the filter, which has been checked against the list's fields."""
    match wanted:
        case And(parts):
            return all(fits(image, part) for part in parts)
        case Or(parts):
            return any(fits(image, part) for part in parts)
        case Comparison(name, operator, literal):
            return (_value(image, name) == str(literal).lower()) is (operator == "eq")
        case StartsWith(name, text):
            return _value(image, name).startswith(text.lower())


def _value(image: BatchSupportedImage, name: str) -> str:
    values = {
        "osType": image.os_type,
        "verificationType": image.verification_type,
        "nodeAgentSKUId": image.node_agent_sku_id,
    }
    return values[name].lower()


OPERATIONS = (Operation("Account_ListSupportedImages", "GET", "/supportedimages", list_, LIST | {"$filter"}),)
