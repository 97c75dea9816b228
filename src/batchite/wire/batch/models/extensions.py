"""Extensions of the virtual machine of a node."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.enums import StatusLevelTypes
from batchite.wire.batch.models.fields import Given, Model
from batchite.wire.batch.models.machines import VMExtension
from batchite.wire.ticks import Timestamp


class InstanceViewStatus(Model, frozen=True, kw_only=True):
    """Something that is told of an extension."""

    code: Given[str] = UNSET
    display_status: Given[str] = UNSET
    level: Given[StatusLevelTypes] = UNSET
    message: Given[str] = UNSET
    time: Given[Timestamp] = UNSET


class VMExtensionInstanceView(Model, frozen=True, kw_only=True):
    """How an extension is doing on a node."""

    name: Given[str] = UNSET
    statuses: Given[tuple[InstanceViewStatus, ...]] = UNSET
    sub_statuses: Given[tuple[InstanceViewStatus, ...]] = UNSET


class BatchNodeVMExtension(Model, frozen=True, kw_only=True):
    """An extension of a node."""

    provisioning_state: Given[str] = UNSET
    vm_extension: Given[VMExtension] = UNSET
    instance_view: Given[VMExtensionInstanceView] = UNSET
