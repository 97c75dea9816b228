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
from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.commands import CommandShape, TaskShape
from batchite.wire.batch.models.common import AutoUserSpecification, UserIdentity
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.jobs import (
    BatchJobCreateOptions,
    BatchPoolInfo,
    JobChange,
    JobShape,
)
from batchite.wire.batch.models.machines import DiskEncryptionConfiguration, VirtualMachineConfiguration
from batchite.wire.batch.models.networks import BatchPoolEndpointConfiguration, NetworkConfiguration
from batchite.wire.batch.models.pools import BatchPoolCreateOptions, PoolShape
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.models.task_rules import BatchTaskConstraints, BatchTaskDependencies
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions, OrdinaryTaskShape
from batchite.wire.batch.models.transfers import ResourceFile

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


_PACKAGES = "application packages are not supported yet; use resourceFiles"
_CONTAINERS = "container tasks are not supported yet; tasks run on the node itself"
_IDENTITIES = "managed identities are not supported; use a URL with a shared access signature"
_DEPENDENCIES = "task dependencies are not supported yet"
_EXIT_CONDITIONS = "exit conditions are not supported yet"
_AUTO_STORAGE = "auto-storage containers are not supported yet; use storageContainerUrl"
_USERS = "named users are not supported yet; use userIdentity.autoUser or leave it out"
_AUTO_USER = "on nodes that are processes, tasks are told this and run as the user of the service"
_NETWORKS = "virtual networks do not exist here"
_ENCRYPTION = "disks are not encrypted by this service"
_GALLERIES = "gallery images do not run here"
_AUTO_SCALE = "autoscale is not supported yet; give targets"

