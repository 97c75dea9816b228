"""What 2017-06-01.5.1 did otherwise than 2017-09-01.6.0."""

from __future__ import annotations

from batchite.wire.batch.models.commands import CommandShape
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.job_tasks import NodeRunShape
from batchite.wire.batch.models.machines import OSDisk, VirtualMachineConfiguration
from batchite.wire.batch.models.start_tasks import BatchStartTaskInfo
from batchite.wire.batch.models.task_rules import MultiInstanceSettings
from batchite.wire.batch.models.tasks import BatchSubtask, BatchTaskExecutionInfo
from batchite.wire.batch.versions.changes import Change, Kept, New, Required
from batchite.wire.batch.versions.own_disks import OwnDisks

CHANGES: tuple[Change, ...] = (
    New(CommandShape, "containerSettings"),
    New((BatchStartTaskInfo, BatchTaskExecutionInfo, BatchSubtask, NodeRunShape), "containerInfo"),
    New(VirtualMachineConfiguration, "dataDisks", "licenseType", "containerConfiguration"),
    OwnDisks(),
    Required(OSDisk, "imageUris"),
    Kept(
        OSDisk,
        "imageUris",
        "tasks run on what the node agent SKU stands for",
        called="osDisk.imageUris",
        of=VirtualMachineConfiguration,
    ),
    New(BatchVmImageReference, "virtualMachineImageId"),
    Required(MultiInstanceSettings, "numberOfInstances"),
)
