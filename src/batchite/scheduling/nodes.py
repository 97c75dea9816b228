"""What happens to a node: it boots, runs the start task, takes tasks, leaves or is lost."""

from __future__ import annotations

from batchite.link.messages import Hello
from batchite.scheduling import start_tasks
from batchite.scheduling.assignments import end, resend_end
from batchite.scheduling.changes import NodeBooted, NodeChanged, NodeRemoved, NodeSentHome
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import RunTask, StopNode
from batchite.scheduling.ending import NODE_LEAVES, Ending
from batchite.scheduling.state import NodePhase, NodeState, ShardState
from batchite.scheduling.tasks import on_node_tasks_lost
from batchite.wire.batch.outcome import shortened


def on_node_started(node: NodeState) -> None:
    """The engine is starting it; the node's agent has not spoken yet."""
    if node.phase == "creating":
        node.phase = "starting"


def on_node_connected(state: ShardState, node: NodeState, hello: Hello, decisions: Decisions) -> None:
    """The agent speaks.

    What it should have and has not is sent again: the message may have been lost with the
    connection, or never have been sent.
    """
    node.connected = True
    if node.phase in ("creating", "starting"):
        version = shortened(hello.agent_version)
        decisions.changes.node_booted.append(
            NodeBooted(node.number, hello.booted, version, hello.address, hello.tier, shortened(hello.image))
        )
        start_tasks.begin(state, node, decisions)
    elif not node.start_task_done and hello.start_task_attempt < node.start_task_attempt:
        start_tasks.run(state, node, decisions)
    node.was_connected = True
    held = {(one.task, one.attempt) for one in hello.held}
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
    decisions.changes.node_removed.append(NodeRemoved(*_moved(state, node, at), cores))


def on_nodes_sent_home(state: ShardState, at: int, decisions: Decisions) -> None:
    """All nodes were ended in order: each boots again under its id, and what it had waits for that."""
    for node in state.nodes.values():
        on_node_tasks_lost(state, node, at, decisions)
        if node.phase != "leavingpool":
            decisions.changes.node_sent_home.append(NodeSentHome(*_moved(state, node, at)))
            node.phase = node.stored_phase = "creating"


def settle_phases(state: ShardState, at: int, decisions: Decisions) -> None:
    """Record the nodes whose state is another than the stored one; call it at the end of a batch."""
    for node in state.nodes.values():
        if node.phase in ("idle", "running"):
            node.phase = "running" if node.assignments else "idle"
        if node.phase != node.stored_phase:
            decisions.changes.node_changed.append(NodeChanged(*_moved(state, node, at), node.phase))
            node.stored_phase = node.phase


def _moved(state: ShardState, node: NodeState, at: int) -> tuple[int, str, str, NodePhase, int]:
    """What every change of a node begins with."""
    return node.number, node.id, "" if state.pool is None else state.pool.id, node.stored_phase, at