TABLE: Final[tuple[Entry, ...]] = (
    Entry(PoolShape, "enableAutoScale", "refused", _AUTO_SCALE, (False,)),
    Entry(PoolShape, "autoScaleFormula", "refused", _AUTO_SCALE),
    Entry(PoolShape, "autoScaleEvaluationInterval", "refused", "autoscale is not supported yet"),
    Entry(PoolShape, "applicationPackageReferences", "refused", _PACKAGES),
    Entry(PoolShape, "userAccounts", "refused", _USERS),
    Entry(PoolShape, "mountConfiguration", "refused", "mounts are not supported yet"),
    Entry(PoolShape, "enableInterNodeCommunication", "accepted", "nodes can always reach each other"),
    Entry(PoolShape, "upgradePolicy", "accepted", "nodes are never upgraded while they live"),
    Entry(NetworkConfiguration, "subnetId", "refused", _NETWORKS),
    Entry(NetworkConfiguration, "dynamicVNetAssignmentScope", "refused", _NETWORKS, ("none",)),
    Entry(NetworkConfiguration, "publicIPAddressConfiguration", "accepted", "nodes have no public addresses"),
    Entry(NetworkConfiguration, "enableAcceleratedNetworking", "accepted", "has no effect"),
    Entry(
        BatchPoolEndpointConfiguration,
        "inboundNATPools",
        "refused",
        "inbound endpoints are not supported yet",
    ),
    Entry(VirtualMachineConfiguration, "windowsConfiguration", "refused", "nodes run Linux"),
    Entry(VirtualMachineConfiguration, "containerConfiguration", "refused", _CONTAINERS),
    Entry(VirtualMachineConfiguration, "dataDisks", "refused", "data disks are not supported"),
    Entry(
        VirtualMachineConfiguration,
        "extensions",
        "refused",
        "extensions are not supported; use a start task",
    ),
    Entry(
        VirtualMachineConfiguration,
        "securityProfile",
        "refused",
        "nodes have no security profile of their own",
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
    Entry(DiskEncryptionConfiguration, "targets", "refused", _ENCRYPTION),
    Entry(DiskEncryptionConfiguration, "customerManagedKey", "refused", _ENCRYPTION),
    Entry(
        BatchVmImageReference,
        "virtualMachineImageId",
        "refused",
        "images of one's own do not run here",
    ),
    Entry(BatchVmImageReference, "sharedGalleryImageId", "refused", _GALLERIES),
    Entry(BatchVmImageReference, "communityGalleryImageId", "refused", _GALLERIES),
    Entry(
        BatchVmImageReference,
        "version",
        "accepted",
        "all versions are the same, unless [[images]] of the config file tells them apart",
    ),
    Entry(CommandShape, "containerSettings", "refused", _CONTAINERS),
    Entry(TaskShape, "applicationPackageReferences", "refused", _PACKAGES),
    Entry(
        TaskShape,
        "outputFiles",
        "refused",
        "output files are not supported yet; upload in the command line",
    ),
    Entry(ResourceFile, "autoStorageContainerName", "refused", _AUTO_STORAGE),
    Entry(ResourceFile, "identityReference", "refused", _IDENTITIES),
    Entry(UserIdentity, "username", "refused", _USERS),
    Entry(AutoUserSpecification, "scope", "accepted", _AUTO_USER),
    Entry(AutoUserSpecification, "elevationLevel", "accepted", _AUTO_USER),
    Entry(BatchTaskConstraints, "retentionTime", "accepted", "directories stay until task, job or node go"),
    Entry(OrdinaryTaskShape, "exitConditions", "refused", _EXIT_CONDITIONS),
    Entry(
        OrdinaryTaskShape, "multiInstanceSettings", "refused", "multi-instance tasks are not supported yet"
    ),
    Entry(OrdinaryTaskShape, "affinityInfo", "accepted", "tasks go to any node with free slots"),
    Entry(BatchTaskDependencies, "taskIds", "refused", _DEPENDENCIES),
    Entry(BatchTaskDependencies, "taskIdRanges", "refused", _DEPENDENCIES),
    Entry(JobChange, "allowTaskPreemption", "refused", "preemption is not supported yet", (False,)),
    Entry(JobShape, "usesTaskDependencies", "refused", _DEPENDENCIES, (False,)),
    Entry(JobShape, "jobManagerTask", "refused", "job manager tasks are not supported yet; add a task"),
    Entry(
        JobShape,
        "jobPreparationTask",
        "refused",
        "job preparation is not supported yet; use a start task",
    ),
    Entry(JobShape, "jobReleaseTask", "refused", "job release is not supported yet"),
    Entry(JobShape, "onTaskFailure", "refused", _EXIT_CONDITIONS, ("noaction",)),
    Entry(JobShape, "networkConfiguration", "refused", _NETWORKS),
    Entry(
        BatchPoolInfo,
        "autoPoolSpecification",
        "refused",
        "auto pools are not supported yet; give poolId",
    ),
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


@dataclass(frozen=True, slots=True)
class _Watch:
    """What to look at in a model: attributes whose values are refused, and those that hold models in
    which there is something to look at."""

    refused: tuple[tuple[str, Entry], ...]
    inner: tuple[tuple[str, str, _Watch], ...]


@functools.cache
def _watch(model: type[Model]) -> _Watch:
    """Costs some milliseconds, so it is done at the first request and not at start-up."""
    entries = of_model(model)
    refused, inner = [], []
    for one in shapes.properties(model):
        entry = entries.get(one.name)
        if entry is not None and entry.treatment == "refused":
            refused.append((one.attribute, entry))
        elif one.model is not None and ((below := _watch(one.model)).refused or below.inner):
            inner.append((one.attribute, one.name, below))
    return _Watch(tuple(refused), tuple(inner))


def check(model: Model, prefix: str = "") -> None:
    """Refuse by name what cannot be honoured, however deep it lies. `prefix` goes before the names in
    errors."""
    _check(model, _watch(type(model)), prefix)


def _check(model: object, watch: _Watch, prefix: str) -> None:
    for attribute, entry in watch.refused:
        value = getattr(model, attribute)
        if value is not msgspec.UNSET and entry.refuses(value):
            raise unsupported_property(prefix + entry.property, f"{entry.note}.", value)
    for attribute, name, below in watch.inner:
        value = getattr(model, attribute)
        if value is msgspec.UNSET or value is None:
            continue
        if type(value) is not tuple:
            _check(value, below, f"{prefix}{name}.")
            continue
        for index, item in enumerate(value):
            _check(item, below, f"{prefix}{name}[{index}].")
