"""What a shard's owner is told, besides the events in its table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from batchite.link import messages as link
from batchite.scheduling import nodes, pools, tasks
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.ending import Failure
from batchite.scheduling.jobs import on_empty_job_due, on_job_purged, on_job_wall_clock
from batchite.scheduling.room import Refusal
from batchite.scheduling.silence import on_look, on_node_heard
from batchite.scheduling.state import NodeState, ShardState

MAX_TEXT = 1024
"""Characters of a text in a failure."""
MAX_DETAILS = 20


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
    """The engine took the request."""

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

    kind: str
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
            _DUE[kind](state, subject, now, decisions)


_DUE: Mapping[str, Callable[[ShardState, int, int, Decisions], None]] = {
    "resize-timeout": pools.on_resize_timeout,
    "replace-nodes": pools.on_replacement_due,
    "job-wall-clock": on_job_wall_clock,
    "empty-job": on_empty_job_due,
    tasks.RETRY: lambda _state, task, _now, decisions: tasks.on_retry_due(task, decisions),
    nodes.START_TASK_RETRY: lambda state, node, _now, decisions: nodes.on_start_task_retry_due(
        state, node, decisions
    ),
}


def last_report(messages: list[link.FromAgent]) -> int | None:
    """The number of the last report among the messages."""
    return max((getattr(message, "report", 0) for message in messages), default=0) or None


def _apply_message(
    state: ShardState, node: NodeState, message: link.FromAgent, now: int, decisions: Decisions
) -> None:
    if isinstance(message, link.TaskReturned):  # the only report that says no time
        tasks.on_task_returned(state, node, message.task, message.attempt, now, decisions)
        return
    handle = _MESSAGES.get(type(message))
    if handle is not None:
        handle(state, node, message, decisions)


def _hello(state: ShardState, node: NodeState, hello: link.Hello, decisions: Decisions) -> None:
    held = {(one.task, one.attempt) for one in hello.held}
    nodes.on_node_connected(
        state, node, hello.booted, _short(hello.agent_version), held, hello.start_task_attempt, decisions
    )


def _start_task_started(
    _state: ShardState, node: NodeState, report: link.StartTaskStarted, decisions: Decisions
) -> None:
    nodes.on_start_task_started(node, report.attempt, report.started, decisions)


def _start_task_ended(
    state: ShardState, node: NodeState, report: link.StartTaskEnded, decisions: Decisions
) -> None:
    nodes.on_start_task_ended(
        state,
        node,
        report.attempt,
        report.started,
        report.ended,
        report.exit_code,
        _failure(report.failure),
        decisions,
    )


def _task_started(state: ShardState, node: NodeState, report: link.TaskStarted, decisions: Decisions) -> None:
    tasks.on_task_started(state, node, report.task, report.attempt, report.started, decisions)


def _task_ended(state: ShardState, node: NodeState, report: link.TaskEnded, decisions: Decisions) -> None:
    tasks.on_task_ended(
        state,
        node,
        report.task,
        report.attempt,
        report.started,
        report.ended,
        report.exit_code,
        _failure(report.failure),
        decisions,
    )


def _failure(failure: link.Failure | None) -> Failure | None:
    if failure is None:
        return None
    details = tuple((_short(name), _short(text)) for name, text in failure.details[:MAX_DETAILS])
    return Failure(
        "servererror" if failure.category == "servererror" else "usererror",
        _short(failure.code),
        _short(failure.message),
        details,
    )


def _short(text: str) -> str:
    """What an agent says may quote a whole command line, and is stored and shown with every task."""
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 1]}…"


_MESSAGES: Mapping[type, Callable[[ShardState, NodeState, Any, Decisions], None]] = {
    link.Hello: _hello,
    link.StartTaskStarted: _start_task_started,
    link.StartTaskEnded: _start_task_ended,
    link.TaskStarted: _task_started,
    link.TaskEnded: _task_ended,
}
