"""What 2023-05-01.17.0 did otherwise than 2023-11-01.18.0."""

from __future__ import annotations

from batchite.wire.batch.models.images import VirtualMachineInfo
from batchite.wire.batch.models.machines import BatchOsDisk, VirtualMachineConfiguration
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.versions.changes import Change, New

CHANGES: tuple[Change, ...] = (
    New(PoolShape, "resourceTags"),
    New(VirtualMachineConfiguration, "securityProfile", "serviceArtifactReference"),
    New(BatchOsDisk, "caching", "managedDisk", "diskSizeGB", "writeAcceleratorEnabled"),
    New(VirtualMachineInfo, "scaleSetVmResourceId"),
)
