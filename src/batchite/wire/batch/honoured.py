"""What the service does not do yet: one table of properties, which validation enforces and docs print.

Nothing is silently ignored. A property is *refused* when leaving it out would change what a program
computes or whom it trusts; it is *accepted* when the work comes out the same without it. Every
property that stands in neither list is honoured.

A property stands here once, with the model that has it, and is found wherever that model lies.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

import msgspec

from batchite.wire.batch.errors import unsupported_property
from batchite.wire.batch.models import places, shapes
from batchite.wire.batch.models.commands import CommandShape
from batchite.wire.batch.models.common import AutoUserSpecification, UserIdentity
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.jobs import (
    BatchJobCreateOptions,
    JobShape,
)
from batchite.wire.batch.models.machines import (
    DiskEncryptionConfiguration,
    VirtualMachineConfiguration,
    VMExtension,
)
from batchite.wire.batch.models.networks import BatchInboundNatPool, NetworkConfiguration
from batchite.wire.batch.models.places import Places
from batchite.wire.batch.models.pools import BatchPoolCreateOptions, PoolShape
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions, OrdinaryTaskShape
from batchite.wire.batch.models.transfers import OutputFileBlobContainerDestination, ResourceFile
from batchite.wire.batch.models.users import LinuxUserConfiguration, UserAccount

Treatment: TypeAlias = Literal["refused", "accepted"]

OWNERS: Final[Mapping[str, type[Model]]] = {
    "pool": BatchPoolCreateOptions,
    "start task": BatchStartTask,
    "job": BatchJobCreateOptions,
    "task": BatchTaskCreateOptions,
}
"""What clients define, in the words of the docs."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A property by its wire name, and the model that has it (or the shape that several models have).

    `note` says what happens instead. A value in `off`, and an empty list, asks for nothing and is
    always welcome.
    """

    model: type[Model]
    property: str
    treatment: Treatment
    note: str
    off: tuple[object, ...] = ()

    def refuses(self, value: object) -> bool:
        """Whether a request may not have this value, plain or decoded."""
        if self.treatment == "accepted" or value is msgspec.UNSET or value is None:
            return False
        return value != () and value != [] and value not in self.off


_CONTAINERS = "container tasks are not supported yet; tasks run on the node itself"
_IDENTITIES = "managed identities are not supported; use a URL with a shared access signature"
_AUTO_USER = (
    "on nodes that are no machines of their own, tasks are told this and run as the user of the service"
)
_PRIVATE = "has to be given, and is neither stored nor returned"
_NETWORKS = "virtual networks do not exist here"
_ENCRYPTION = "disks are as encrypted as those of the machine"
_OWN_IMAGES = (
    "tasks run on what the node agent SKU stands for, unless [[images]] of the config file says more"
)

TABLE: Final[tuple[Entry, ...]] = (
    Entry(PoolShape, "mountConfiguration", "refused", "mounts are not supported yet"),
    Entry(PoolShape, "enableInterNodeCommunication", "accepted", "nodes can always reach each other"),
    Entry(PoolShape, "upgradePolicy", "accepted", "nodes are never upgraded while they live"),
    Entry(NetworkConfiguration, "subnetId", "accepted", _NETWORKS),
    Entry(NetworkConfiguration, "dynamicVNetAssignmentScope", "accepted", _NETWORKS),
    Entry(NetworkConfiguration, "publicIPAddressConfiguration", "accepted", "nodes have no public addresses"),
    Entry(NetworkConfiguration, "enableAcceleratedNetworking", "accepted", "has no effect"),
    Entry(
        BatchInboundNatPool,
        "networkSecurityGroupRules",
        "accepted",
        "ports are reserved for nodes, and the service opens none of them; who may reach them is for this "
        "machine's firewall",
    ),
    Entry(VirtualMachineConfiguration, "windowsConfiguration", "accepted", "nodes run Linux"),
    Entry(VirtualMachineConfiguration, "containerConfiguration", "refused", _CONTAINERS),
    Entry(
        VirtualMachineConfiguration,
        "dataDisks",
        "accepted",
        "no disk is attached; nodes use the disk that holds the data directory",
    ),
    Entry(
        VirtualMachineConfiguration,
        "extensions",
        "accepted",
        "none is installed; use a start task for what tasks need",
    ),
    Entry(VMExtension, "protectedSettings", "accepted", "is neither stored nor returned"),
    Entry(
        VirtualMachineConfiguration,
        "securityProfile",
        "accepted",
        "nodes are as secure as docs/sandbox.md says",
    ),
    Entry(VirtualMachineConfiguration, "licenseType", "accepted", "has no effect"),
    Entry(VirtualMachineConfiguration, "nodePlacementConfiguration", "accepted", "there is one zone"),
    Entry(
        VirtualMachineConfiguration,
        "osDisk",
        "accepted",
        "nodes use the disk that holds the data directory",
    ),
    Entry(VirtualMachineConfiguration, "serviceArtifactReference", "accepted", "has no effect"),
    Entry(DiskEncryptionConfiguration, "targets", "accepted", _ENCRYPTION),
    Entry(DiskEncryptionConfiguration, "customerManagedKey", "accepted", _ENCRYPTION),
    Entry(BatchVmImageReference, "virtualMachineImageId", "accepted", _OWN_IMAGES),
    Entry(BatchVmImageReference, "sharedGalleryImageId", "accepted", _OWN_IMAGES),
    Entry(BatchVmImageReference, "communityGalleryImageId", "accepted", _OWN_IMAGES),
    Entry(BatchVmImageReference, "exactVersion", "accepted", "is kept as it is given"),
    Entry(
        BatchVmImageReference,
        "version",
        "accepted",
        "all versions are the same, unless [[images]] of the config file tells them apart",
    ),
    Entry(CommandShape, "containerSettings", "refused", _CONTAINERS),
    Entry(ResourceFile, "identityReference", "refused", _IDENTITIES),
    Entry(OutputFileBlobContainerDestination, "identityReference", "refused", _IDENTITIES),
    Entry(UserIdentity, "username", "accepted", _AUTO_USER),
    Entry(UserAccount, "password", "accepted", _PRIVATE),
    Entry(UserAccount, "windowsUserConfiguration", "accepted", "nodes run Linux"),
    Entry(LinuxUserConfiguration, "gid", "accepted", "all users of a node have one group"),
    Entry(LinuxUserConfiguration, "sshPrivateKey", "accepted", "is neither stored nor returned"),
    Entry(AutoUserSpecification, "scope", "accepted", _AUTO_USER),
    Entry(AutoUserSpecification, "elevationLevel", "accepted", _AUTO_USER),
    Entry(
        OrdinaryTaskShape, "multiInstanceSettings", "refused", "multi-instance tasks are not supported yet"
    ),
    Entry(JobShape, "networkConfiguration", "accepted", _NETWORKS),
)


def of_model(model: type[Model], table: tuple[Entry, ...] = TABLE) -> dict[str, Entry]:
    """The entries about a model's own properties, by their wire names."""
    return {entry.property: entry for entry in table if issubclass(model, entry.model)}


