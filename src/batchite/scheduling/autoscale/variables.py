"""The names that formulas find: sampled variables, and those by which they say what a pool is to have.

The service's own names are found without regard to case, names of the past too. A variable of the formula
keeps its case, and stands before a service's that differs in case only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, Literal, get_args

Deallocation = Literal["requeue", "terminate", "taskcompletion", "retaineddata"]
DEALLOCATIONS: Final[tuple[Deallocation, ...]] = get_args(Deallocation)

TARGET_DEDICATED: Final = "$TargetDedicatedNodes"
TARGET_LOW_PRIORITY: Final = "$TargetLowPriorityNodes"
DEALLOCATION: Final = "$NodeDeallocationOption"

OF_TASKS: Final = ("$ActiveTasks", "$RunningTasks", "$PendingTasks", "$SucceededTasks", "$FailedTasks")
OF_NODES: Final = (
    "$CurrentDedicatedNodes",
    "$CurrentLowPriorityNodes",
    "$PreemptedNodeCount",
    "$UsableNodeCount",
    "$TaskSlotsPerNode",
)
MEASURED: Final = (
    "$CPUPercent",
    "$WallClockSeconds",
    "$MemoryBytes",
    "$DiskBytes",
    "$DiskReadBytes",
    "$DiskWriteBytes",
    "$DiskReadOps",
    "$DiskWriteOps",
    "$NetworkInBytes",
    "$NetworkOutBytes",
    "$SampleNodeCount",
)
"""On the nodes."""
OURS: Final = ("$ActiveTaskSlots", "$PendingTaskSlots")
"""The cloud does not know these: tasks by the slots that they take."""
SAMPLED: Final = OF_TASKS + OF_NODES + MEASURED + OURS
SLOTS_PER_NODE: Final = "$TaskSlotsPerNode"
"""Known of a pool without a sample."""


def _folded(names: Iterable[str]) -> dict[str, str]:
    return {name.lower(): name for name in names}


_OLD: Final[Mapping[str, str]] = {
    "$currentdedicated": "$CurrentDedicatedNodes",
    "$currentlowpriority": "$CurrentLowPriorityNodes",
}
_SAMPLED: Final[Mapping[str, str]] = {**_folded(SAMPLED), **_OLD}
_FULL: Final = _folded([TARGET_DEDICATED, TARGET_LOW_PRIORITY, DEALLOCATION])
_WRITABLE: Final[Mapping[str, str]] = {
    **_FULL,
    "$targetdedicated": TARGET_DEDICATED,
    "$targetlowpriority": TARGET_LOW_PRIORITY,
}
_SPELLED: Final = frozenset((*SAMPLED, "$CurrentDedicated", "$CurrentLowPriority"))


def sampled(name: str) -> str | None:
    """Its name in full, if it is a sampled variable."""
    return _SAMPLED.get(name.lower())


def writable(name: str) -> str | None:
    """Its name in full, if a pool's size goes by it."""
    return _WRITABLE.get(name.lower())


def is_old(name: str) -> bool:
    """Of those that are written: an older one, which gives way to the name in full."""
    return writable(name) is not None and name.lower() not in _FULL


def is_read_only(name: str) -> bool:
    """Spelled as the service's own, which no formula assigns."""
    return name in _SPELLED
