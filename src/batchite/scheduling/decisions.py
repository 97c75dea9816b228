"""What the reactor decides: changes for the store, and effects that may happen once those are on disk.

The changes of one batch are applied kind by kind, in the order of the fields of `Changes`. A task is
at most once in each, and a later decision about it takes the place of an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Literal

from batchite.scheduling.ending import Failure
from batchite.scheduling.state import NodePhase, QueuedTask

DueKind = Literal["resize-timeout", "job-wall-clock", "replace-nodes"]
CountedState = Literal["active", "running", "succeeded", "failed"]
"""The states of `taskcounts`; a leased task counts as active."""


# -- changes


@dataclass(frozen=True, slots=True)
class Started:
    task: int
    job: int
    slots: int
    started: int


@dataclass(frozen=True, slots=True)
class Completed:
    task: int
    job: int
    slots: int
    was: Literal["active", "running"]
    started: int | None
    ended: int
    exit_code: int | None
    failure: Failure | None

    @property
    def succeeded(self) -> bool:
        return self.failure is None and self.exit_code == 0


@dataclass(frozen=True, slots=True)
class Requeued:
    """Back to active. Only a `retry` counts as a retry, only a `requeue` as a requeue."""

    task: int
    job: int
    slots: int
    was: Literal["active", "running"]
    why: Literal["retry", "requeue", "recovery", "returned"]
    at: int


@dataclass(frozen=True, slots=True)
class Removed:
    """The task's row goes; `was` is the state it is counted in."""

    task: int
    job: int
    slots: int
    was: CountedState


@dataclass(frozen=True, slots=True)
class Leased:
    """Given to a node that may not have a slot for it yet; shown as active."""

    task: int
    attempt: int
    node: int
    node_id: str


@dataclass(frozen=True, slots=True)
class NodesWanted:
    """Add nodes as far as the account's core quota goes; answered by `on_nodes_allocated`."""

    pool: int
    dedicated: bool
    count: int
    cores: int


@dataclass(frozen=True, slots=True)
class NodeChanged:
    node: int
    phase: NodePhase
    at: int


@dataclass(frozen=True, slots=True)
class NodeBooted:
    node: int
    booted: int
    agent_version: str


@dataclass(frozen=True, slots=True)
class NodeRemoved:
    """Its cores return to the account."""

    node: int
    cores: int


@dataclass(slots=True)
class NodeTasks:
    """Tasks that ended on the node in this batch, to be added to its totals."""

    ran: int = 0
    succeeded: int = 0


@dataclass(frozen=True, slots=True)
class StartTaskChanged:
    """The node's `startTaskInfo`."""

    node: int
    attempt: int
    state: Literal["running", "completed"]
    started: int
    retries: int
    last_retry: int | None
    ended: int | None = None
    exit_code: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ResizeEnded:
    """The pool is steady; `error` if it has fewer nodes than wanted."""

    pool: int
    at: int
    errors: tuple[Failure, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolRemoved:
    pool: int


@dataclass(frozen=True, slots=True)
class JobTerminating:
    """If `reason` is that all tasks are complete, only as long as they are."""

    job: int
    reason: str
    at: int


@dataclass(frozen=True, slots=True)
class JobCompleted:
    job: int
    at: int


@dataclass(frozen=True, slots=True)
class DueSet:
    kind: DueKind
    subject: int
    at: int


@dataclass(frozen=True, slots=True)
class DueCleared:
    kind: DueKind
    subject: int


@dataclass(slots=True)
class Changes:
    started: dict[int, Started] = field(default_factory=dict)
    completed: list[Completed] = field(default_factory=list)
    requeued: dict[int, Requeued] = field(default_factory=dict)
    removed: list[Removed] = field(default_factory=list)
    leased: list[Leased] = field(default_factory=list)
    node_booted: list[NodeBooted] = field(default_factory=list)
    node_changed: list[NodeChanged] = field(default_factory=list)
    node_tasks: dict[int, NodeTasks] = field(default_factory=dict)
    """by number of the node"""
    start_task_changed: list[StartTaskChanged] = field(default_factory=list)
    node_removed: list[NodeRemoved] = field(default_factory=list)
    nodes_wanted: dict[bool, NodesWanted] = field(default_factory=dict)
    resize_ended: list[ResizeEnded] = field(default_factory=list)
    pool_removed: list[PoolRemoved] = field(default_factory=list)
    job_terminating: list[JobTerminating] = field(default_factory=list)
    job_completed: list[JobCompleted] = field(default_factory=list)
    due_set: list[DueSet] = field(default_factory=list)
    due_cleared: list[DueCleared] = field(default_factory=list)

    def __bool__(self) -> bool:
        return any(getattr(self, entry.name) for entry in fields(self))


# -- effects


@dataclass(frozen=True, slots=True)
class RunTask:
    node: str
    job: int
    attempt: int
    task: QueuedTask


@dataclass(frozen=True, slots=True)
class EndTask:
    node: str
    task: int
    attempt: int
    failure: Failure


@dataclass(frozen=True, slots=True)
class RecallTask:
    node: str
    task: int
    attempt: int


@dataclass(frozen=True, slots=True)
class RemoveTaskFiles:
    """Goes by the job's id: a completed job is not in memory any more."""

    node: str
    job_id: str
    task_id: str


@dataclass(frozen=True, slots=True)
class RunStartTask:
    node: str
    attempt: int
    definition: bytes


@dataclass(frozen=True, slots=True)
class StartNode:
    """Ask the engine for it."""

    node: str


@dataclass(frozen=True, slots=True)
class StopNode:
    """Have the engine end it; answered by `on_node_gone`."""

    node: str


@dataclass(frozen=True, slots=True)
class ReadWindow:
    """Read active tasks past the cursor; answered by `on_window_read`."""

    job: int
    slots: int
    after: int
    limit: int


@dataclass(frozen=True, slots=True)
class PurgeJob:
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
    | ReadWindow
    | PurgeJob
)


@dataclass(slots=True)
class Decisions:
    """What one batch of events leads to."""

    changes: Changes = field(default_factory=Changes)
    effects: list[Effect] = field(default_factory=list)

    def take_reads(self) -> list[ReadWindow]:
        """The windows to be read, which are no longer among the effects then."""
        reads = [effect for effect in self.effects if isinstance(effect, ReadWindow)]
        if reads:
            self.effects = [effect for effect in self.effects if not isinstance(effect, ReadWindow)]
        return reads