class Met(NamedTuple):
    """An entry where a request can meet it: a path of wire names (`[]` = every item of a list), and the
    model that has the property there."""

    path: str
    model: type[Model]
    entry: Entry


def within(
    model: type[Model],
    path: str = "",
    besides: Collection[type[Model]] = (),
    table: tuple[Entry, ...] = TABLE,
) -> Iterator[Met]:
    """Every entry of a table that a request of this model can meet, but for those in the models `besides`.
    What lies below a refused property is never met."""
    entries = of_model(model, table)
    yield from (Met(path + name, model, entry) for name, entry in entries.items())
    for one in shapes.properties(model):
        entry = entries.get(one.name)
        is_met = entry is None or entry.treatment == "accepted"
        if is_met and one.model is not None and one.model not in besides:
            yield from within(one.model, f"{path}{one.name}{'[]' if one.is_list else ''}.", besides, table)


@functools.cache
def _watch(model: type[Model]) -> Places[Entry]:
    """Costs some milliseconds, so it is done at the first request and not at start-up."""

    def refused(holder: type[Model], name: str) -> Entry | None:
        entry = of_model(holder).get(name)
        return entry if entry is not None and entry.treatment == "refused" else None

    return places.find(model, refused)


def check(model: Model, prefix: str = "") -> None:
    """Refuse by name what cannot be honoured, however deep it lies. `prefix` goes before the names in
    errors."""
    for path, value, entry in _watch(type(model)).met(model, prefix):
        if entry.refuses(value):
            raise unsupported_property(path, f"{entry.note}.", value)
