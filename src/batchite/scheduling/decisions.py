"""What the reactor decides: changes for the store, effects that may happen once those are on disk, and
reads of what it does not keep in memory.

The changes of one batch are applied kind by kind, in the order of the fields of `Changes`. A task is
at most once in each, and a later decision about it takes the place of an earlier one.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from batchite.scheduling.state import NodePhase, QueuedTask
from batchite.wire.batch.outcome import Failure, Result, result

DueKind = Literal[
    "resize-timeout", "job-wall-clock", "empty-job", "replace-nodes", "task-retry", "start-task-retry"
]
Requeuing = Literal["retry", "requeue", "recovery", "returned"]
CountedState = Literal["active", "running", "succeeded", "failed"]
"""The states of `taskcounts`; a leased task counts as active."""


# -- changes


class Started(msgspec.Struct, frozen=True):
    task: int
    job: int
    slots: int
    started: int


class Completed(msgspec.Struct, frozen=True):
    task: int
    job: int
    slots: int
    was: Literal["active", "running"]
    started: int | None
    ended: int
    exit_code: int | None
    failure: Failure | None

    @property
    def result(self) -> Result:
        return result(self.exit_code, self.failure)

    @property
    def succeeded(self) -> bool:
        return self.result == "success"


class Requeued(msgspec.Struct, frozen=True):
    """Back to active. Only a `retry` counts as a retry, only a `requeue` as a requeue; what is `returned`
    never ran, so that nothing of it is to be seen."""

    task: int
    job: int
    slots: int
    was: Literal["active", "running"]
    why: Requeuing
    at: int


class Removed(msgspec.Struct, frozen=True):
    """The task's row goes; `was` is the state it is counted in."""

    task: int
    job: int
    slots: int
    was: CountedState


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


class NodeChanged(msgspec.Struct, frozen=True):
    node: int
    phase: NodePhase
    at: int


class NodeBooted(msgspec.Struct, frozen=True):
    node: int
    booted: int
    agent_version: str


class NodeSentHome(msgspec.Struct, frozen=True):
    """It was ended in order and is created again, under its id."""

    node: int
    at: int


class NodeRemoved(msgspec.Struct, frozen=True):
    """Its cores return to the account."""

    node: int
    cores: int


class NodeTasks(msgspec.Struct):
    """Tasks that ended on the node in this batch, to be added to its totals."""

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
    """If `reason` is that all tasks are complete, only as long as they are."""

    job: int
    reason: str
    at: int


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

    def __bool__(self) -> bool:
        return any(getattr(self, name) for name in self.__struct_fields__)


# -- effects


class RunTask(msgspec.Struct, frozen=True):
    node: str
    job: int
    attempt: int
    task: QueuedTask


class EndTask(msgspec.Struct, frozen=True):
    node: str
    task: int
    attempt: int
    failure: Failure


class RecallTask(msgspec.Struct, frozen=True):
    node: str
    task: int
    attempt: int


class RemoveTaskFiles(msgspec.Struct, frozen=True):
    """Goes by the job's id: a completed job is not in memory any more."""

    node: str
    job_id: str
    task_id: str


class RunStartTask(msgspec.Struct, frozen=True):
    node: str
    attempt: int
    definition: bytes


class StartNode(msgspec.Struct, frozen=True):
    """Ask the engine for it."""

    node: str


class StopNode(msgspec.Struct, frozen=True):
    """Have the engine end it; answered by `on_node_gone`."""

    node: str


class KillNode(msgspec.Struct, frozen=True):
    """It does not answer: have the engine kill all of it; answered by `on_node_gone`."""

    node: str
    reason: str


class PurgeJob(msgspec.Struct, frozen=True):
    """Remove the job, its tasks and their files; answered by `on_job_purged`."""

    job: int


Effect = (
    RunTask
    | EndTask
    | RecallTask
    | RemoveTaskFiles
    | RunStartTask
    | StartNode
    | StopNode
    | KillNode
    | PurgeJob
)


# -- reads


class ReadWindow(msgspec.Struct, frozen=True):
    """Read active tasks past the cursor; answered by `on_window_read`."""

    job: int
    slots: int
    after: int
    limit: int
    size: int
    """bytes of definitions after which it is enough"""


class ReadTask(msgspec.Struct, frozen=True):
    """Read the task if it waits still; answered by `on_task_read`."""

    task: int


Read = ReadWindow | ReadTask


class Decisions(msgspec.Struct):
    """What one batch of events leads to."""

    changes: Changes = msgspec.field(default_factory=Changes)
    effects: list[Effect] = msgspec.field(default_factory=list)
    reads: list[Read] = msgspec.field(default_factory=list)

    def take_reads(self) -> list[Read]:
        """What is to be read, which is not asked for again."""
        reads, self.reads = self.reads, []
        return reads
