"""What happens to a node: it boots, runs the start task, takes tasks, leaves or is lost."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from batchite.scheduling import retries
from batchite.scheduling.assignments import end, resend_end
from batchite.scheduling.decisions import (
    Decisions,
    DueCleared,
    NodeBooted,
    NodeChanged,
    NodeRemoved,
    NodeSentHome,
    Paused,
    RunStartTask,
    RunTask,
    StartTaskChanged,
    StopNode,
)
from batchite.scheduling.ending import NODE_LEAVES, Ending, Failure
from batchite.scheduling.state import NodeState, ShardState
from batchite.scheduling.tasks import on_node_tasks_lost

START_TASK_RETRY: Final = "start-task-retry"


def on_node_started(node: NodeState) -> None:
    """The engine has taken the request; the node's agent has not spoken yet."""
    if node.phase == "creating":
        node.phase = "starting"


def on_node_connected(
    state: ShardState,
    node: NodeState,
    booted: int,
    agent_version: str,
    held: Collection[tuple[int, int]],
    start_task_attempt: int,
    decisions: Decisions,
) -> None:
    """The agent speaks. `held` are the (task, attempt) pairs it knows, reported ones included.

    What it should have and has not is sent again: the message may have been lost with the
    connection, or never have been sent.
    """
    node.connected = True
    if node.phase in ("creating", "starting"):
        decisions.changes.node_booted.append(NodeBooted(node.number, booted, agent_version))
        _begin(state, node, decisions)
    elif not node.start_task_done and start_task_attempt < node.start_task_attempt:
        _run_start_task(state, node, decisions)
    node.was_connected = True
    for assignment in node.assignments.values():
        if (assignment.task.number, assignment.attempt) not in held:
            decisions.effects.append(
                RunTask(node.id, assignment.job.number, assignment.attempt, assignment.task)
            )
        assignment.recalled = False
        resend_end(assignment, decisions)


def on_node_disconnected(node: NodeState) -> None:
    """The link is gone; the node may well live and come back."""
    node.connected = False


def on_start_task_started(node: NodeState, attempt: int, started: int, decisions: Decisions) -> None:
    if attempt == node.start_task_attempt and not node.start_task_done:
        retries, retried = node.start_task_retries, _retried(node, started)
        decisions.changes.start_task_changed.append(
            StartTaskChanged(node.number, attempt, "running", started, retries, retried)
        )


def on_start_task_ended(
    state: ShardState,
    node: NodeState,
    attempt: int,
    started: int,
    ended: int,
    exit_code: int | None,
    failure: Failure | None,
    decisions: Decisions,
) -> None:
    """Only a non-zero exit code is retried; after the last failure a node that waits is of no use."""
    if attempt != node.start_task_attempt or node.start_task_done:
        return
    decisions.changes.start_task_changed.append(
        StartTaskChanged(
            node.number,
            attempt,
            "completed",
            started,
            node.start_task_retries,
            _retried(node, started),
            ended,
            exit_code,
            failure,
        )
    )
    if _retry_start_task(state, node, failure, decisions):
        return
    node.start_task_done = True
    if node.phase == "waitingforstarttask":
        node.phase = "idle" if failure is None else "starttaskfailed"


def on_start_task_retry_due(state: ShardState, number: int, decisions: Decisions) -> None:
    """The pause before a node's start task is run again is over. A node that is not connected is told when
    it is."""
    decisions.changes.due_cleared.append(DueCleared(START_TASK_RETRY, number))
    node = next((node for node in state.nodes.values() if node.number == number), None)
    if node is not None and node.connected and not node.start_task_done:
        _run_start_task(state, node, decisions)


def remove(node: NodeState, decisions: Decisions, ending: Ending = NODE_LEAVES) -> None:
    """Take the node out of the pool; its tasks are ended and, by default, wait again."""
    if node.phase == "leavingpool":
        return
    node.phase = "leavingpool"
    for assignment in node.assignments.values():
        end(assignment, ending, decisions)
    decisions.effects.append(StopNode(node.id))


def on_node_gone(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """Nothing of the node runs any more, whether it was stopped or lost."""
    on_node_tasks_lost(state, node, at, decisions)
    del state.nodes[node.id]
    cores = state.pool.node_cores if state.pool is not None else 0
    decisions.changes.node_removed.append(NodeRemoved(node.number, cores))


def on_nodes_sent_home(state: ShardState, at: int, decisions: Decisions) -> None:
    """All nodes were ended in order: each boots again under its id, and what it had waits for that."""
    for node in state.nodes.values():
        on_node_tasks_lost(state, node, at, decisions)
        if node.phase != "leavingpool":
            node.phase = node.stored_phase = "creating"
            decisions.changes.node_sent_home.append(NodeSentHome(node.number, at))


def settle_phases(state: ShardState, at: int, decisions: Decisions) -> None:
    """Record the nodes whose state is another than the stored one; call it at the end of a batch."""
    for node in state.nodes.values():
        if node.phase in ("idle", "running"):
            node.phase = "running" if node.assignments else "idle"
        if node.phase != node.stored_phase:
            decisions.changes.node_changed.append(NodeChanged(node.number, node.phase, at))
            node.stored_phase = node.phase


def _begin(state: ShardState, node: NodeState, decisions: Decisions) -> None:
    """First contact after a boot: the start task, if the pool has one."""
    start_task = state.pool.start_task if state.pool is not None else None
    if start_task is None:
        node.start_task_done = True
        node.phase = "idle"
        return
    node.phase = "waitingforstarttask" if start_task.wait_for_success else "idle"
    node.start_task_attempt = max(node.start_task_attempt, 1)
    _run_start_task(state, node, decisions)


def _run_start_task(state: ShardState, node: NodeState, decisions: Decisions) -> None:
    if state.pool is not None and state.pool.start_task is not None:
        definition = state.pool.start_task.definition
        decisions.effects.append(RunStartTask(node.id, node.start_task_attempt, definition))


def _retry_start_task(
    state: ShardState, node: NodeState, failure: Failure | None, decisions: Decisions
) -> bool:
    """Whether it is run again, soon or at once."""
    start_task = state.pool.start_task if state.pool is not None else None
    code = failure.code if failure is not None else None
    if start_task is None or not retries.may_follow(code, start_task.max_retries, node.start_task_retries):
        return False
    pause = retries.pause(start_task.max_retries, node.start_task_retries)
    node.start_task_retries += 1
    node.start_task_attempt += 1
    if pause:
        decisions.changes.paused.append(Paused(START_TASK_RETRY, node.number, pause))
    else:
        _run_start_task(state, node, decisions)
    return True


def _retried(node: NodeState, started: int) -> int | None:
    return started if node.start_task_retries else None
