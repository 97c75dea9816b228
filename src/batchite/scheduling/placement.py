"""Which task goes to which node next.

Jobs of higher priority come first; among equal priorities jobs take turns, or the older one goes first where
the pool says so, or they share slots by tag (`sharing`). Within a job tasks go by rank, and in the order they
were added. A task that likes to run on some node goes there if that has room when it is the task's turn, and
else anywhere. One that no node has room for at present does not hold up smaller ones, until it has waited for
some time: then slots are kept for it (`keeping`). What a task, a job or a node is kept from, and why, is said
by `predicates` alone.
"""

from __future__ import annotations

import heapq
from functools import cached_property
from itertools import groupby
from operator import attrgetter

from batchite.scheduling import job_nodes, keeping, managers, sharing, yielding
from batchite.scheduling.assignments import assign, recall
from batchite.scheduling.changes.tasks import Leased, Preparing
from batchite.scheduling.decisions import Decisions, ReadWindow
from batchite.scheduling.effects import RemoveTaskFiles, RunTask
from batchite.scheduling.predicates import (
    free_beside,
    why_none_of,
    why_none_on,
    why_not,
    why_not_dedicated,
    why_not_there,
)
from batchite.scheduling.state import JobState, NodeState, ShardState
from batchite.scheduling.windows import QueuedTask, Window

_place = attrgetter("place")

MAX_AHEAD = 32
"""Tasks a node may hold beyond its free slots."""
AHEAD_TICKS = 400_000
"""Work worth having on a node ahead of a free slot: 40 ms, a few round trips to the service."""


def place(state: ShardState, now: int, decisions: Decisions) -> None:
    """Give waiting tasks to nodes: into free slots, then ahead of them where tasks are short."""
    pool = state.pool
    if pool is None:  # as `predicates.why_none`
        return
    nodes = [node for node in state.nodes.values() if why_none_on(node) is None]
    if not nodes:
        return
    managers.fit(state)
    jobs = _in_order(state)
    large = [job for job in jobs if job.has_large]
    if large or state.kept:
        due = sharing.lowest(state, jobs) if state.share_by else None
        keeping.review(state, large, nodes, now, due)
    roomy = _Room(nodes, spread=pool.rules.fill == "spread")
    _fill(state, jobs, roomy, decisions)
    if roomy.is_full:
        keeps = {kept.node for kept in state.kept.values()}
        others = [node for node in nodes if not node.is_taken and node.id not in keeps]
        _fill(state, jobs, _Room(others, spread=True, ahead=True), decisions)
    else:
        _recall(nodes, roomy, decisions)
    yielding.make_room(state, jobs, nodes, decisions)
    keeping.note(large, now)
    for job in jobs:
        _read_on(job, decisions)


