"""What 2024-02-01.19.0 did otherwise than 2024-07-01.20.0."""

from __future__ import annotations

from batchite.wire.batch.models.containers import BatchTaskContainerSettings
from batchite.wire.batch.models.counts import BatchNodeCounts
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.job_schedules import BatchJobScheduleReplaceOptions
from batchite.wire.batch.models.jobs import BatchJobUpdateOptions
from batchite.wire.batch.models.machines import ManagedDisk
from batchite.wire.batch.models.networks import BatchJobNetworkConfiguration
from batchite.wire.batch.models.pools import BatchPoolUpdateOptions, PoolShape
from batchite.wire.batch.versions.changes import Change, Kept, New, Required
from batchite.wire.batch.versions.cloud_services import CloudServices

CHANGES: tuple[Change, ...] = (
    CloudServices(),
    Kept(PoolShape, "applicationLicenses", "nodes come without licences; tasks bring their own"),
    New(
        BatchPoolUpdateOptions,
        "displayName",
        "vmSize",
        "virtualMachineConfiguration",
        "enableInterNodeCommunication",
        "networkConfiguration",
        "taskSlotsPerNode",
        "taskSchedulingPolicy",
        "userAccounts",
        "mountConfiguration",
        "upgradePolicy",
        "resourceTags",
    ),
    New(BatchVmImageReference, "sharedGalleryImageId", "communityGalleryImageId"),
    New(ManagedDisk, "securityProfile"),
    New(BatchJobNetworkConfiguration, "skipWithdrawFromVNet"),
    New(BatchJobUpdateOptions, "networkConfiguration"),
    Required(BatchJobScheduleReplaceOptions, "schedule"),
    New(BatchNodeCounts, "deallocated", "deallocating"),
    New(BatchTaskContainerSettings, "containerHostBatchBindMounts"),
)
