"""What a shard's owner is told, besides the events in its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Literal

from batchite.link import messages as link
from batchite.resources.job_nodes import FILES_DUE, JobTask
from batchite.scheduling import (
    brake,
    nodes,
    pools,
    preemption,
    preparation,
    release,
    restarts,
    retention,
    scaling,
    start_tasks,
    tasks,
    vacating,
)
from batchite.scheduling.changes.times import DueKind
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.jobs import on_empty_job_due, on_job_purged, on_job_wall_clock
from batchite.scheduling.room import Refusal
from batchite.scheduling.silence import on_look, on_node_heard
from batchite.scheduling.state import NodeState, ShardState
from batchite.wire.batch.runs import Kind


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
class NodeLost:
    """The node has ended by itself, or was killed since it did not answer: nothing of it runs any more."""

    node: str
    reason: str


@dataclass(frozen=True, slots=True)
class NodeEnded:
    """Nothing of the node runs any more, as was wanted."""

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

    kind: DueKind | Literal["job-schedule"]
    subject: int


OfNode = Frame | NodeStarted | NodeClosed | NodeLost | NodeEnded
Input = OfNode | Look | Allocated | JobPurged | Due

REPEATED = (Frame, Look, Due)
"""What comes again if it was not heard."""


def apply(state: ShardState, item: Input, now: int, decisions: Decisions) -> None:
    """Let the reactor decide; what concerns a node that is not there any more is dropped."""
    match item:
        case Frame() | NodeStarted() | NodeClosed() | NodeLost() | NodeEnded():
            if (node := state.nodes.get(item.node)) is not None:
                _apply_to(state, node, item, now, decisions)
        case Look():
            on_look(state, now, decisions)
        case Allocated(refusal):
            pools.on_nodes_allocated(state, refusal, now, decisions)
        case JobPurged(job):
            on_job_purged(state, job, decisions)
            vacating.on_files_removed(state)
        case Due(kind, subject):
            DUE[kind](state, subject, now, decisions)


def _apply_to(state: ShardState, node: NodeState, item: OfNode, now: int, decisions: Decisions) -> None:
    match item:
        case Frame():
            on_node_heard(node)
            for message in item.messages:
                _apply_message(state, node, message, now, decisions)
        case NodeStarted():
            nodes.on_node_started(node)
        case NodeClosed():
            nodes.on_node_disconnected(node)
        case NodeLost():
            restarts.on_node_lost(node, item.reason, decisions)
        case NodeEnded():
            pools.on_node_ended(state, node, now, decisions)


def _on_job_files_due(task: JobTask, _state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    retention.on_job_files_due(task, number, at, decisions)


DUE: Mapping[str, Callable[[ShardState, int, int, Decisions], None]] = {
    "resize-timeout": pools.on_resize_timeout,
    "replace-nodes": pools.on_replacement_due,
    "job-wall-clock": on_job_wall_clock,
    "empty-job": on_empty_job_due,
    "task-retry": tasks.on_retry_due,
    "preparation-retry": preparation.on_retry_due,
    "start-task-retry": start_tasks.on_start_task_retry_due,
    "node-retention": vacating.on_retention_due,
    "task-retention": retention.on_due,
    **{kind: partial(_on_job_files_due, task) for task, kind in FILES_DUE.items()},
    "autoscale-sample": scaling.on_sample_due,
    "autoscale-evaluation": scaling.on_evaluation_due,
    "boot-retry": brake.on_retry_due,
    "preemption": preemption.on_due,
    "preemption-notice": preemption.on_notice_over,
    "preemption-absence": restarts.on_preemption_over,
}


STARTED: Mapping[Kind, Callable[[ShardState, NodeState, link.RunStarted, Decisions], None]] = {
    "task": lambda _, node, report, decisions: tasks.on_task_started(node, report, decisions),
    "starttask": lambda _, node, report, decisions: start_tasks.on_start_task_started(
        node, report, decisions
    ),
    "preparation": preparation.on_started,
    "release": release.on_started,
}
ENDED: Mapping[Kind, Callable[[ShardState, NodeState, link.RunEnded, Decisions], None]] = {
    "task": tasks.on_task_ended,
    "starttask": start_tasks.on_start_task_ended,
    "preparation": preparation.on_ended,
    "release": release.on_ended,
}


def last_report(messages: list[link.FromAgent]) -> int | None:
    """The number of the last report among the messages."""
    return max((getattr(message, "report", 0) for message in messages), default=0) or None


def _apply_message(
    state: ShardState, node: NodeState, message: link.FromAgent, now: int, decisions: Decisions
) -> None:
    match message:
        case link.RunEnded():
            ENDED[message.kind](state, node, message, decisions)
        case link.RunStarted():
            STARTED[message.kind](state, node, message, decisions)
        case link.RunReturned():  # the only report that says no time, and of nothing but tasks
            tasks.on_task_returned(state, node, message, now, decisions)
        case link.FilesRemoved():
            retention.on_files_removed(node, message, decisions)
        case link.FilesKept():
            retention.on_files_kept(node, message, decisions)
        case link.Hello():
            nodes.on_node_connected(state, node, message, now, decisions)
        case link.UseMeasured():
            scaling.on_node_measured(state, node, message, now)
        case link.Heartbeat():
            pass  # it has been heard
        case (
            link.FilesListed()
            | link.FileStatus()
            | link.FileDeleted()
            | link.FileFailed()
            | link.LogsChosen()
        ):
            pass  # for whoever asked for the file
