"""What the service does not do yet: one table of properties, which validation enforces and docs print.

Nothing is silently ignored. A property is *refused* when leaving it out would change what a program
computes or whom it trusts; it is *accepted* when the work comes out the same without it. Every
property that stands in neither list is honoured.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import msgspec

from batchite.wire.batch.errors import unsupported_property
from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions

Owner: TypeAlias = Literal["pool", "start task", "job", "task"]
Treatment: TypeAlias = Literal["refused", "accepted"]

MODELS: Final[dict[Owner, type[Model]]] = {
    "pool": BatchPoolCreateOptions,
    "start task": BatchStartTask,
    "job": BatchJobCreateOptions,
    "task": BatchTaskCreateOptions,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A property by its path of wire names (`[]` = every item of a list).

    `note` says what happens instead. A value in `off`, and an empty list, asks for nothing and is
    always welcome.
    """

    owner: Owner
    path: str
    treatment: Treatment
    note: str
    off: tuple[object, ...] = ()


_PACKAGES = "application packages are not supported yet; use resourceFiles"
_CONTAINERS = "container tasks are not supported yet; tasks run on the node itself"
_IDENTITIES = "managed identities are not supported; use a URL with a shared access signature"
_DEPENDENCIES = "task dependencies are not supported yet"
_AUTO_STORAGE = "auto-storage containers are not supported yet; use storageContainerUrl"
_USERS = "named users are not supported yet; use userIdentity.autoUser or leave it out"
_AUTO_USER = "every task runs as the user of the service"
_NETWORKS = "virtual networks do not exist here"
_MACHINE = "virtualMachineConfiguration"


def _of_tasks(owner: Owner) -> tuple[Entry, ...]:
    """What start tasks and tasks have in common."""
    return (
        Entry(owner, "containerSettings", "refused", _CONTAINERS),
        Entry(owner, "resourceFiles[].autoStorageContainerName", "refused", _AUTO_STORAGE),
        Entry(owner, "resourceFiles[].identityReference", "refused", _IDENTITIES),
        Entry(owner, "userIdentity.username", "refused", _USERS),
        Entry(owner, "userIdentity.autoUser.scope", "accepted", _AUTO_USER),
        Entry(owner, "userIdentity.autoUser.elevationLevel", "accepted", _AUTO_USER),
    )


