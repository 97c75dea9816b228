"""Which nodes go when a pool has too many: those of no use, then those with the least to lose.

In this order: nodes that are of no use (their boot or their start task failed, they do not answer, are
deallocated, or are to take no tasks); that have not been begun; that come up; that are idle. Of nodes with
tasks those come first on which no job manager runs, then those with fewer tasks that run, then those whose
tasks have run for less time together, slot by slot. Among equals the youngest node goes first.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from batchite.scheduling.state import Assignment, NodePhase, NodeState

_USELESS: Final[tuple[NodePhase, ...]] = (
    "starttaskfailed",
    "unusable",
    "deallocating",
    "deallocated",
    "preempted",
)
_BOOTING: Final[tuple[NodePhase, ...]] = ("starting", "rebooting", "reimaging", "waitingforstarttask")


def order(nodes: Iterable[NodeState], at: int) -> list[NodeState]:
    """The first to go first."""
    return sorted(nodes, key=lambda node: (_use(node), *_loss(node, at), -node.number))


def _use(node: NodeState) -> int:
    if node.phase in _USELESS or node.is_given_up or node.is_disabled:
        return 0
    if node.phase == "creating":
        return 1
    if node.phase in _BOOTING:
        return 2
    return 4 if node.assignments else 3


def _loss(node: NodeState, at: int) -> tuple[bool, int, int]:
    """What would be lost if its tasks were ended."""
    running = [one for one in node.assignments.values() if one.started is not None]
    spent = sum((at - (one.started or at)) * one.task.slots for one in running)
    return any(map(_is_manager, running)), len(running), spent


def _is_manager(assignment: Assignment) -> bool:
    return assignment.task.rules.manager is not None
