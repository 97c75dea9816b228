"""What 2020-09-01.12.0 did otherwise than 2021-06-01.14.0."""

from __future__ import annotations

from batchite.wire.batch.models.containers import ContainerRegistryReference
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.jobs import BatchJobUpdateOptions, JobShape
from batchite.wire.batch.models.logs import UploadBatchServiceLogsOptions
from batchite.wire.batch.models.machines import VirtualMachineConfiguration
from batchite.wire.batch.models.mounts import AzureBlobFileSystemConfiguration
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.pools import BatchPool
from batchite.wire.batch.models.transfers import OutputFileBlobContainerDestination, ResourceFile
from batchite.wire.batch.versions.changes import Change, New, Required

CHANGES: tuple[Change, ...] = (
    New(BatchPool, "identity"),
    New(BatchNode, "virtualMachineInfo"),
    New(VirtualMachineConfiguration, "nodePlacementConfiguration", "extensions", "osDisk"),
    New(BatchVmImageReference, "exactVersion"),
    New((JobShape, BatchJobUpdateOptions), "maxParallelTasks"),
    New((ResourceFile, OutputFileBlobContainerDestination), "identityReference"),
    New(UploadBatchServiceLogsOptions, "identityReference"),
    New(AzureBlobFileSystemConfiguration, "identityReference"),
    New(ContainerRegistryReference, "identityReference"),
    Required(ContainerRegistryReference, "username", "password"),
)
