"""What 2019-08-01.10.0 did otherwise than 2020-03-01.11.0."""

from __future__ import annotations

from batchite.wire.batch.models.machines import VirtualMachineConfiguration
from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.versions.changes import Change, Moved, New

CHANGES: tuple[Change, ...] = (
    New(VirtualMachineConfiguration, "diskEncryptionConfiguration"),
    Moved(NetworkConfiguration, publicIPs="publicIPAddressConfiguration.ipAddressIds"),
)
