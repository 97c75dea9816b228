"""What 2024-07-01.20.0 did otherwise than 2025-06-01."""

from __future__ import annotations

from batchite.wire.batch.models.commands import TaskShape
from batchite.wire.batch.models.machines import (
    DataDisk,
    DiskEncryptionConfiguration,
    ManagedDisk,
    SecurityProfile,
)
from batchite.wire.batch.models.networks import BatchPublicIpAddressConfiguration
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.pools import BatchPool, BatchTaskSchedulingPolicy, PoolShape
from batchite.wire.batch.versions.changes import Change, Gone, Moved, New, Shown

CHANGES: tuple[Change, ...] = (
    Gone(PoolShape, "certificateReferences", "refused", "certificates are not supported"),
    Gone(PoolShape, "resourceTags", "accepted", "there are no resources of a cloud to tag"),
    Gone(PoolShape, "targetNodeCommunicationMode", "accepted", "nodes call the service, never the reverse"),
    Shown(BatchPool, currentNodeCommunicationMode="simplified"),
    Gone(TaskShape, "authenticationTokenSettings", "refused", "tasks get no token of their own"),
    Shown(BatchNode, certificateReferences=[]),
    New(BatchNode, "ipv6Address"),
    New(BatchTaskSchedulingPolicy, "jobDefaultOrder"),
    New(BatchPublicIpAddressConfiguration, "ipFamilies", "ipTags"),
    Moved(DataDisk, storageAccountType="managedDisk.storageAccountType"),
    New(ManagedDisk, "diskEncryptionSet"),
    New(DiskEncryptionConfiguration, "customerManagedKey"),
    New(SecurityProfile, "proxyAgentSettings"),
)
