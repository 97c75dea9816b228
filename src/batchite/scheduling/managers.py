"""The manager task of a job: an ordinary task that goes before the others of its job, whatever these take,
and is alone on its node unless it says otherwise.

One that is alone takes all slots of its node, for placement and for the node's agent; it is counted by those
that its definition says. As it is in a lane of its own, which the store does not know, it is read with those
of its slots, and put there.
"""

from __future__ import annotations

from dataclasses import replace

from batchite.scheduling.state import ShardState
from batchite.scheduling.windows import QueuedTask


def fitted(task: QueuedTask, slots: int) -> QueuedTask:
    """The task as it is placed on nodes with so many slots."""
    manager = task.rules.manager
    if manager is None or not manager.runs_alone or task.slots == slots:
        return task
    return replace(task, slots=slots, counted=task.counted_slots)


def fit(state: ShardState) -> None:
    """Have managers that wait take what they are to take of nodes of the pool, which may be another than when
    they were read; call it before tasks are placed."""
    if state.pool is None:
        return
    slots = state.pool.rules.slots_per_node
    for job in state.jobs.values():
        for lane in [lane for lane in job.windows if lane.is_of_managers and lane.slots != slots]:
            for task in job.windows.pop(lane).waiting:
                fits = fitted(task, slots)
                job.window(fits.lane).put_back(fits)


def needs_dedicated(task: QueuedTask) -> bool:
    """Whether a low-priority node is no good for it."""
    return task.rules.manager is not None and not task.rules.manager.takes_low_priority
