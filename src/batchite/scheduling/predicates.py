"""What keeps a task from being started: the reason, or None where nothing does.

Placement goes by these and by nothing else, and so does whoever explains what waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from batchite.resources.vacating import PREEMPTED, Vacating
from batchite.scheduling import reasons
from batchite.scheduling.reasons import Reason
from batchite.scheduling.state import JobState, Kept, NodePhase, NodeState, ShardState
from batchite.wire.ticks import Timestamp

OF_JOB: Final[Mapping[str, Reason]] = {
    "disabled": reasons.JobDisabled(),
    "disabling": reasons.JobDisabling(),
    "enabling": reasons.JobEnabling(),
    "terminating": reasons.JobEnding("terminating"),
    "deleting": reasons.JobEnding("deleting"),
}
"""Of the states in which a job starts nothing."""
_DISABLED: Final = reasons.NodeDisabled()
_PREEMPTING: Final = reasons.NodePreempting()
OF_NODE: Final[Mapping[NodePhase, Reason]] = {
    "creating": reasons.NodeCreating(),
    "starting": reasons.NodeStarting(),
    "waitingforstarttask": reasons.NodeWaitsForStartTask(),
    "starttaskfailed": reasons.NodeStartTaskFailed(),
    "rebooting": reasons.NodeRebooting(),
    "reimaging": reasons.NodeReimaging(),
    "unusable": reasons.NodeUnusable(),
    "leavingpool": reasons.NodeLeaving(),
    "deallocating": reasons.NodeDeallocating(),
    "deallocated": reasons.NodeDeallocated(),
    "preempted": reasons.NodePreempted(),
}
"""Of the states in which a node takes nothing."""
_PREPARING: Final = reasons.NodePreparing()
_GIVEN_UP: Final = reasons.NodeGivenUp()
_OUT_OF_CONTACT: Final = reasons.NodeOutOfContact()
_LOW_PRIORITY: Final = reasons.NodeLowPriority()
_NO_POOL: Final = reasons.PoolMissing()


def why_none(state: ShardState) -> Reason | None:
    """Why no task of the shard can start, whichever it is."""
    return _NO_POOL if state.pool is None else None


def why_none_of(job: JobState) -> Reason | None:
    """Why no task of the job may start now."""
    reason = OF_JOB.get(job.state)
    if reason is not None:
        return reason
    most = job.rules.max_parallel_tasks
    return reasons.ParallelTasksReached(most) if 0 <= most <= len(job.assignments) else None


def why_none_on(node: NodeState) -> Reason | None:
    """Why the node takes no task now."""
    if node.vacating is not None:
        return _why_vacating(node, node.vacating)
    reason = OF_NODE.get(node.phase)
    if reason is not None:
        return _PREPARING if node.is_preparing and node.phase == "starting" else reason
    if node.is_disabled:
        return _DISABLED
    if node.is_given_up:
        return _GIVEN_UP
    return None if node.connected else _OUT_OF_CONTACT


def why_not_there(job: JobState, node: NodeState) -> Reason | None:
    """Why no task of the job may start on this node, though it takes those of others."""
    one = job.nodes.get(node.id)
    if one is None or one.standing != "barred":
        return None
    return reasons.NodePreparationFailed(job.id, one.exit_code)


def why_not_dedicated(needs_dedicated: bool, node: NodeState) -> Reason | None:
    """Why a task that may need a dedicated node does not start on this one."""
    return _LOW_PRIORITY if needs_dedicated and not node.dedicated else None


def _why_vacating(node: NodeState, wanted: Vacating) -> Reason:
    if wanted == PREEMPTED:
        return _PREEMPTING
    if node.is_vacated or wanted.ends_tasks:
        return OF_NODE.get(node.phase, _DISABLED)
    return reasons.NodeVacating(wanted.purpose, wanted.option)


def why_not(wanted: int, slots: int, free: int) -> Reason | None:
    """Why a task that takes so many slots has no place on a node that has so many, of them so many to give.

    Ahead of its slots a node has more to give than it has, but nothing to a task that could never run on it.
    """
    if wanted > slots:
        return reasons.NodeTooSmall(wanted, slots)
    return reasons.SlotsTaken(wanted, free) if wanted > free else None


def why_kept(state: ShardState, job: JobState, node: NodeState, wanted: int) -> Reason | None:
    """Why a task of the job, of so many slots, does not take those that the node has free."""
    kept = next((kept for kept in state.kept.values() if kept.node == node.id), None)
    if kept is None or (kept.job, kept.lane.slots) == (job.number, wanted):
        return None
    other = state.jobs.get(kept.job)
    if other is None or other.rules.priority < job.rules.priority:
        return None
    return of_kept(other, kept) if wanted > free_beside(node.free, kept.lane.slots) else None


def of_kept(job: JobState, kept: Kept) -> Reason:
    """That slots are kept for this task of the job."""
    return reasons.SlotsKept(job.id, kept.id, kept.lane.slots, Timestamp(kept.since))


def free_beside(free: int, kept: int) -> int:
    """How many of its free slots a node has to give that keeps so many for one task."""
    return free - kept
