"""Tasks of a job that wait, as far as an owner holds them: a window of bounded size for each lane."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, NamedTuple, TypeAlias

from batchite.resources.rules import TaskRules

WINDOW = 512
"""Queued tasks held per job and lane."""
WINDOW_BYTES = 4 * 1024 * 1024
"""Bytes of definitions after which a window takes no more."""
LOW_WATER = WINDOW // 2
"""A window that holds fewer, and less than half of its bytes, is read again if the store has more."""

Place: TypeAlias = tuple[int, int]
"""Rank and number, by which tasks go."""
_FIRST: Final[Place] = (-(2**31), 0)
_LAST: Final[Place] = (2**31 - 1, 0)
"""Before and after all tasks."""


class Lane(NamedTuple):
    """Tasks of a job that may take each other's place: what has room for one has room for all.

    They go by rank, and in the order they were added; so do those that are the first of several lanes, but
    for managers, which go before all others. The store knows lanes by their slots alone.
    """

    slots: int
    is_of_managers: bool = False


@dataclass(frozen=True, slots=True)
class QueuedTask:
    """A task as it waits; `attempt` is the number of its last assignment, 0 before the first."""

    number: int
    id: str
    slots: int
    attempt: int
    retries: int
    rules: TaskRules
    definition: bytes
    requeues: int = 0
    rank: int = 0
    """among the tasks of its job, the lower, the earlier; see `resources.ranks`"""
    created: int = 0
    node: str | None = None
    """that has files of its last run, while it waits"""
    counted: int = 0
    """slots by which it is counted, if these are others than it takes"""

    @property
    def counted_slots(self) -> int:
        return self.counted or self.slots

    @property
    def is_manager(self) -> bool:
        return self.rules.manager is not None

    @property
    def lane(self) -> Lane:
        return Lane(self.slots, self.is_manager)

    @property
    def place(self) -> Place:
        """Among those of its lane."""
        return self.rank, self.number


_place = attrgetter("place")


@dataclass(slots=True)
class Window:
    """The next active tasks of a lane, by their places."""

    lane: Lane
    tasks: list[QueuedTask] = field(default_factory=list)
    head: int = 0
    size: int = 0
    """bytes of the definitions of what waits"""
    cursor: Place = _FIRST
    """of the last task read from the store"""
    more: bool = True
    """the store may hold active tasks past the cursor"""
    ahead: set[int] = field(default_factory=set)
    """numbers of those that are here though they are past the cursor"""
    is_outdated: bool = False
    """it is to be read from the beginning: the store has some that go before its cursor and are not here"""
    waits: tuple[int, int] = (0, 0)
    """the task that was the first and found no room, by number, and since when"""

    def __len__(self) -> int:
        return len(self.tasks) - self.head

    @property
    def waiting(self) -> list[QueuedTask]:
        return self.tasks[self.head :]

    @property
    def next(self) -> QueuedTask:
        return self.tasks[self.head]

    @property
    def place(self) -> tuple[bool, Place]:
        """Of its next task among those of all lanes."""
        return not self.lane.is_of_managers, self.tasks[self.head].place

    @property
    def room(self) -> tuple[int, int]:
        """How many tasks more, and of how many bytes, it is to be read on to; none while it has enough."""
        if self.is_outdated:
            return WINDOW, WINDOW_BYTES
        if self.more and len(self) < LOW_WATER and self.size < WINDOW_BYTES // 2:
            return WINDOW - len(self), WINDOW_BYTES - self.size
        return 0, 0

    def outdate(self) -> None:
        """Have it read from the beginning; what is here stays until then."""
        self.more, self.cursor, self.is_outdated = True, _FIRST, True

    def pop(self) -> QueuedTask:
        task = self.tasks[self.head]
        self.head += 1
        self.size -= len(task.definition)
        self.ahead.discard(task.number)
        if self.head == len(self.tasks):
            self.tasks.clear()
            self.head = 0
        return task

    def extend(self, tasks: Iterable[QueuedTask], *, more: bool) -> None:
        """Add what was read past the cursor."""
        if self.is_outdated:
            self.tasks, self.head, self.ahead, self.is_outdated = [], 0, set(), False
        self._compact()
        read = list(tasks)
        if read:
            self.cursor = max(self.cursor, read[-1].place)
        new = [task for task in read if task.number not in self.ahead]
        self.tasks.extend(new)
        if self.ahead:
            self.tasks.sort(key=_place)
            self.ahead &= {task.number for task in self.tasks if task.place > self.cursor}
        self.more = more
        self._weigh()

    def put_back(self, task: QueuedTask) -> None:
        """Return a task to its place in the order, in the place of one that is there already; what no longer
        fits is left to the store."""
        if task.place > self.cursor and task.number not in self.ahead:
            self.more = True
        else:
            self._insert(task)

    def put(self, task: QueuedTask) -> None:
        """Add one that waits from now on, wherever it stands in the order, so that it need not be read; what
        no longer fits is left to the store."""
        if task.place > self.cursor and task.number not in self.ahead:
            if len(self) >= WINDOW or self.size >= WINDOW_BYTES:
                self.more = True
                return
            self.ahead.add(task.number)
        self._insert(task)

    def _insert(self, task: QueuedTask) -> None:
        self._compact()
        place = bisect_left(self.tasks, task.place, key=_place)
        if place < len(self.tasks) and self.tasks[place].number == task.number:
            self.size -= len(self.tasks[place].definition)
            self.tasks[place] = task
        else:
            self.tasks.insert(place, task)
        self.size += len(task.definition)
        if len(self.tasks) > WINDOW:
            self._leave_last()

    def _leave_last(self) -> None:
        last = self.tasks.pop()
        self.size -= len(last.definition)
        self.more = True
        if last.number in self.ahead:
            self.ahead.discard(last.number)
        else:
            self.cursor = self.tasks[-1].place

    def discard(self, number: int) -> None:
        self._compact()
        self.tasks = [task for task in self.tasks if task.number != number]
        self.ahead.discard(number)
        self._weigh()

    def _weigh(self) -> None:
        self.size = sum(len(task.definition) for task in self.tasks)

    def _compact(self) -> None:
        del self.tasks[: self.head]
        self.head = 0


def opened(lane: Lane) -> Window:
    """Of managers, whatever there is has been read."""
    return Window(lane, cursor=_LAST, more=False) if lane.is_of_managers else Window(lane)
