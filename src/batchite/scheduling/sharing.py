"""Jobs of the same priority that share slots evenly by tag, where the operator wants it.

A tag is a value of the metadata item that the operator has named; a job without it is a tag of its own. The
next task is one of the tag that has fewest slots in use, by jobs of that priority; of those that have equally
many, the one that was served longest ago comes first. Within a tag jobs take turns as all jobs do otherwise.
What runs is never ended for it.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict, deque
from collections.abc import Container, Iterable, Sequence

from batchite.scheduling.state import JobState, ShardState, Tag, Turn


def tag_of(job: JobState) -> Tag:
    return job.number if job.tag is None else job.tag


def used(jobs: Iterable[JobState]) -> Counter[Tag]:
    """Slots that tags have in use, by the tasks of these jobs."""
    slots: Counter[Tag] = Counter()
    for job in jobs:
        slots[tag_of(job)] += sum(one.task.slots for one in job.assignments.values())
    return slots


def by_priority(state: ShardState) -> dict[int, list[JobState]]:
    """All jobs, as also those use slots that may start no more tasks."""
    found: dict[int, list[JobState]] = defaultdict(list)
    for job in state.jobs.values():
        found[job.rules.priority].append(job)
    return found


def lowest(state: ShardState, jobs: Sequence[JobState]) -> Container[int]:
    """Numbers of those of the jobs, which may start tasks, whose tag has no more slots in use than any other
    that waits at their priority. What no node of the pool could ever take does not count as waiting."""
    most = 0 if state.pool is None else state.pool.rules.slots_per_node
    waiting: dict[int, list[JobState]] = defaultdict(list)
    for job in jobs:
        if any(len(window) and window.lane.slots <= most for window in job.windows.values()):
            waiting[job.rules.priority].append(job)
    found: set[int] = set()
    everybody = by_priority(state)
    for priority, members in waiting.items():
        slots = used(everybody[priority])
        least = min(slots[tag_of(job)] for job in members)
        found.update(job.number for job in members if slots[tag_of(job)] == least)
    return found


class Turns:
    """Whose turn it is among jobs of one priority. `jobs` are those that may start tasks, `everybody` all of
    that priority."""

    def __init__(self, state: ShardState, jobs: Sequence[JobState], everybody: Iterable[JobState]) -> None:
        self._state = state
        self._priority = jobs[0].rules.priority
        self._oldest_first = state.pool is not None and state.pool.rules.oldest_job_first
        _forget(state)
        members: dict[Tag, list[JobState]] = defaultdict(list)
        for job in jobs:
            members[tag_of(job)].append(job)
        self._jobs = {tag: self._in_order(tag, found) for tag, found in members.items()}
        slots = used(everybody)
        served = {tag: self._last(tag).served for tag in members}
        self._served = max((turn.served for turn in state.turns.values()), default=0)
        order = sorted(members, key=lambda tag: (served[tag], min(job.number for job in members[tag])))
        self._heap = [(slots[tag], place - len(order), tag) for place, tag in enumerate(order)]
        heapq.heapify(self._heap)

    def _last(self, tag: Tag) -> Turn:
        return self._state.turns.get((self._priority, tag), Turn(0, 0))

    def _in_order(self, tag: Tag, jobs: list[JobState]) -> deque[JobState]:
        """The one after the last served first, or the oldest."""
        last = 0 if self._oldest_first else self._last(tag).job
        return deque(sorted(jobs, key=lambda job: (job.number <= last, job.number)))

    @property
    def next(self) -> JobState | None:
        """None if nobody is left."""
        return self._jobs[self._heap[0][2]][0] if self._heap else None

    def took(self, slots: int) -> None:
        """The next has been given so many; none: it takes nothing more in this turn."""
        in_use, _, tag = self._heap[0]
        jobs = self._jobs[tag]
        if not slots:
            jobs.popleft()
            if not jobs:
                heapq.heappop(self._heap)
            return
        self._served += 1
        self._state.turns[self._priority, tag] = Turn(self._served, jobs[0].number)
        if not self._oldest_first:
            jobs.rotate(-1)
        heapq.heapreplace(self._heap, (in_use + slots, self._served, tag))


def _forget(state: ShardState) -> None:
    """Turns of tags that no job has any more, once these are many."""
    if len(state.turns) > 2 * len(state.jobs) + 16:
        present = {(job.rules.priority, tag_of(job)) for job in state.jobs.values()}
        state.turns = {key: turn for key, turn in state.turns.items() if key in present}
