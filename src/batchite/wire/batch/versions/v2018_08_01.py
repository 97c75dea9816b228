"""What 2018-08-01.7.0 did otherwise than 2018-12-01.8.0."""

from __future__ import annotations

from batchite.wire.batch.models.jobs import JobShape
from batchite.wire.batch.models.machines import VirtualMachineConfiguration
from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.models.transfers import ResourceFile
from batchite.wire.batch.models.users import UserAccount
from batchite.wire.batch.versions.changes import Change, Default, Gone, New, Renamed, Required
from batchite.wire.ticks import INFINITE

CHANGES: tuple[Change, ...] = (
    Required(ResourceFile, "blobSource", "filePath"),
    Renamed(ResourceFile, blobSource="httpUrl"),
    New(ResourceFile, "autoStorageContainerName", "storageContainerUrl", "blobPrefix"),
    New(JobShape, "networkConfiguration"),
    New(NetworkConfiguration, "dynamicVNetAssignmentScope"),
    New(UserAccount, "windowsUserConfiguration"),
    Gone(
        VirtualMachineConfiguration, "osDisk", "accepted", "nodes use the disk that holds the data directory"
    ),
    Default(BatchTaskConstraints, retentionTime=str(INFINITE)),
)
