"""What 2017-05-01.5.0 did otherwise than 2017-06-01.5.1."""

from __future__ import annotations

from batchite.wire.batch.models.networks import NetworkConfiguration
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.versions.changes import Change, New

CHANGES: tuple[Change, ...] = (
    New(NetworkConfiguration, "endpointConfiguration"),
    New(BatchNode, "endpointConfiguration"),
)
