"""Tasks that give way to others which have no room: they are ended, and wait to run again.

A job that permits it (`allowTaskPreemption`) gives way to jobs of higher priority, and a job to its own
manager that is run again. What is being ended already, for whatever reason, is room that comes, and it is
promised to those who wait in their order before anything more is ended; so asking again at the next turn ends
nothing twice. Priorities have to differ for one to give way, so no two jobs do it in turns.

Source: the documentation of `allowTaskPreemption` and of job manager tasks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final, NamedTuple

from batchite.scheduling.assignments import end
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.ending import Ending
from batchite.scheduling.managers import needs_dedicated
from batchite.scheduling.predicates import why_not_dedicated, why_not_there
from batchite.scheduling.state import Assignment, JobState, NodeState, ShardState
from batchite.scheduling.windows import QueuedTask
from batchite.wire.batch.outcome import Failure

GAVE_WAY: Final = Ending(
    "requeue",
    False,
    Failure("servererror", "TaskEnded", "The task gave way to one that goes first, and waits to run again."),
    counts=False,
)
MOST: Final = 64
"""Tasks for which room is made in one turn; their ends bring the next."""


class _Room(NamedTuple):
    """What a node would have for a task, and who would have to give way for it."""

    node: NodeState
    ended: Sequence[Assignment]

    @property
    def cost(self) -> tuple[int, int, int]:
        """The highest priority that gives way, then how many do, then whose node comes first."""
        highest = max((one.job.rules.priority for one in self.ended), default=0)
        return highest, len(self.ended), self.node.number


def make_room(
    state: ShardState, jobs: Sequence[JobState], nodes: Sequence[NodeState], decisions: Decisions
) -> None:
    """For tasks that wait although free slots have been given out: of `jobs`, in the order in which they are
    served, on `nodes` that take tasks."""
    if not _may_any(state, jobs):
        return
    coming = {node.id: node.free + sum(map(_freed, node.assignments.values())) for node in nodes}
    for job, task in islice(_waiting(jobs), MOST):
        room = _room_for(job, task, nodes, coming)
        if room is None:
            continue
        for assignment in room.ended:
            end(assignment, GAVE_WAY, decisions)
            coming[room.node.id] += assignment.task.slots
        coming[room.node.id] -= task.slots


def _may_any(state: ShardState, jobs: Sequence[JobState]) -> bool:
    """Whether it is worth looking: mostly no job permits it."""
    lowest = min(
        (job.rules.priority for job in state.jobs.values() if job.rules.gives_way and job.assignments),
        default=None,
    )
    return any(
        (lowest is not None and job.rules.priority > lowest)
        or any(lane.is_of_managers for lane in job.windows)
        for job in jobs
    )


def _freed(assignment: Assignment) -> int:
    return assignment.task.slots if assignment.ending is not None or assignment.recalled else 0


def _waiting(jobs: Sequence[JobState]) -> Iterator[tuple[JobState, QueuedTask]]:
    """As many of each job as it may have on nodes."""
    for job in jobs:
        most = job.rules.max_parallel_tasks
        left = MOST if most < 0 else most - len(job.assignments)
        waiting = [task for window in job.windows.values() for task in islice(window.waiting, MOST)]
        waiting.sort(key=lambda task: (not task.is_manager, task.place))
        for task in waiting[: max(left, 0)]:
            yield job, task


def _room_for(
    job: JobState, task: QueuedTask, nodes: Sequence[NodeState], coming: dict[str, int]
) -> _Room | None:
    """Where the task will have room with the least that gives way; None if nowhere, whatever did."""
    found: list[_Room] = []
    for node in nodes:
        if task.slots > node.slots or why_not_there(job, node) is not None:
            continue
        if why_not_dedicated(needs_dedicated(task), node) is not None:
            continue
        ended = _enough(job, task, node, task.slots - coming[node.id])
        if ended is not None and not ended:
            return _Room(node, ())
        if ended:
            found.append(_Room(node, ended))
    return min(found, key=lambda room: room.cost, default=None)


def _enough(job: JobState, task: QueuedTask, node: NodeState, lacking: int) -> list[Assignment] | None:
    """Those on the node that give way for so many slots more, the lowest and the latest first."""
    ended: list[Assignment] = []
    able = [one for one in node.assignments.values() if _gives_way(one, job, task)] if lacking > 0 else []
    for one in sorted(able, key=lambda one: (one.job.rules.priority, -(one.started or 2**62))):
        if lacking <= 0:
            break
        ended.append(one)
        lacking -= one.task.slots
    return None if lacking > 0 else ended


def _gives_way(one: Assignment, job: JobState, task: QueuedTask) -> bool:
    if one.ending is not None or one.recalled or one.is_preparing:
        return False
    if one.job is job:
        return task.is_manager and not one.task.is_manager and task.attempt > 0
    return one.job.rules.gives_way and one.job.rules.priority < job.rules.priority
