"""What the owner of a shard keeps in memory: a pool, its nodes, its jobs, and the tasks in motion.

A cache of the database and never larger than the nodes can use: queued tasks are held in windows of
bounded size. Times are ticks.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from batchite.resources.rules import JobRules, PoolRules, TaskRules
from batchite.resources.states import ENDING
from batchite.scheduling.ending import Ending

WINDOW = 512
"""Queued tasks held per job and lane."""
WINDOW_BYTES = 4 * 1024 * 1024
"""Bytes of definitions after which a window takes no more."""
LOW_WATER = WINDOW // 2
"""A window that holds fewer, and less than half of its bytes, is read again if the store has more."""

NodePhase = Literal[
    "creating", "starting", "waitingforstarttask", "starttaskfailed", "idle", "running", "leavingpool"
]


class Lane(NamedTuple):
    """Tasks of a job that may take each other's place: what has room for one has room for all.

    They go in the order they were added; of several lanes the task goes first that is first by rank and
    number. No task has a rank other than 0 so far, and the store knows lanes by their slots alone.
    """

    slots: int
    rank: int = 0
    """the lower, the earlier"""


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

    @property
    def lane(self) -> Lane:
        return Lane(self.slots, self.rank)


@dataclass(slots=True)
class Assignment:
    """A task that was given to a node: in its queue until `started`, then running."""

    task: QueuedTask
    job: JobState
    node: NodeState
    attempt: int
    started: int | None = None
    recalled: bool = False
    ending: Ending | None = None


@dataclass(slots=True)
class Window:
    """The next active tasks of a lane, in the order they were added."""

    lane: Lane
    tasks: list[QueuedTask] = field(default_factory=list)
    head: int = 0
    size: int = 0
    """bytes of the definitions of what waits"""
    cursor: int = 0
    """number of the last task read from the store"""
    more: bool = True
    """the store may hold active tasks past the cursor"""

    def __len__(self) -> int:
        return len(self.tasks) - self.head

    @property
    def next(self) -> QueuedTask:
        return self.tasks[self.head]

    @property
    def place(self) -> tuple[int, int]:
        """Of its next task among those of all lanes."""
        return self.lane.rank, self.tasks[self.head].number

    @property
    def is_low(self) -> bool:
        return self.more and len(self) < LOW_WATER and self.size < WINDOW_BYTES // 2

    def pop(self) -> QueuedTask:
        task = self.tasks[self.head]
        self.head += 1
        self.size -= len(task.definition)
        if self.head == len(self.tasks):
            self.tasks.clear()
            self.head = 0
        return task

    def extend(self, tasks: Iterable[QueuedTask], *, more: bool) -> None:
        """Add what was read past the cursor."""
        self._compact()
        self.tasks.extend(tasks)
        if self.tasks:
            self.cursor = max(self.cursor, self.tasks[-1].number)
        self.more = more
        self._weigh()

    def put_back(self, task: QueuedTask) -> None:
        """Return a task to its place in the order; what no longer fits is left to the store."""
        if task.number > self.cursor:
            self.more = True
            return
        self._compact()
        insort(self.tasks, task, key=_number)
        self.size += len(task.definition)
        if len(self.tasks) > WINDOW:
            self.size -= len(self.tasks.pop().definition)
            self.cursor = self.tasks[-1].number
            self.more = True

    def discard(self, number: int) -> None:
        self._compact()
        self.tasks = [task for task in self.tasks if task.number != number]
        self._weigh()

    def _weigh(self) -> None:
        self.size = sum(len(task.definition) for task in self.tasks)

    def _compact(self) -> None:
        del self.tasks[: self.head]
        self.head = 0


def _number(task: QueuedTask) -> int:
    return task.number


@dataclass(slots=True)
class JobState:
    """A job that is not completed."""

    number: int
    id: str
    state: Literal["active", "disabled", "terminating", "deleting"]
    changed: int
    """when its client last defined something of it"""
    rules: JobRules
    ends_at: int | None
    """when its wall clock runs out"""
    unfinished: int = 0
    """tasks that are active or running"""
    windows: dict[Lane, Window] = field(default_factory=dict)
    assignments: dict[int, Assignment] = field(default_factory=dict)

    @property
    def is_ending(self) -> bool:
        return self.state in ENDING

    def window(self, lane: Lane) -> Window:
        return self.windows.setdefault(lane, Window(lane))

    def queued(self) -> Iterator[QueuedTask]:
        for window in self.windows.values():
            yield from window.tasks[window.head :]


@dataclass(slots=True)
class NodeState:
    """A compute node and what it has been given."""

    number: int
    id: str
    dedicated: bool
    slots: int
    phase: NodePhase
    stored_phase: NodePhase
    connected: bool = False
    was_connected: bool = False
    silence: int = 0
    """ticks for which its agent could have been heard and was not"""
    is_given_up: bool = False
    """being killed because it does not answer"""
    start_task_attempt: int = 0
    start_task_retries: int = 0
    start_task_done: bool = False
    used: int = 0
    """slots of everything assigned; more than `slots` while tasks wait on the node"""
    pace: int = 1_000_000_000
    """how long its recent tasks ran, in ticks; long until some have"""
    assignments: dict[int, Assignment] = field(default_factory=dict)

    @property
    def free(self) -> int:
        return self.slots - self.used


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool as its owner sees it."""

    number: int
    id: str
    state: Literal["active", "deleting"]
    allocation_state: Literal["steady", "resizing", "stopping"]
    target_dedicated: int
    target_low_priority: int
    vm_size: str
    node_cores: int
    resize_ends_at: int
    rules: PoolRules


@dataclass(slots=True)
class ShardState:
    """Everything one owner decides about."""

    pool: PoolState | None = None
    nodes: dict[str, NodeState] = field(default_factory=dict)
    jobs: dict[int, JobState] = field(default_factory=dict)
    assignments: dict[int, Assignment] = field(default_factory=dict)
    empty_job_pause: int = 0
    """ticks until a job without tasks ends that ends with its tasks; 0: it stays"""
    looked: int | None = None
    """when nodes were last looked at for silence"""
    turn: int = 0
    """the job that was last served among jobs of equal priority"""

    @property
    def is_idle(self) -> bool:
        """Nothing is to be decided until something changes in the store, or a time comes."""
        return not self.nodes and not self.jobs
