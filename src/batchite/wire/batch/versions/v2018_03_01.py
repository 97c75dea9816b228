"""What 2018-03-01.6.1 did otherwise than 2018-08-01.7.0."""

from __future__ import annotations

from batchite.wire.batch.models.containers import BatchContainerConfiguration
from batchite.wire.batch.models.counts import BatchTaskCountsResult
from batchite.wire.batch.models.machines import DataDisk
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.versions.changes import Change, Default, New, Shown, Valued

CHANGES: tuple[Change, ...] = (
    New(BatchNode, "nodeAgentInfo"),
    Shown(BatchTaskCountsResult, validationStatus="validated"),
    Valued(BatchContainerConfiguration, "type", docker="dockerCompatible"),
    Default(DataDisk, caching="none"),
)
