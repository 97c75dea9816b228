"""The extensions that a node is shown with: the agent's own, by which Batch itself is on the machine, and
those of the pool's definition, of which nothing is installed here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Protocol

from msgspec import UNSET
from msgspec.structs import replace

from batchite.wire.batch.models.enums import StatusLevelTypes
from batchite.wire.batch.models.extensions import (
    BatchNodeVMExtension,
    InstanceViewStatus,
    VMExtensionInstanceView,
)
from batchite.wire.batch.models.machines import VMExtension
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.ticks import Timestamp

AGENT: Final = VMExtension(
    name="batchNodeExtension",
    publisher="Microsoft.Azure.Extensions",
    type="CustomScript",
    type_handler_version="2.0",
    auto_upgrade_minor_version=True,
)
"""As the cloud has it; its type is reserved there."""
_AGENT_SAYS: Final = "The agent of the node runs."
_KEPT_ONLY: Final = (
    "The extension is kept and shown. This service installs no extensions: what tasks need of it, have a "
    "start task install."
)


class Booted(Protocol):
    """Of a node: when it booted, in ticks; None before."""

    @property
    def booted(self) -> int | None: ...


def of(pool: BatchPoolCreateOptions, node: Booted) -> tuple[BatchNodeVMExtension, ...]:
    """The agent's own first, then as the pool has them; their protected settings are nobody's to see."""
    shown = [_shown(AGENT, node, _AGENT_SAYS)]
    for one in _defined(pool):
        shown.append(_shown(replace(one, protected_settings=UNSET), node, _KEPT_ONLY))
    return tuple(shown)


def _defined(pool: BatchPoolCreateOptions) -> Iterator[VMExtension]:
    machine = pool.virtual_machine_configuration
    yield from (machine.extensions or ()) if machine else ()


def _shown(extension: VMExtension, node: Booted, says: str) -> BatchNodeVMExtension:
    """Extensions are provisioned before the agent first speaks."""
    if node.booted is None:
        return BatchNodeVMExtension(provisioning_state="Creating", vm_extension=extension)
    status = InstanceViewStatus(
        code="ProvisioningState/succeeded",
        display_status="Provisioning succeeded",
        level=StatusLevelTypes.INFO,
        message=says,
        time=Timestamp(node.booted),
    )
    view = VMExtensionInstanceView(name=extension.name, statuses=(status,))
    return BatchNodeVMExtension(provisioning_state="Succeeded", vm_extension=extension, instance_view=view)
