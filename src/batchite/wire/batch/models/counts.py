"""Numbers of tasks and nodes per state."""

from __future__ import annotations

from msgspec import UNSET, field

from batchite.wire.batch.models.fields import Given, Int32, Model


class TaskStateCounts(Model, frozen=True, kw_only=True):
    """Numbers per state of tasks; completed = succeeded + failed."""

    active: Int32
    running: Int32
    completed: Int32
    succeeded: Int32
    failed: Int32


class BatchTaskCounts(TaskStateCounts, frozen=True, kw_only=True):
    """Tasks per state."""


class BatchTaskSlotCounts(TaskStateCounts, frozen=True, kw_only=True):
    """Slots per state of the tasks that need them."""


class BatchTaskCountsResult(Model, frozen=True, kw_only=True):
    """Counts of tasks and of their slots."""

    task_counts: BatchTaskCounts
    task_slot_counts: BatchTaskSlotCounts


class BatchNodeCounts(Model, frozen=True, kw_only=True):
    """Nodes per state."""

    creating: Int32
    idle: Int32
    offline: Int32
    preempted: Int32
    rebooting: Int32
    reimaging: Int32
    running: Int32
    starting: Int32
    start_task_failed: Int32
    leaving_pool: Int32
    unknown: Int32
    unusable: Int32
    waiting_for_start_task: Int32
    deallocated: Int32
    deallocating: Int32
    total: Int32
    upgrading_os: Int32 = field(name="upgradingOS")


class BatchPoolNodeCounts(Model, frozen=True, kw_only=True):
    """Nodes per state of one pool."""

    pool_id: str
    dedicated: Given[BatchNodeCounts] = UNSET
    low_priority: Given[BatchNodeCounts] = UNSET
