"""What the owner of a shard keeps in memory: a pool, its nodes, its jobs, and the tasks in motion.

A cache of the database and never larger than the nodes can use: queued tasks are held in windows of
bounded size. Times are ticks.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from batchite.resources.job_nodes import JobTask
from batchite.resources.job_options import FORCE, TasksOption
from batchite.resources.rules import JobRules, PoolRules, StartTaskRules
from batchite.resources.states import ENDING
from batchite.resources.vacating import Option, Vacating
from batchite.scheduling.autoscale.turns import Evaluated
from batchite.scheduling.ending import Ending
from batchite.scheduling.room import Refusal
from batchite.scheduling.windows import Lane, QueuedTask, Window, opened
from batchite.wire.batch.counters import Counters
from batchite.wire.batch.login import Login
from batchite.wire.batch.outcome import Failure
from batchite.wire.batch.runs import Kind
from batchite.wire.ticks import TICKS_PER_SECOND

LONG_PACE = 1_000_000_000
"""Of a node that has run nothing yet."""

NodePhase = Literal[
    "creating",
    "starting",
    "rebooting",
    "reimaging",
    "waitingforstarttask",
    "starttaskfailed",
    "idle",
    "running",
    "offline",
    "unusable",
    "leavingpool",
    "deallocating",
    "deallocated",
    "preempted",
]


Standing = Literal["unprepared", "wanted", "ready", "barred"]
"""Of a node for a job: its preparation is to run before the next task there, is wanted (runs, or is about
to), need not run, or has failed for good."""
Release = Literal["wanted", "over"]
"""Of a job's release on a node, once it has been due."""


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
    is_preparing: bool = False
    """it was told, when the node was given it, to wait for the job's preparation there"""


@dataclass(slots=True)
class JobNode:
    """How far a node is prepared for a job that has a preparation task, and released from it; see
    `scheduling.job_nodes`."""

    standing: Standing = "unprepared"
    attempt: int = 0
    """of the preparation"""
    retries: int = 0
    exit_code: int | None = None
    """of its last run"""
    has_completed: bool = False
    """since the node has the files that it has, as what follows"""
    has_run: bool = False
    """a task of the job has begun to run"""
    release: Release | None = None
    release_attempt: int = 0
    is_told: bool = False
    """its agent has been sent what is wanted"""
    is_told_to_end: bool = False
    pauses: bool = False
    """until the preparation is run again"""

    @property
    def is_moving(self) -> bool:
        """Something is wanted of the node."""
        return self.standing == "wanted" or self.release == "wanted"


