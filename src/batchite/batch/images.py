"""Supported images, and the node agents that older versions list instead."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from starlette.responses import Response

from batchite.batch import listing
from batchite.batch.call import Call
from batchite.batch.operations import LIST, operation
from batchite.store.batch.pages import cut
from batchite.wire.batch import images
from batchite.wire.batch.models import enums
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.images import BatchSupportedImage, NodeAgentSku
from batchite.wire.batch.odata.fields import NAME, Table, one_of
from batchite.wire.batch.odata.matching import Matched, passes

M = TypeVar("M", bound=Model)

IMAGES: Matched[BatchSupportedImage] = Table(
    BatchSupportedImage,
    {
        "osType": (one_of(enums.OSType), lambda image: image.os_type),
        "verificationType": (one_of(enums.ImageVerificationType), lambda image: image.verification_type),
        "nodeAgentSKUId": (NAME, lambda image: image.node_agent_sku_id),
    },
)
AGENTS: Matched[NodeAgentSku] = Table(
    NodeAgentSku,
    {
        "id": (NAME, lambda agent: agent.id),
        "osType": (one_of(enums.OSType), lambda agent: agent.os_type),
    },
)


async def list_images(call: Call) -> Response:
    return _list(call, "supportedimages", images.SUPPORTED, BatchSupportedImage, IMAGES)


async def list_agents(call: Call) -> Response:
    return _list(call, "nodeagentskus", images.SKUS, NodeAgentSku, AGENTS)


def _list(call: Call, kind: str, items: Sequence[M], model: type[M], table: Matched[M]) -> Response:
    limit, after = listing.limit(call), listing.row_number(listing.position(call))
    wanted = listing.expression(call, table)
    numbered = enumerate(items, 1)
    rows = [entry for entry in numbered if entry[0] > after and passes(entry[1], wanted, table)]
    part = cut(rows, limit)
    return listing.answer(call, kind, part, model, (item for _, item in part.rows), lambda entry: entry[0])


OPERATIONS = (
    operation(
        "Account_ListSupportedImages",
        list_images,
        LIST | {"$filter"},
    ),
    operation(
        "Account_ListNodeAgentSkus",
        list_agents,
        LIST | {"$filter"},
    ),
)
