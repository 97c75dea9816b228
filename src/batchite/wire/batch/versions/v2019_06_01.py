"""What 2019-06-01.9.0 did otherwise than 2019-08-01.10.0."""

from __future__ import annotations

from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.models.start_tasks import BatchStartTask
from batchite.wire.batch.versions.changes import Change, Default, New

CHANGES: tuple[Change, ...] = (
    New(PoolShape, "mountConfiguration"),
    New(NetworkConfiguration, "publicIPs"),
    Default(BatchStartTask, waitForSuccess=False),
)
