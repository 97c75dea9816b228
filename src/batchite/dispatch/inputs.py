"""What a shard's owner is told, besides the events in its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from batchite.link import messages as link
from batchite.scheduling import nodes, pools, start_tasks, tasks
from batchite.scheduling.changes import DueKind
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.jobs import on_empty_job_due, on_job_purged, on_job_wall_clock
from batchite.scheduling.room import Refusal
from batchite.scheduling.silence import on_look, on_node_heard
from batchite.scheduling.state import NodeState, ShardState


@dataclass(frozen=True, slots=True)
class Frame:
    """Messages of a node's agent, in order."""

    node: str
    messages: list[link.FromAgent]


@dataclass(frozen=True, slots=True)
class Look:
    """It is time to look for nodes that say nothing."""


@dataclass(frozen=True, slots=True)
class NodeStarted:
    """The engine is starting the node, which does not wait for anything."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeClosed:
    """The node's link is gone."""

    node: str


@dataclass(frozen=True, slots=True)
class NodeEnded:
    """Nothing of the node runs any more."""

    node: str


@dataclass(frozen=True, slots=True)
class Allocated:
    """The store made nodes, or made no more; those made are known already."""

    refusal: Refusal | None


@dataclass(frozen=True, slots=True)
class JobPurged:
    job: int


@dataclass(frozen=True, slots=True)
class Due:
    """A row's time has come."""

    kind: DueKind
    subject: int


Input = Frame | Look | NodeStarted | NodeClosed | NodeEnded | Allocated | JobPurged | Due

REPEATED = (Frame, Look, Due)
"""What comes again if it was not heard."""


def apply(state: ShardState, item: Input, now: int, decisions: Decisions) -> None:
    """Let the reactor decide; what concerns a node that is not there any more is dropped."""
    match item:
        case Frame(node_id, messages):
            node = state.nodes.get(node_id)
            if node is not None:
                on_node_heard(node)
                for message in messages:
                    _apply_message(state, node, message, now, decisions)
        case Look():
            on_look(state, now, decisions)
        case NodeStarted(node_id):
            if node_id in state.nodes:
                nodes.on_node_started(state.nodes[node_id])
        case NodeClosed(node_id):
            if node_id in state.nodes:
                nodes.on_node_disconnected(state.nodes[node_id])
        case NodeEnded(node_id):
            if node_id in state.nodes:
                pools.on_node_ended(state, state.nodes[node_id], now, decisions)
        case Allocated(refusal):
            pools.on_nodes_allocated(state, refusal, now, decisions)
        case JobPurged(job):
            on_job_purged(state, job, decisions)
        case Due(kind, subject):
            DUE[kind](state, subject, now, decisions)


DUE: Mapping[DueKind, Callable[[ShardState, int, int, Decisions], None]] = {
    "resize-timeout": pools.on_resize_timeout,
    "replace-nodes": pools.on_replacement_due,
    "job-wall-clock": on_job_wall_clock,
    "empty-job": on_empty_job_due,
    "task-retry": tasks.on_retry_due,
    "start-task-retry": start_tasks.on_start_task_retry_due,
}


def last_report(messages: list[link.FromAgent]) -> int | None:
    """The number of the last report among the messages."""
    return max((getattr(message, "report", 0) for message in messages), default=0) or None


def _apply_message(
    state: ShardState, node: NodeState, message: link.FromAgent, now: int, decisions: Decisions
) -> None:
    match message:
        case link.TaskEnded():
            tasks.on_task_ended(state, node, message, decisions)
        case link.TaskStarted():
            tasks.on_task_started(node, message, decisions)
        case link.TaskReturned():  # the only report that says no time
            tasks.on_task_returned(state, node, message, now, decisions)
        case link.StartTaskStarted():
            start_tasks.on_start_task_started(node, message, decisions)
        case link.StartTaskEnded():
            start_tasks.on_start_task_ended(state, node, message, decisions)
        case link.Hello():
            nodes.on_node_connected(state, node, message, decisions)
        case link.Heartbeat():
            pass  # it has been heard
        case (
            link.FilesListed()
            | link.FileStatus()
            | link.FileDeleted()
            | link.FileFailed()
            | link.UseMeasured()
        ):
            pass  # for whoever asked for the file
