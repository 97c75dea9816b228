"""What is done with pools: they are added and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from batchite.batch.conditions import Conditions
from batchite.batch.pools import actions
from batchite.portal import definitions, start_tasks
from batchite.portal.answers import Answer, Done, Page, Refused
from batchite.portal.definitions import Fields
from batchite.portal.visit import Visit
from batchite.wire.batch import images, vm_sizes
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.enums import BatchNodeFillType
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.validation.pools import accept

SIZES: Final = (
    "Standard_D2s_v3",
    "Standard_D4s_v3",
    "Standard_D8s_v3",
    "Standard_D16s_v3",
    "Standard_D32s_v3",
    "Standard_A1_v2",
    "Standard_F2s_v2",
    "Standard_F4s_v2",
    "Standard_F8s_v2",
    "Standard_E4s_v3",
    "Standard_E8s_v3",
    "Standard_HB120rs_v3",
)
"""that are offered; any other name of a size is taken as well"""
IMAGE: Final = "canonical:0001-com-ubuntu-server-jammy:22_04-lts"
"""that is chosen unless another is"""


async def form(visit: Visit) -> Answer:
    fresh = {"size": SIZES[0], "image": IMAGE, "dedicated": "1", "wait": "yes"}
    return _form(fresh)


async def add(visit: Visit) -> Answer:
    try:
        pool = accept(definitions.made(BatchPoolCreateOptions, await _definition(visit)))
        await actions.add(visit.acting, pool)
    except (BatchError, Refused) as error:
        return _form(visit.form, definitions.reason(error), error.status)
    return Done(visit.url("pools", pool.id), f"The pool {pool.id} has been added.")


async def _definition(visit: Visit) -> dict[str, Any]:
    """Raises Refused."""
    fields = Fields(visit.form)
    return {
        "id": fields.text("id"),
        "displayName": fields.text("name"),
        "vmSize": fields.text("size"),
        "virtualMachineConfiguration": _machine(fields.text("image") or ""),
        "targetDedicatedNodes": fields.number("dedicated"),
        "targetLowPriorityNodes": fields.number("spare"),
        "taskSlotsPerNode": fields.number("slots"),
        "taskSchedulingPolicy": {"nodeFillType": fields.text("fill")},
        "startTask": await start_tasks.read(visit, {}),
    }


def _machine(text: str) -> dict[str, Any]:
    """By an image as `az` has it, publisher:offer:sku or publisher:offer:sku:version, with the agent that
    goes with it; one that there is not is refused with what was typed."""
    publisher, offer, sku, version = (*text.split(":", 3), "", "", "")[:4]
    agent = images.agent_for(BatchVmImageReference(publisher=publisher, offer=offer, sku=sku))
    reference = {"publisher": publisher, "offer": offer, "sku": sku, "version": version or None}
    return {"imageReference": reference, "nodeAgentSKUId": agent or images.AGENTS[0]}


def _form(given: Mapping[str, str], problem: str = "", status: int = 200) -> Page:
    values = {
        "given": definitions.typed(given),
        "problem": problem,
        "sizes": [vm_sizes.find(name) for name in SIZES],
        "images": [_spelled(image.image_reference) for image in images.SUPPORTED],
        "fills": [kind.value for kind in BatchNodeFillType],
    }
    return Page("pools/new.html", values, status=status)


def _spelled(image: BatchVmImageReference) -> str:
    return f"{image.publisher}:{image.offer}:{image.sku}"


async def delete(visit: Visit) -> Answer:
    pool_id = visit.params["pool"]
    await actions.delete(visit.acting, pool_id, Conditions())
    return Done(visit.url("pools"), f"Pool {pool_id} is being deleted, with its nodes.")
