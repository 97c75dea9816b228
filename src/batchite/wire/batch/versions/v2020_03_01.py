"""What 2020-03-01.11.0 did otherwise than 2020-09-01.12.0."""

from __future__ import annotations

from batchite.wire.batch.models.commands import TaskShape
from batchite.wire.batch.models.counts import BatchTaskCountsResult
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.pools import PoolShape
from batchite.wire.batch.versions.changes import Change, Moved, New, Renamed

CHANGES: tuple[Change, ...] = (
    Renamed(PoolShape, maxTasksPerNode="taskSlotsPerNode"),
    New(TaskShape, "requiredSlots"),
    New(BatchNode, "runningTaskSlotsCount"),
    New(BatchTaskCountsResult, "taskSlotCounts"),
    Moved(
        BatchTaskCountsResult,
        active="taskCounts.active",
        running="taskCounts.running",
        completed="taskCounts.completed",
        succeeded="taskCounts.succeeded",
        failed="taskCounts.failed",
    ),
)
