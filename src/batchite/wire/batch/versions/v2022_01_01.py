"""What 2022-01-01.15.0 did otherwise than 2022-10-01.16.0."""

from __future__ import annotations

from batchite.wire.batch.models.pools import BatchPool, PoolChangeShape, PoolShape
from batchite.wire.batch.versions.changes import Change, New

CHANGES: tuple[Change, ...] = (
    New((PoolShape, PoolChangeShape), "targetNodeCommunicationMode"),
    New(BatchPool, "currentNodeCommunicationMode"),
)