@dataclass(slots=True)
class JobState:
    """A job that is not completed."""

    number: int
    id: str
    state: Literal["active", "disabling", "disabled", "enabling", "terminating", "deleting"]
    changed: int
    """when its client last defined something of it, or its end began"""
    rules: JobRules
    ends_at: int | None
    """when its wall clock runs out"""
    option: TasksOption = "requeue"
    """what becomes of what it has on nodes, while it is being disabled or ends"""
    moves_to: str = ""
    """the shard of the pool that it has been given, if that is another"""
    tag: str | None = None
    """by which it shares slots with others, if jobs do; None: it is a tag of its own"""
    unfinished: int = 0
    """tasks that are active or running"""
    blocked: int = 0
    """of the active ones, those that wait for what they depend on, when the shard was read; by this goes only
    who explains"""
    windows: dict[Lane, Window] = field(default_factory=dict)
    has_large: bool = False
    """it has, or had, tasks that take more than one slot"""
    assignments: dict[int, Assignment] = field(default_factory=dict)
    nodes: dict[str, JobNode] = field(default_factory=dict)
    """by id, those on which its preparation is wanted or has run; none, if it has no preparation task"""
    moving: set[str] = field(default_factory=set)
    """those of them that something is wanted of"""
    is_clearing: bool = False
    """it ends or goes to another pool, has no tasks on nodes, and waits for some of these"""

    @property
    def is_ending(self) -> bool:
        return self.state in ENDING

    @property
    def leaves_nodes(self) -> bool:
        """Whether what it has on nodes is to come off them, and something follows when it has."""
        return self.state == "disabling" or self.is_ending

    @property
    def is_withdrawing(self) -> bool:
        """Whether nodes of the pool are to be prepared for it no more."""
        return self.is_ending or bool(self.moves_to)

    @property
    def is_forced(self) -> bool:
        """Whether it ends without waiting for nodes."""
        return self.is_ending and self.option == FORCE

    def window(self, lane: Lane) -> Window:
        window = self.windows.get(lane)
        if window is None:
            self.has_large |= lane.slots > 1
            window = self.windows[lane] = opened(lane)
        return window

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
    logins: tuple[Login, ...] = ()
    """users by whom people log in to it"""
    connected: bool = False
    was_connected: bool = False
    silence: int = 0
    """ticks for which its agent could have been heard and was not"""
    is_given_up: bool = False
    """being killed because it does not answer"""
    start_task: StartTaskRules | None = None
    """that of its pool when it booted; whatever the pool has since, the next boot takes"""
    is_begun: bool = False
    """its engine has begun it, in this boot"""
    is_ready: bool = False
    """it has come to take tasks, in this boot"""
    is_disabled: bool = False
    """somebody wants it to take no tasks"""
    is_lost: bool = False
    """nothing of it runs, which nobody wanted"""
    loss: str = ""
    """why"""
    is_preparing: bool = False
    """its agent sees to something before it runs anything"""
    unprepared: Failure | None = None
    """why, if its agent has said so"""
    failures: int = 0
    """boots that failed, one after the other; see `scheduling.brake`"""
    failed_at: int = 0
    """when the last of them did, if it is unusable"""
    start_task_attempt: int = 0
    start_task_retries: int = 0
    start_task_done: bool = False
    start_task_failed: bool = False
    """in its last run"""
    used: int = 0
    """slots of everything assigned; more than `slots` while tasks wait on the node"""
    is_taken: bool = False
    """by a task that runs alone"""
    pace: int = LONG_PACE
    """how long its recent tasks ran, in ticks; long until some have"""
    ran: int = 0
    """ticks of runs of tasks that have ended there, since its owner has it in memory"""
    assignments: dict[int, Assignment] = field(default_factory=dict)
    vacating: Vacating | None = None
    """what it takes no more tasks for; see `scheduling.vacating`, also for what follows"""
    stored_vacating: Vacating | None = None
    interrupted: Vacating | None = None
    """what it was to take no more tasks for when it was to leave the pool"""
    stored_interrupted: Vacating | None = None
    is_vacated: bool = False
    """nothing is left that it waits for, and what it was vacated for is under way"""
    retained_until: int | None = None
    """how long files of its tasks are kept; None: that is to be read"""
    looks_at: int | None = None
    """when that is looked at again"""
    measured: Measured | None = None
    files_due: int | None = None
    """when it is looked at whether files of its tasks are to go, as far as that is known"""

    @property
    def is_leaving(self) -> bool:
        """Whether it is to leave the pool, now or when its tasks are over."""
        return self.vacating is not None and self.vacating.purpose == "remove"

    @property
    def free(self) -> int:
        return self.slots - self.used


class Measured(NamedTuple):
    """What a node has last said of itself; None: it cannot be told there."""

    at: int
    processor_seconds: float | None
    """since it booted"""
    load: float | None
    """percent of its processors, since the time before; None: this is the first"""
    memory: int | None
    disk: int | None
    """bytes"""
    counters: Counters | None = None
    grown: Mapping[str, float] = {}
    """by variable of autoscale: by how much a counter has grown since the time before"""
    ran: int = 0
    """ticks that tasks had run there, each by itself, as far as its owner knows"""


class ExpiredTask(NamedTuple):
    """A task that is over, whose files nobody is to want any more; or a preparation or release, of which the
    number is that of `JobFiles`, and attempts do not matter."""

    number: int
    attempt: int
    job_id: str
    id: str
    kind: Kind = "task"


