"""What 2022-10-01.16.0 did otherwise than 2023-05-01.17.0."""

from __future__ import annotations

from batchite.wire.batch.models.machines import VMExtension
from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.versions.changes import Change, New

CHANGES: tuple[Change, ...] = (
    New(NetworkConfiguration, "enableAcceleratedNetworking"),
    New(VMExtension, "enableAutomaticUpgrade"),
)
