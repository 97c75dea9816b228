"""Images of virtual machines."""

from __future__ import annotations

from msgspec import UNSET, field

from batchite.wire.batch.models.enums import ImageVerificationType, OSType
from batchite.wire.batch.models.fields import Given, Maybe, Model
from batchite.wire.ticks import Timestamp


class BatchVmImageReference(Model, frozen=True, kw_only=True):
    """An image: of the marketplace (publisher, offer, sku, version), a gallery or an id."""

    publisher: Maybe[str] = UNSET
    offer: Maybe[str] = UNSET
    sku: Maybe[str] = UNSET
    version: Maybe[str] = UNSET
    virtual_machine_image_id: Maybe[str] = UNSET
    exact_version: Maybe[str] = UNSET
    shared_gallery_image_id: Maybe[str] = UNSET
    community_gallery_image_id: Maybe[str] = UNSET


class BatchSupportedImage(Model, frozen=True, kw_only=True):
    """An image the service can make nodes from, and its node agent SKU."""

    node_agent_sku_id: str = field(name="nodeAgentSKUId")
    image_reference: BatchVmImageReference
    os_type: OSType
    capabilities: Given[tuple[str, ...]] = UNSET
    batch_support_end_of_life: Given[Timestamp] = UNSET
    verification_type: ImageVerificationType


class NodeAgentSku(Model, frozen=True, kw_only=True):
    """A node agent SKU and the images it goes with: what versions up to 2018-12-01.8.0 list."""

    id: str
    verified_image_references: tuple[BatchVmImageReference, ...]
    os_type: OSType


class VirtualMachineInfo(Model, frozen=True, kw_only=True):
    """The virtual machine of a node."""

    image_reference: Given[BatchVmImageReference] = UNSET
    scale_set_vm_resource_id: Given[str] = UNSET
