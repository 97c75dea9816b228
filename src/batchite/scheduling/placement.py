"""Which task goes to which node next.

Jobs of higher priority come first; among equal priorities jobs take turns, or the older one goes
first where the pool says so. Within a job tasks go by rank, and in the order they were added. A task that
no node has room for at present does not hold up smaller ones. What a task, a job or a node is kept from, and
why, is said by `predicates` alone.
"""

from __future__ import annotations

import heapq
from itertools import groupby
from operator import attrgetter

from batchite.scheduling.assignments import assign
from batchite.scheduling.changes import Leased
from batchite.scheduling.decisions import Decisions, ReadWindow
from batchite.scheduling.effects import RecallTask, RunTask
from batchite.scheduling.predicates import why_none_of, why_none_on, why_not
from batchite.scheduling.state import (
    WINDOW,
    WINDOW_BYTES,
    JobState,
    NodeState,
    QueuedTask,
    ShardState,
    Window,
)

_place = attrgetter("place")

MAX_AHEAD = 32
"""Tasks a node may hold beyond its free slots."""
AHEAD_TICKS = 400_000
"""Work worth having on a node ahead of a free slot: 40 ms, a few round trips to the service."""


def place(state: ShardState, decisions: Decisions) -> None:
    """Give waiting tasks to nodes: into free slots, then ahead of them where tasks are short."""
    pool = state.pool
    if pool is None:  # as `predicates.why_none`
        return
    nodes = [node for node in state.nodes.values() if why_none_on(node) is None]
    if not nodes:
        return
    jobs = _in_order(state)
    roomy = _Room(nodes, spread=pool.rules.fill == "spread")
    _fill(state, jobs, roomy, decisions)
    if roomy.is_full:
        _fill(state, jobs, _Room(nodes, spread=True, ahead=True), decisions)
    else:
        _recall(nodes, roomy, decisions)
    for job in jobs:
        _read_on(job, decisions)


def ahead_limit(node: NodeState) -> int:
    """How many slots' worth of tasks the node may hold beyond its own; none unless its tasks are short."""
    return min(MAX_AHEAD, AHEAD_TICKS // max(node.pace, 1)) * node.slots


class _Room:
    """Nodes with free slots, the next one to use on top."""

    def __init__(self, nodes: list[NodeState], *, spread: bool, ahead: bool = False) -> None:
        self._sign = -1 if spread else 1
        self._ahead = ahead
        self._heap = [
            (self._sign * free, node.number, node) for node in nodes if (free := self._free(node)) > 0
        ]
        heapq.heapify(self._heap)

    def _free(self, node: NodeState) -> int:
        return node.free + ahead_limit(node) if self._ahead else node.free

    @property
    def is_full(self) -> bool:
        return not self._heap

    @property
    def free(self) -> int:
        """Free slots of all nodes together."""
        return sum(abs(entry[0]) for entry in self._heap)

    def take(self, slots: int) -> NodeState | None:
        """The node for a task of that many slots; the caller assigns it at once and calls `put`."""
        if not self._heap:
            return None
        free, _, node = self._heap[0]
        if why_not(slots, node.slots, abs(free)) is None:
            heapq.heappop(self._heap)
            return node
        # the roomiest node is on top where tasks are spread: no other has more
        return None if self._sign < 0 else self._search(slots)

    def _search(self, slots: int) -> NodeState | None:
        """As `take`, past nodes with too little room."""
        fitting = [entry for entry in self._heap if why_not(slots, entry[2].slots, abs(entry[0])) is None]
        if not fitting:
            return None
        found = min(fitting)
        self._heap.remove(found)
        heapq.heapify(self._heap)
        return found[2]

    def put(self, node: NodeState) -> None:
        if (free := self._free(node)) > 0:
            heapq.heappush(self._heap, (self._sign * free, node.number, node))


def _in_order(state: ShardState) -> list[JobState]:
    """Jobs that may start tasks: by priority, then the one after the last served first."""
    jobs = [job for job in state.jobs.values() if why_none_of(job) is None and job.windows]
    oldest_first = state.pool is not None and state.pool.rules.oldest_job_first

    def rank(job: JobState) -> tuple[int, bool, int]:
        return -job.rules.priority, not oldest_first and job.number <= state.turn, job.number

    return sorted(jobs, key=rank)


def _fill(state: ShardState, jobs: list[JobState], room: _Room, decisions: Decisions) -> None:
    pool = state.pool
    take_turns = pool is not None and not pool.rules.oldest_job_first
    for _, group in groupby(jobs, key=lambda job: job.rules.priority):
        members = list(group)
        while members and not room.is_full:
            if take_turns:
                members = [job for job in members if _assign_next(state, job, room, decisions)]
            elif not _assign_next(state, members[0], room, decisions):
                del members[0]


def _assign_next(state: ShardState, job: JobState, room: _Room, decisions: Decisions) -> bool:
    if why_none_of(job) is not None:
        return False
    for window in _by_next_task(job):
        node = room.take(window.lane.slots)
        if node is not None:
            _lease(state, job, node, window.pop(), decisions)
            room.put(node)
            state.turn = job.number
            return True
    return False


def _by_next_task(job: JobState) -> list[Window]:
    waiting = [window for window in job.windows.values() if len(window)]
    if len(waiting) > 1:
        waiting.sort(key=_place)
    return waiting


def _lease(state: ShardState, job: JobState, node: NodeState, task: QueuedTask, decisions: Decisions) -> None:
    assignment = assign(state, job, node, task, task.attempt + 1)
    decisions.changes.leased.append(Leased(task.number, assignment.attempt, node.number, node.id))
    decisions.effects.append(RunTask(node.id, job.number, assignment.attempt, task))


def _recall(nodes: list[NodeState], room: _Room, decisions: Decisions) -> None:
    """Fetch tasks back that wait on a full node while another has slots and nothing to do."""
    wanted = room.free
    for node in nodes:
        surplus = node.used - node.slots
        for assignment in reversed(list(node.assignments.values())) if surplus > 0 else ():
            if wanted <= 0 or surplus <= 0:
                break
            if assignment.started is None and assignment.ending is None:
                surplus -= assignment.task.slots
                wanted -= assignment.task.slots
                if not assignment.recalled:
                    assignment.recalled = True
                    decisions.effects.append(RecallTask(node.id, assignment.task.number, assignment.attempt))


def _read_on(job: JobState, decisions: Decisions) -> None:
    for window in job.windows.values():
        if window.is_low:
            limit = WINDOW - len(window)
            size = WINDOW_BYTES - window.size
            decisions.reads.append(ReadWindow(job.number, window.lane, window.cursor, limit, size))
