"""What 2023-11-01.18.0 did otherwise than 2024-02-01.19.0."""

from __future__ import annotations

from batchite.wire.batch.models.counts import BatchNodeCounts
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.versions.changes import Change, New

CHANGES: tuple[Change, ...] = (
    New(PoolShape, "upgradePolicy"),
    New(BatchNodeCounts, "upgradingOS"),
)