class Expired(NamedTuple):
    """Some of a node's, or when the next of its tasks will be one of them; neither if it has no files."""

    tasks: tuple[ExpiredTask, ...] = ()
    next: int | None = None


class JobFiles(NamedTuple):
    """Files of a preparation or release of a job that is over, known by the number of the row that says how
    it ran; without a node: there are none any more."""

    task: JobTask
    number: int
    node: str = ""
    job_id: str = ""
    id: str = ""


class Scaling(NamedTuple):
    """A pool's size goes by a formula."""

    interval: int
    evaluate_at: int
    """when the formula's turn is next"""
    sample_at: int
    """when the next sample is taken of what it looks at"""


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
    modified: int
    """when its client last changed something of it"""
    rules: PoolRules
    option: Option = "requeue"
    """what becomes of the tasks of nodes that leave by the present resize"""
    kept_dedicated: int | None = None
    """so many nodes it keeps, where its last resize ended with others than the target; so the next"""
    kept_low_priority: int | None = None
    falls_short: bool = False
    """its last resize ended with errors, which are told"""
    scaling: Scaling | None = None


Tag = str | int
"""By which jobs share slots, see `scheduling.sharing`; of a job that has none, its number."""


class Turn(NamedTuple):
    """When a tag was last served, counted in tasks, and which of its jobs."""

    served: int
    job: int


class Kept(NamedTuple):
    """Slots of a node are kept for a task, the first of its lane; see `scheduling.keeping`."""

    job: int
    task: int
    id: str
    """of the task"""
    lane: Lane
    node: str
    """its id"""
    since: int
    """when the task was first and found no room"""


class Preemption(NamedTuple):
    """How low-priority nodes are taken away; in ticks."""

    notice: int = 30 * TICKS_PER_SECOND
    """that what runs there has to come to an end"""
    absence: int = 60 * TICKS_PER_SECOND
    """until there is a machine for the node again"""
    mean: int | None = None
    """for which a node is there, in the mean, until it is taken away unasked; None: it never is"""


@dataclass(slots=True)
class ShardState:
    """Everything one owner decides about."""

    pool: PoolState | None = None
    nodes: dict[str, NodeState] = field(default_factory=dict)
    jobs: dict[int, JobState] = field(default_factory=dict)
    assignments: dict[int, Assignment] = field(default_factory=dict)
    room_pause: int = 0
    """ticks until a pool asks again for nodes for which there was no room; 0: it does not"""
    empty_job_pause: int = 0
    """ticks until a job without tasks ends that ends with its tasks; 0: it stays"""
    preemption: Preemption = field(default_factory=Preemption)
    looked: int | None = None
    """when nodes were last looked at for silence"""
    refusal: Refusal | None = None
    """why the pool gets no more nodes by the resize under way"""
    sample_period: int = 0
    """ticks from one sample for autoscale to the next"""
    evaluated: Evaluated | None = None
    """what the pool's formula has come to, which is not decided about yet"""
    expired: dict[str, Expired] = field(default_factory=dict)
    """what was read of nodes, by their ids; see `scheduling.retention`"""
    left: dict[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    """by node, job and task of directories that are nobody's; see `scheduling.retention`"""
    job_files: list[JobFiles] = field(default_factory=list)
    """what was read of files that are to go"""
    turn: int = 0
    """the job that was last served among jobs of equal priority"""
    kept: dict[int, Kept] = field(default_factory=dict)
    """by job: for which of its tasks a node keeps slots"""
    share_by: str = ""
    """name of the metadata item by which jobs share slots; empty: they do not"""
    turns: dict[tuple[int, Tag], Turn] = field(default_factory=dict)
    """the last of each tag, by priority; see `scheduling.sharing`"""

    def node(self, number: int) -> NodeState | None:
        """The one of that number, if it is there."""
        return next((node for node in self.nodes.values() if node.number == number), None)

    @property
    def is_idle(self) -> bool:
        """Nothing is to be decided until something changes in the store, or a time comes."""
        return not self.nodes and not self.jobs
