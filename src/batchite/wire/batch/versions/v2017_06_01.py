"""What 2017-06-01.5.1 did otherwise than 2017-09-01.6.0."""

from __future__ import annotations

from batchite.wire.batch.models.commands import CommandShape
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.machines import VirtualMachineConfiguration
from batchite.wire.batch.models.start_tasks import BatchStartTaskInfo
from batchite.wire.batch.models.task_rules import MultiInstanceSettings
from batchite.wire.batch.models.tasks import BatchTaskExecutionInfo
from batchite.wire.batch.versions.changes import Change, Gone, New, Required

CHANGES: tuple[Change, ...] = (
    New(CommandShape, "containerSettings"),
    New((BatchStartTaskInfo, BatchTaskExecutionInfo), "containerInfo"),
    New(VirtualMachineConfiguration, "dataDisks", "licenseType", "containerConfiguration"),
    Gone(VirtualMachineConfiguration, "osDisk", "refused", "images of one's own do not run here"),
    New(BatchVmImageReference, "virtualMachineImageId"),
    Required(BatchVmImageReference, "publisher", "offer", "sku"),
    Required(MultiInstanceSettings, "numberOfInstances"),
)
