"""What 2024-02-01.19.0 did otherwise than 2024-07-01.20.0."""

from __future__ import annotations

from batchite.wire.batch.models.containers import BatchTaskContainerSettings
from batchite.wire.batch.models.counts import BatchNodeCounts
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.jobs import BatchJobUpdateOptions
from batchite.wire.batch.models.machines import ManagedDisk
from batchite.wire.batch.models.networks import BatchJobNetworkConfiguration
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.versions.changes import Change, Gone, New
from batchite.wire.batch.versions.cloud_services import CloudServices

CHANGES: tuple[Change, ...] = (
    CloudServices(),
    Gone(PoolShape, "applicationLicenses", "refused", "nodes come without licences"),
    New(BatchVmImageReference, "sharedGalleryImageId", "communityGalleryImageId"),
    New(ManagedDisk, "securityProfile"),
    New(BatchJobNetworkConfiguration, "skipWithdrawFromVNet"),
    New(BatchJobUpdateOptions, "networkConfiguration"),
    New(BatchNodeCounts, "deallocated", "deallocating"),
    New(BatchTaskContainerSettings, "containerHostBatchBindMounts"),
)
