"""What a sample of a pool is made of, for its autoscale formula: what its owner knows of nodes, and what the
store counts of tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from batchite.scheduling.predicates import why_none_on
from batchite.scheduling.reasons import NodeOutOfContact
from batchite.scheduling.state import Measured, NodeState, PoolState, ShardState
from batchite.wire.batch.counters import Counters
from batchite.wire.ticks import TICKS_PER_SECOND

STALE_PERIODS = 3
"""After which what a node has said of itself says nothing any more."""
_MEGABYTE, _GIGABYTE = 1024**2, 1024**3
COUNTERS: Final[Mapping[str, str]] = {
    "$DiskReadBytes": "bytes_read",
    "$DiskWriteBytes": "bytes_written",
    "$DiskReadOps": "reads",
    "$DiskWriteOps": "writes",
    "$NetworkInBytes": "received",
    "$NetworkOutBytes": "sent",
}
"""Variables that say how much there was of something since the sample before, by what agents count."""
WALL_CLOCK: Final = "$WallClockSeconds"
"""The same of the time that tasks have run, which the owner knows."""


def _is_usable(node: NodeState) -> bool:
    """Whether it takes tasks, though it may be out of contact for a moment, as after a restart."""
    reason = why_none_on(node)
    return reason is None or isinstance(reason, NodeOutOfContact)


def measured(state: ShardState, pool: PoolState, at: int) -> dict[str, float]:
    """What the owner knows of nodes."""
    nodes = list(state.nodes.values())
    heard = [node.measured for node in nodes if node.measured is not None]
    fresh = [one for one in heard if at - one.at < STALE_PERIODS * state.sample_period]
    dedicated = sum(node.dedicated for node in nodes)
    known = {
        "$CurrentDedicatedNodes": float(dedicated),
        "$CurrentLowPriorityNodes": float(len(nodes) - dedicated),
        "$PreemptedNodeCount": float(sum(node.phase == "preempted" for node in nodes)),
        "$UsableNodeCount": float(sum(_is_usable(node) for node in nodes)),
        "$TaskSlotsPerNode": float(pool.rules.slots_per_node),
        "$SampleNodeCount": float(len(fresh)),
    }
    averages = {
        "$CPUPercent": [one.load for one in fresh if one.load is not None],
        "$MemoryBytes": [one.memory / _MEGABYTE for one in fresh if one.memory is not None],
        "$DiskBytes": [one.disk / _GIGABYTE for one in fresh if one.disk is not None],
    }
    for name in (*COUNTERS, WALL_CLOCK):
        averages[name] = [one.grown[name] for one in fresh if name in one.grown]
    return known | {name: sum(values) / len(values) for name, values in averages.items() if values}


def ran(node: NodeState, at: int) -> int:
    """Ticks that tasks have run on the node, those that have ended there and those that run."""
    running = (one.started for one in node.assignments.values() if one.started is not None)
    return node.ran + sum(max(at - started, 0) for started in running)


def grown(before: Measured | None, now: Counters | None, ran: int) -> Mapping[str, float]:
    """By how much each counter has grown; one that has shrunk, as when a node has booted since or was lost
    with what ran there, says nothing."""
    if before is None:
        return {}
    found = {} if ran < before.ran else {WALL_CLOCK: (ran - before.ran) / TICKS_PER_SECOND}
    if before.counters is None or now is None:
        return found
    for name, field in COUNTERS.items():
        earlier, later = getattr(before.counters, field), getattr(now, field)
        if earlier is not None and later is not None and later >= earlier:
            found[name] = float(later - earlier)
    return found


def counted(rows: Sequence[tuple[int, int, int, int, int]]) -> dict[str, float]:
    """What the store counts of the pool's tasks: slots of each, active, running, succeeded, failed."""
    active, running, succeeded, failed = (float(sum(row[column] for row in rows)) for column in range(1, 5))
    return {
        "$ActiveTasks": active,
        "$RunningTasks": running,
        "$PendingTasks": active + running,
        "$SucceededTasks": succeeded,
        "$FailedTasks": failed,
        "$ActiveTaskSlots": float(sum(slots * row[0] for slots, *row in rows)),
        "$PendingTaskSlots": float(sum(slots * (row[0] + row[1]) for slots, *row in rows)),
    }
