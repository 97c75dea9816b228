"""What the reactor wants of the store: a kind of change for each statement of an owner's commit.

The changes of one batch are applied kind by kind, as `dispatch.committer` says. A task is at most once in
each, and a later decision about it takes the place of an earlier one.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Literal

import msgspec

from batchite.resources import causes
from batchite.resources.causes import Cause
from batchite.resources.states import CountedState
from batchite.scheduling.state import NodePhase
from batchite.wire.batch.outcome import Failure, Result, result

DueKind = Literal[
    "resize-timeout", "job-wall-clock", "empty-job", "replace-nodes", "task-retry", "start-task-retry"
]
Requeuing = Literal["retry", "requeue", "recovery", "returned"]
ALL_TASKS_COMPLETE = "AllTasksComplete"


class TaskMoved(msgspec.Struct, frozen=True):
    """A task is counted in another state from now on."""

    task: int
    job: int
    slots: int
    id: str
    job_id: str


class Started(TaskMoved, frozen=True):
    started: int
    node_id: str

    @property
    def move(self) -> tuple[CountedState, CountedState]:
        return "active", "running"


class Completed(TaskMoved, frozen=True):
    was: Literal["active", "running"]
    started: int | None
    ended: int
    exit_code: int | None
    failure: Failure | None
    last_line: str
    staged: int | None
    node_id: str | None
    """where it ran"""

    @property
    def result(self) -> Result:
        return result(self.exit_code, self.failure)

    @property
    def succeeded(self) -> bool:
        return self.result == "success"

    @property
    def previous_state(self) -> Literal["active", "running"]:
        """As clients could see it, whether or not the start is stored by itself."""
        return "active" if self.started is None else "running"

    @property
    def move(self) -> tuple[CountedState, CountedState]:
        return self.was, "succeeded" if self.succeeded else "failed"


class Failed(msgspec.Struct, frozen=True):
    """A task that completed is counted by the cause of its failure."""

    task: int
    job: int
    ended: int
    cause: Cause


class Requeued(TaskMoved, frozen=True):
    """Back to active. Only a `retry` counts as a retry, only a `requeue` as a requeue; what is `returned`
    never ran, so that nothing of it is to be seen."""

    was: Literal["active", "running"]
    why: Requeuing
    at: int
    started: int | None
    node_id: str

    @property
    def retried(self) -> int:
        return int(self.why == "retry")

    @property
    def requeued(self) -> int:
        return int(self.why == "requeue")

    @property
    def move(self) -> tuple[CountedState, CountedState]:
        return self.was, "active"


class Removed(TaskMoved, frozen=True):
    """The task's row goes; `was` is the state it is counted in."""

    was: CountedState

    @property
    def move(self) -> tuple[CountedState, None]:
        return self.was, None


Move = Started | Completed | Requeued | Removed
"""Each says by `move` out of which counter the task goes and into which, or None."""


class Counted(msgspec.Struct):
    """Differences of a job's counters of tasks with so many slots."""

    job: int
    slots: int
    active: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0


class Leased(msgspec.Struct, frozen=True):
    """Given to a node that may not have a slot for it yet; shown as active."""

    task: int
    attempt: int
    node: int
    node_id: str


class NodesWanted(msgspec.Struct, frozen=True):
    """Add nodes as far as there is room, perhaps a portion of them; answered by `on_nodes_added` and
    `on_nodes_allocated`."""

    pool: int
    dedicated: bool
    count: int
    cores: int
    pool_id: str


class NodeMoved(msgspec.Struct, frozen=True):
    """A node of a pool is in another state from now on, or goes."""

    node: int
    id: str
    pool_id: str
    was: NodePhase
    at: int


class NodeChanged(NodeMoved, frozen=True):
    phase: NodePhase


class NodeBooted(msgspec.Struct, frozen=True):
    node: int
    booted: int
    agent_version: str
    address: str
    """empty if its agent does not say it, as the next two"""
    tier: str
    image: str


class NodeSentHome(NodeMoved, frozen=True):
    """It was ended in order and is created again, under its id."""


class NodeRemoved(NodeMoved, frozen=True):
    """With so many cores."""

    cores: int


class CoresReturned(msgspec.Struct, frozen=True):
    """To the account, by nodes that were removed."""

    cores: int


