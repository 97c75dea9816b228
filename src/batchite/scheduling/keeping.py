"""Slots that nodes keep for a task that smaller ones would pass for ever.

What has room goes first, so a task that takes several slots may wait while single slots become free and are
taken by others. Once it has waited for some time as the first of its lane, the node that will have room first
keeps what becomes free there. Where jobs share slots by tag (`sharing`), it waits for its share first. Only
one task of a job at a time has slots kept for it, and they are kept from tasks of its own priority and below.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Final

from batchite.scheduling.managers import needs_dedicated
from batchite.scheduling.predicates import why_not, why_not_there
from batchite.scheduling.state import JobState, Kept, NodeState, ShardState
from batchite.scheduling.windows import Window
from batchite.wire.ticks import TICKS_PER_SECOND

PATIENCE: Final = 30 * TICKS_PER_SECOND
"""For which a task waits as the first of its lane until slots are kept for it."""


def review(
    state: ShardState,
    jobs: Sequence[JobState],
    nodes: Sequence[NodeState],
    now: int,
    due: Container[int] | None = None,
) -> None:
    """Have nodes keep slots for tasks of these jobs that have waited long enough, and let go of what is kept
    for others. The jobs are those that may start tasks, the nodes those that take some.
    `due`: the only ones for which slots may be kept anew; None: all."""
    by_id = {node.id: node for node in nodes} if state.kept else {}
    state.kept = {job.number: kept for job in jobs if (kept := _still(state, job, by_id)) is not None}
    taken = {kept.node for kept in state.kept.values()}
    for job in jobs:
        waiting = [window for window in _large(job) if _has_waited(window, now)]
        if not waiting or job.number in state.kept or not (due is None or job.number in due):
            continue
        window = min(waiting, key=lambda window: window.place)
        suitable = (node for node in nodes if node.id not in taken and why_not_there(job, node) is None)
        node = _first_with_room(window.lane.slots, suitable, now)
        if node is not None:
            task, since = window.next, window.waits[1]
            state.kept[job.number] = Kept(job.number, task.number, task.id, window.lane, node.id, since)
            taken.add(node.id)


def note(jobs: Iterable[JobState], now: int) -> None:
    """Which tasks are the first of their lanes and found no room at this turn."""
    for job in jobs:
        for window in _large(job):
            if window.waits[0] != window.next.number:
                window.waits = (window.next.number, now)


def _large(job: JobState) -> Iterator[Window]:
    """Lanes whose tasks smaller ones can pass; those are left out that not every node would do for."""
    large = (window for window in job.windows.values() if window.lane.slots > 1 and len(window))
    return (window for window in large if not needs_dedicated(window.next))


def _has_waited(window: Window, now: int) -> bool:
    number, since = window.waits
    return number == window.next.number and now - since >= PATIENCE


def _still(state: ShardState, job: JobState, nodes: dict[str, NodeState]) -> Kept | None:
    """What is kept for the job, if it is still good for something."""
    kept = state.kept.get(job.number)
    window = None if kept is None else job.windows.get(kept.lane)
    if kept is None or window is None or not len(window) or window.next.number != kept.task:
        return None
    node = nodes.get(kept.node)
    return kept if node is not None and why_not_there(job, node) is None else None


def _first_with_room(slots: int, nodes: Iterable[NodeState], now: int) -> NodeState | None:
    """The node that will have so many slots free before the others, as far as one can tell; None if none ever
    has."""
    able = [node for node in nodes if why_not(slots, node.slots, node.slots) is None]
    return min(able, key=lambda node: (_room_at(node, slots, now), node.number), default=None)


def _room_at(node: NodeState, slots: int, now: int) -> int:
    """When the node may have so many slots free, if its tasks take as long as its last ones did."""
    ends = sorted(
        (max(now if task.started is None else task.started, now - node.pace) + node.pace, task.task.slots)
        for task in node.assignments.values()
    )
    free, at = node.free, now
    for end, freed in ends:
        if free >= slots:
            break
        free, at = free + freed, end
    return at
