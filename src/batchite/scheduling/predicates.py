"""What keeps a task from being started: the reason, or None where nothing does.

Placement goes by these and by nothing else, and so does whoever explains what waits.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from batchite.scheduling import reasons
from batchite.scheduling.reasons import Reason
from batchite.scheduling.state import JobState, NodePhase, NodeState, ShardState

OF_JOB: Final[Mapping[str, Reason]] = {
    "disabled": reasons.JobDisabled(),
    "disabling": reasons.JobDisabled(),
    "enabling": reasons.JobDisabled(),
    "terminating": reasons.JobEnding("terminating"),
    "deleting": reasons.JobEnding("deleting"),
}
"""Of the states in which a job starts nothing."""
OF_NODE: Final[Mapping[NodePhase, Reason]] = {
    "creating": reasons.NodeCreating(),
    "starting": reasons.NodeStarting(),
    "waitingforstarttask": reasons.NodeWaitsForStartTask(),
    "starttaskfailed": reasons.NodeStartTaskFailed(),
    "leavingpool": reasons.NodeLeaving(),
}
"""Of the states in which a node takes nothing."""
_GIVEN_UP: Final = reasons.NodeGivenUp()
_OUT_OF_CONTACT: Final = reasons.NodeOutOfContact()
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
    reason = OF_NODE.get(node.phase)
    if reason is not None:
        return reason
    if node.is_given_up:
        return _GIVEN_UP
    return None if node.connected else _OUT_OF_CONTACT


def why_not(wanted: int, slots: int, free: int) -> Reason | None:
    """Why a task that takes so many slots has no place on a node that has so many, of them so many to give.

    Ahead of its slots a node has more to give than it has, but nothing to a task that could never run on it.
    """
    if wanted > slots:
        return reasons.NodeTooSmall(wanted, slots)
    return reasons.SlotsTaken(wanted, free) if wanted > free else None