class NodeTasks(msgspec.Struct):
    """Tasks that ended on the node in this batch, to be added to its totals."""

    node: int
    ran: int = 0
    succeeded: int = 0


class StartTaskChanged(msgspec.Struct, frozen=True):
    """The node's `startTaskInfo`."""

    node: int
    attempt: int
    state: Literal["running", "completed"]
    retries: int
    last_retry: int | None
    started: int
    ended: int | None = None
    exit_code: int | None = None
    failure: Failure | None = None

    @property
    def result(self) -> Result | None:
        return result(self.exit_code, self.failure) if self.state == "completed" else None


class ResizeEnded(msgspec.Struct, frozen=True):
    """The pool is steady; `error` if it has fewer nodes than wanted."""

    pool: int
    at: int
    errors: tuple[Failure, ...] = ()


class PoolRemoved(msgspec.Struct, frozen=True):
    pool: int


class JobTerminating(msgspec.Struct, frozen=True):
    """If the reason is that all tasks are complete, only as long as they are."""

    job: int
    reason: str
    at: int

    @property
    def only_if_done(self) -> bool:
        return self.reason == ALL_TASKS_COMPLETE


class JobCompleted(msgspec.Struct, frozen=True):
    job: int
    at: int


class DueSet(msgspec.Struct, frozen=True):
    kind: DueKind
    subject: int
    at: int


class Paused(msgspec.Struct, frozen=True):
    """Due when so many ticks have passed since it is written: the times that nodes report may be those of
    another clock."""

    kind: DueKind
    subject: int
    ticks: int


class DueCleared(msgspec.Struct, frozen=True):
    kind: DueKind
    subject: int


class Changes(msgspec.Struct):
    started: dict[int, Started] = msgspec.field(default_factory=dict)
    completed: list[Completed] = msgspec.field(default_factory=list)
    requeued: dict[int, Requeued] = msgspec.field(default_factory=dict)
    removed: list[Removed] = msgspec.field(default_factory=list)
    leased: list[Leased] = msgspec.field(default_factory=list)
    node_booted: list[NodeBooted] = msgspec.field(default_factory=list)
    node_changed: list[NodeChanged] = msgspec.field(default_factory=list)
    node_tasks: dict[int, NodeTasks] = msgspec.field(default_factory=dict)
    """by number of the node"""
    start_task_changed: list[StartTaskChanged] = msgspec.field(default_factory=list)
    node_sent_home: list[NodeSentHome] = msgspec.field(default_factory=list)
    node_removed: list[NodeRemoved] = msgspec.field(default_factory=list)
    nodes_wanted: dict[bool, NodesWanted] = msgspec.field(default_factory=dict)
    resize_ended: list[ResizeEnded] = msgspec.field(default_factory=list)
    pool_removed: list[PoolRemoved] = msgspec.field(default_factory=list)
    job_terminating: list[JobTerminating] = msgspec.field(default_factory=list)
    job_completed: list[JobCompleted] = msgspec.field(default_factory=list)
    due_set: list[DueSet] = msgspec.field(default_factory=list)
    paused: list[Paused] = msgspec.field(default_factory=list)
    due_cleared: list[DueCleared] = msgspec.field(default_factory=list)

    @property
    def counted(self) -> Iterable[Counted]:
        """What tasks that move change in the counters, by job and slots."""
        moved: chain[Move] = chain(
            self.started.values(), self.completed, self.requeued.values(), self.removed
        )
        counted: dict[tuple[int, int], Counted] = {}
        for task in moved:
            key = task.job, task.slots
            counts = counted.get(key)
            if counts is None:
                counts = counted[key] = Counted(*key)
            before, after = task.move
            setattr(counts, before, getattr(counts, before) - 1)
            if after is not None:
                setattr(counts, after, getattr(counts, after) + 1)
        return counted.values()

    @property
    def failed(self) -> Iterable[Failed]:
        """Of the tasks that completed."""
        return [
            Failed(task.task, task.job, task.ended, causes.of(task.failure, task.exit_code, task.last_line))
            for task in self.completed
            if task.failure is not None or not task.succeeded
        ]

    @property
    def cores_returned(self) -> Iterable[CoresReturned]:
        cores = sum(node.cores for node in self.node_removed)
        return [CoresReturned(cores)] if cores else []

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)
