"""What 2024-07-01.20.0 did otherwise than 2025-06-01."""

from __future__ import annotations

from batchite.wire.batch.models.commands import TaskShape
from batchite.wire.batch.models.machines import (
    DataDisk,
    DiskEncryptionConfiguration,
    ManagedDisk,
    SecurityProfile,
)
from batchite.wire.batch.models.networks import (
    BatchNodeRemoteLoginSettings,
    BatchPublicIpAddressConfiguration,
)
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.pools import (
    BatchPool,
    BatchPoolUpdateOptions,
    BatchTaskSchedulingPolicy,
    PoolChangeShape,
    PoolShape,
)
from batchite.wire.batch.versions.changes import Change, Kept, Moved, New, Shown

_POOLS = PoolShape, PoolChangeShape

CHANGES: tuple[Change, ...] = (
    Kept(_POOLS, "certificateReferences", "nodes get no certificates; fetch them with resourceFiles"),
    Kept((PoolShape, BatchPoolUpdateOptions), "resourceTags", "there are no resources of a cloud to tag"),
    Kept(_POOLS, "targetNodeCommunicationMode", "nodes call the service, never the reverse"),
    Shown(BatchPool, currentNodeCommunicationMode="simplified"),
    Kept(TaskShape, "authenticationTokenSettings"),
    Shown(BatchNode, certificateReferences=[]),
    New(BatchNode, "ipv6Address"),
    New(BatchNodeRemoteLoginSettings, "ipv6RemoteLoginIPAddress", "ipv6RemoteLoginPort"),
    New(BatchTaskSchedulingPolicy, "jobDefaultOrder"),
    New(BatchPublicIpAddressConfiguration, "ipFamilies", "ipTags"),
    Moved(DataDisk, storageAccountType="managedDisk.storageAccountType"),
    New(ManagedDisk, "diskEncryptionSet"),
    New(DiskEncryptionConfiguration, "customerManagedKey"),
    New(SecurityProfile, "proxyAgentSettings"),
)