TABLE: Final[tuple[Entry, ...]] = (
    Entry("pool", "enableAutoScale", "refused", "autoscale is not supported yet; give targets", (False,)),
    Entry("pool", "autoScaleFormula", "refused", "autoscale is not supported yet; give targets"),
    Entry("pool", "autoScaleEvaluationInterval", "refused", "autoscale is not supported yet"),
    Entry("pool", "applicationPackageReferences", "refused", _PACKAGES),
    Entry("pool", "userAccounts", "refused", _USERS),
    Entry("pool", "mountConfiguration", "refused", "mounts are not supported yet"),
    Entry("pool", "networkConfiguration.subnetId", "refused", _NETWORKS),
    Entry("pool", "networkConfiguration.dynamicVNetAssignmentScope", "refused", _NETWORKS, ("none",)),
    Entry(
        "pool",
        "networkConfiguration.endpointConfiguration.inboundNATPools",
        "refused",
        "inbound endpoints are not supported yet",
    ),
    Entry(
        "pool",
        "networkConfiguration.publicIPAddressConfiguration",
        "accepted",
        "nodes have no public addresses",
    ),
    Entry("pool", "networkConfiguration.enableAcceleratedNetworking", "accepted", "has no effect"),
    Entry("pool", "enableInterNodeCommunication", "accepted", "nodes can always reach each other"),
    Entry("pool", "upgradePolicy", "accepted", "nodes are never upgraded while they live"),
    Entry("pool", f"{_MACHINE}.windowsConfiguration", "refused", "nodes run Linux"),
    Entry("pool", f"{_MACHINE}.containerConfiguration", "refused", _CONTAINERS),
    Entry("pool", f"{_MACHINE}.dataDisks", "refused", "data disks are not supported"),
    Entry("pool", f"{_MACHINE}.extensions", "refused", "extensions are not supported; use a start task"),
    Entry(
        "pool",
        f"{_MACHINE}.diskEncryptionConfiguration.targets",
        "refused",
        "disks are not encrypted by this service",
    ),
    Entry(
        "pool",
        f"{_MACHINE}.diskEncryptionConfiguration.customerManagedKey",
        "refused",
        "disks are not encrypted by this service",
    ),
    Entry("pool", f"{_MACHINE}.securityProfile", "refused", "nodes have no security profile of their own"),
    Entry(
        "pool",
        f"{_MACHINE}.imageReference.virtualMachineImageId",
        "refused",
        "images of one's own do not run here",
    ),
    Entry(
        "pool", f"{_MACHINE}.imageReference.sharedGalleryImageId", "refused", "gallery images do not run here"
    ),
    Entry(
        "pool",
        f"{_MACHINE}.imageReference.communityGalleryImageId",
        "refused",
        "gallery images do not run here",
    ),
    Entry(
        "pool",
        f"{_MACHINE}.imageReference.version",
        "accepted",
        "an image stands for a Linux node of this machine",
    ),
    Entry("pool", f"{_MACHINE}.licenseType", "accepted", "has no effect"),
    Entry("pool", f"{_MACHINE}.nodePlacementConfiguration", "accepted", "there is one zone"),
    Entry("pool", f"{_MACHINE}.osDisk", "accepted", "nodes use the disk that holds the data directory"),
    Entry("pool", f"{_MACHINE}.serviceArtifactReference", "accepted", "has no effect"),
    *_of_tasks("start task"),
    Entry("job", "usesTaskDependencies", "refused", _DEPENDENCIES, (False,)),
    Entry("job", "allowTaskPreemption", "refused", "preemption is not supported yet", (False,)),
    Entry("job", "jobManagerTask", "refused", "job manager tasks are not supported yet; add a task"),
    Entry("job", "jobPreparationTask", "refused", "job preparation is not supported yet; use a start task"),
    Entry("job", "jobReleaseTask", "refused", "job release is not supported yet"),
    Entry(
        "job", "poolInfo.autoPoolSpecification", "refused", "auto pools are not supported yet; give poolId"
    ),
    Entry("job", "onTaskFailure", "refused", "exit conditions are not supported yet", ("noaction",)),
    Entry("job", "networkConfiguration", "refused", _NETWORKS),
    *_of_tasks("task"),
    Entry("task", "applicationPackageReferences", "refused", _PACKAGES),
    Entry("task", "outputFiles", "refused", "output files are not supported yet; upload in the command line"),
    Entry("task", "exitConditions", "refused", "exit conditions are not supported yet"),
    Entry("task", "dependsOn.taskIds", "refused", _DEPENDENCIES),
    Entry("task", "dependsOn.taskIdRanges", "refused", _DEPENDENCIES),
    Entry("task", "multiInstanceSettings", "refused", "multi-instance tasks are not supported yet"),
    Entry("task", "affinityInfo", "accepted", "tasks go to any node with free slots"),
    Entry("task", "constraints.retentionTime", "accepted", "directories stay until task, job or node go"),
)


@dataclass(frozen=True, slots=True)
class _Step:
    attribute: str
    wire_name: str
    is_list: bool


def _compiled(entry: Entry) -> tuple[_Step, ...]:
    """The attributes along the path; a path that the models do not have is a KeyError."""
    node = shapes.described(MODELS[entry.owner])
    steps = []
    for part in entry.path.split("."):
        name, is_list = part.removesuffix("[]"), part.endswith("[]")
        field = shapes.fields(node)[name]
        steps.append(_Step(field.name, name, is_list))
        node = (shapes.item(field.type) if is_list else None) or field.type
    return tuple(steps)


@functools.cache
def _refused(owner: Owner) -> tuple[tuple[Entry, tuple[_Step, ...]], ...]:
    """Costs some milliseconds, so it is done at the first request and not at start-up."""
    return tuple(
        (entry, _compiled(entry)) for entry in TABLE if (entry.owner, entry.treatment) == (owner, "refused")
    )


def check(owner: Owner, model: Model, prefix: str = "") -> None:
    """Refuse by name what cannot be honoured. `prefix` goes before the names in errors."""
    for entry, steps in _refused(owner):
        if getattr(model, steps[0].attribute) is msgspec.UNSET:
            continue
        for path, value in _values(model, steps, prefix):
            if value not in entry.off:
                raise unsupported_property(path, f"{entry.note}.", value)


def _values(model: object, steps: tuple[_Step, ...], prefix: str) -> Iterator[tuple[str, object]]:
    """Every given value at the end of the path and where exactly it stands."""
    step, rest = steps[0], steps[1:]
    value = getattr(model, step.attribute)
    if value is msgspec.UNSET or value is None or value == ():
        return
    path = prefix + step.wire_name
    if not rest:
        yield path, value
    elif step.is_list:
        for index, item in enumerate(value):
            yield from _values(item, rest, f"{path}[{index}].")
    else:
        yield from _values(value, rest, f"{path}.")
