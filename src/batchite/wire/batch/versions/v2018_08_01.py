"""What 2018-08-01.7.0 did otherwise than 2018-12-01.8.0."""

from __future__ import annotations

from batchite.wire.batch.models.job_tasks import BatchJobReleaseTask
from batchite.wire.batch.models.jobs import JobShape
from batchite.wire.batch.models.machines import VirtualMachineConfiguration
from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.models.statistics import BatchPoolUsageMetrics
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.batch.models.transfers import ResourceFile
from batchite.wire.batch.models.users import UserAccount
from batchite.wire.batch.versions.changes import Change, Default, Kept, New, Renamed, Required, Shown
from batchite.wire.batch.versions.cloud_services import TargetVersions
from batchite.wire.ticks import INFINITE

CHANGES: tuple[Change, ...] = (
    TargetVersions(),
    Required(ResourceFile, "blobSource", "filePath"),
    Renamed(ResourceFile, blobSource="httpUrl"),
    New(ResourceFile, "autoStorageContainerName", "storageContainerUrl", "blobPrefix"),
    New(JobShape, "networkConfiguration"),
    New(NetworkConfiguration, "dynamicVNetAssignmentScope"),
    New(UserAccount, "windowsUserConfiguration"),
    Renamed(VirtualMachineConfiguration, osDisk="formerOSDisk"),
    Kept(
        VirtualMachineConfiguration,
        "formerOSDisk",
        "nodes use the disk that holds the data directory",
        called="osDisk",
    ),
    Shown(BatchPoolUsageMetrics, dataIngressGiB=0.0, dataEgressGiB=0.0),
    Default(BatchTaskConstraints, retentionTime=str(INFINITE)),
    Default(BatchJobReleaseTask, retentionTime=str(INFINITE)),
)