def ahead_limit(node: NodeState) -> int:
    """How many slots' worth of tasks the node may hold beyond its own; none unless its tasks are short."""
    return min(MAX_AHEAD, AHEAD_TICKS // max(node.pace, 1)) * node.slots


class _Room:
    """Nodes with free slots, the next one to use on top."""

    def __init__(self, nodes: list[NodeState], *, spread: bool, ahead: bool = False) -> None:
        self._nodes = nodes
        self._sign = -1 if spread else 1
        self._ahead = ahead
        self._kept: dict[str, int] = {}
        self._heap = [
            (self._sign * free, node.number, node) for node in nodes if (free := self._free(node)) > 0
        ]
        heapq.heapify(self._heap)

    def _free(self, node: NodeState) -> int:
        if self._ahead:
            return node.free + ahead_limit(node)
        return free_beside(node.free, self._kept.get(node.id, 0)) if self._kept else node.free

    def keep(self, node: NodeState, slots: int) -> None:
        """From now on so many slots of the node are for none but who has them kept; 0: none are any more."""
        self._kept[node.id] = slots
        self._heap = [entry for entry in self._heap if entry[2] is not node]
        heapq.heapify(self._heap)
        self.put(node)

    @property
    def is_ahead(self) -> bool:
        """Whether this is beyond free slots."""
        return self._ahead

    @property
    def is_full(self) -> bool:
        return not self._heap

    @property
    def free(self) -> int:
        """Free slots of all nodes together."""
        return sum(abs(entry[0]) for entry in self._heap)

    def take(
        self, slots: int, job: JobState, near: str | None = None, *, dedicated: bool = False
    ) -> NodeState | None:
        """The node for a task of the job, of that many slots: `near` if that suits, and a `dedicated` one if
        it has to be. The caller assigns it at once, calls `put`."""
        if near is not None and (wanted := self._by_id.get(near)) is not None:
            free = self._free(wanted)
            if why_not(slots, wanted.slots, free) is None and self._suits(job, wanted, dedicated):
                self._remove((self._sign * free, wanted.number, wanted))
                return wanted
        if not self._heap:
            return None
        free, _, node = self._heap[0]
        is_any = job.rules.preparation is None and not dedicated
        if why_not(slots, node.slots, abs(free)) is None and (is_any or self._suits(job, node, dedicated)):
            heapq.heappop(self._heap)
            return node
        # the roomiest node is on top where tasks are spread: no other has more
        return None if self._sign < 0 and is_any else self._search(slots, job, dedicated)

    @cached_property
    def _by_id(self) -> dict[str, NodeState]:
        return {node.id: node for node in self._nodes}

    def _search(self, slots: int, job: JobState, dedicated: bool) -> NodeState | None:
        """As `take`, past nodes with too little room, or that are not for this job."""
        fitting = [
            entry
            for entry in self._heap
            if why_not(slots, entry[2].slots, abs(entry[0])) is None and self._suits(job, entry[2], dedicated)
        ]
        if not fitting:
            return None
        found = min(fitting)
        self._remove(found)
        return found[2]

    def _suits(self, job: JobState, node: NodeState, dedicated: bool) -> bool:
        """Nothing is given ahead of its slots to a node that is to be prepared first."""
        if why_not_dedicated(dedicated, node) is not None:
            return False
        return why_not_there(job, node) is None and not (self._ahead and job_nodes.is_to_prepare(job, node))

    def _remove(self, entry: tuple[int, int, NodeState]) -> None:
        self._heap.remove(entry)
        heapq.heapify(self._heap)

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
    everybody = sharing.by_priority(state) if state.share_by and not room.is_full else None
    for priority, group in groupby(jobs, key=lambda job: job.rules.priority):
        members = list(group)
        if state.kept and not room.is_ahead:
            _use_kept(state, members, room, decisions)
        if everybody is not None:
            _share(state, members, everybody[priority], room, decisions)
            continue
        while members and not room.is_full:
            if take_turns:
                members = [job for job in members if _assign_next(state, job, room, decisions)]
            elif not _assign_next(state, members[0], room, decisions):
                del members[0]


def _share(
    state: ShardState, jobs: list[JobState], everybody: list[JobState], room: _Room, decisions: Decisions
) -> None:
    if room.is_full:
        return
    turns = sharing.Turns(state, jobs, everybody)
    while not room.is_full and (job := turns.next) is not None:
        turns.took(_assign_next(state, job, room, decisions))


def _use_kept(state: ShardState, jobs: list[JobState], room: _Room, decisions: Decisions) -> None:
    """Tasks for which slots are kept take them if they are enough, or what another node has; otherwise they
    are kept from what comes next."""
    keeping_some = [(job, kept) for job in jobs if (kept := state.kept.get(job.number)) is not None]
    for _, kept in keeping_some:
        room.keep(state.nodes[kept.node], kept.lane.slots)
    for job, kept in keeping_some:
        own = state.nodes[kept.node]
        node = own if own.free >= kept.lane.slots else room.take(kept.lane.slots, job)
        if node is None:
            continue
        _lease(state, job, node, job.windows[kept.lane].pop(), decisions)
        del state.kept[job.number]
        state.turn = job.number
        room.keep(own, 0)
        if node is not own:
            room.put(node)


def _assign_next(state: ShardState, job: JobState, room: _Room, decisions: Decisions) -> int:
    """How many slots the next task of the job has been given; 0 if it has no room, or there is none."""
    if why_none_of(job) is not None:
        return 0
    for window in _by_next_task(job):
        if window.lane.is_of_managers and room.is_ahead:
            continue
        task = window.next
        needs_dedicated = managers.needs_dedicated(task)
        node = room.take(window.lane.slots, job, task.rules.near, dedicated=needs_dedicated)
        if node is not None:
            given = _lease(state, job, node, window.pop(), decisions)
            room.put(node)
            state.turn = job.number
            return given
    return 0


def _by_next_task(job: JobState) -> list[Window]:
    waiting = [window for window in job.windows.values() if len(window)]
    if len(waiting) > 1:
        waiting.sort(key=_place)
    return waiting


def _lease(state: ShardState, job: JobState, node: NodeState, task: QueuedTask, decisions: Decisions) -> int:
    """How many slots it takes."""
    assignment = assign(state, job, node, task, task.attempt + 1)
    if task.node is not None and task.node != node.id and task.node in state.nodes:
        decisions.effects.append(RemoveTaskFiles(task.node, job.id, task.id))
    if job_nodes.comes_first(state, job, node, decisions):
        assignment.is_preparing = True
        of_task = task.number, job.number, task.counted_slots, task.id, job.id
        of_node = assignment.attempt, node.number, node.id
        decisions.changes.preparing.append(Preparing(*of_task, *of_node))
        return task.slots
    decisions.changes.leased.append(Leased(task.number, assignment.attempt, node.number, node.id))
    decisions.effects.append(RunTask(node.id, job.number, assignment.attempt, task))
    return task.slots


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
                recall(assignment, decisions)


def _read_on(job: JobState, decisions: Decisions) -> None:
    for window in job.windows.values():
        tasks, size = window.room
        if tasks:
            decisions.reads.append(ReadWindow(job.number, window.lane, window.cursor, tasks, size))
