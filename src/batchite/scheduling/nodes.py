"""What happens to a node: it boots, runs the start task, takes tasks, leaves or is lost."""

from __future__ import annotations

from batchite.link.messages import PROTOCOL, Hello, RunKey
from batchite.resources.states import NODE, TAKING, WITHOUT_FILES
from batchite.resources.vacating import Vacating
from batchite.scheduling import job_nodes, preemption, restarts, retention, start_tasks, vacating
from batchite.scheduling.assignments import recall, resend_end
from batchite.scheduling.changes.nodes import NodeBooted, NodeChanged, NodeRemoved, NodeReset, moved
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun, KillNode, RunTask, SetLogins
from batchite.scheduling.ending import FORGOTTEN
from batchite.scheduling.state import NodePhase, NodeState, ShardState
from batchite.scheduling.tasks import on_node_tasks_lost, take_back, tell_limit
from batchite.wire.batch.login import Login
from batchite.wire.batch.outcome import shortened


def on_node_started(node: NodeState) -> None:
    """The engine is starting it; the node's agent has not spoken yet."""
    node.is_begun = True
    if restarts.is_to_begin(node):
        node.phase = "starting"


def on_node_connected(
    state: ShardState, node: NodeState, hello: Hello, at: int, decisions: Decisions
) -> None:
    """The agent speaks.

    What it should have and has not is sent again: the message may have been lost with the
    connection, or never have been sent. A node that takes no more tasks is not sent what it has not begun,
    and no node what it has not begun of a job that is to start no more.
    """
    node.connected = True
    if hello.protocol != PROTOCOL:
        _send_home(state, node, hello, at, decisions)
        return
    held = frozenset(hello.held)
    decisions.effects.append(SetLogins(node.id, node.logins))
    node.is_preparing = hello.is_preparing
    if restarts.is_to_begin(node) and node.is_preparing:
        return  # it says when it is not any more
    if restarts.is_to_begin(node) and hello.unprepared is not None:
        restarts.on_node_unprepared(node, hello.unprepared, decisions)
        return
    if restarts.is_to_begin(node):
        _begin(state, node, hello, decisions)
    else:
        start_tasks.run_again(node, held, decisions)
    node.was_connected = True
    retention.look(node, decisions)
    job_nodes.on_node_connected(state, node, held, decisions)
    _end_orphans(node, held, decisions)
    _send_again(state, node, held, at, decisions)


def _begin(state: ShardState, node: NodeState, hello: Hello, decisions: Decisions) -> None:
    """The node has booted, and runs the start task that its pool has now."""
    node.start_task = state.pool.rules.start_task if state.pool is not None else None
    decisions.changes.node_booted.append(
        NodeBooted(
            node.number,
            hello.booted,
            shortened(hello.agent_version),
            hello.address,
            hello.tier,
            shortened(hello.image),
            node.start_task,
        )
    )
    start_tasks.begin(node, decisions)


def _send_again(
    state: ShardState, node: NodeState, held: frozenset[RunKey], at: int, decisions: Decisions
) -> None:
    """Tasks of the node that its agent does not have, and what it may not have heard of those it has."""
    for assignment in list(node.assignments.values()):
        is_held = RunKey(assignment.task.number, assignment.attempt) in held
        starts = node.vacating is None and assignment.job.state != "disabling"
        if not is_held and assignment.started is None and not starts:
            take_back(state, assignment, at, decisions)
            continue
        if not is_held and not job_nodes.is_held(assignment):
            decisions.effects.append(
                RunTask(node.id, assignment.job.number, assignment.attempt, assignment.task)
            )
        else:
            tell_limit(assignment, decisions)
        assignment.recalled = False
        if assignment.job.state == "disabling":
            recall(assignment, decisions)
        resend_end(assignment, decisions)


def _end_orphans(node: NodeState, held: frozenset[RunKey], decisions: Decisions) -> None:
    """Tasks that were taken from the node while it could not hear of it."""
    known = {(one.task.number, one.attempt) for one in node.assignments.values()}
    for one in held:
        if one.kind == "task" and (one.number, one.attempt) not in known:
            decisions.effects.append(EndRun(node.id, one.number, one.attempt, FORGOTTEN))


def _send_home(state: ShardState, node: NodeState, hello: Hello, at: int, decisions: Decisions) -> None:
    """An agent of another protocol has outlived the service that began it: what it runs comes to its end,
    then its node boots again with an agent of this service. One that has just booted is of no use at all."""
    if restarts.is_to_begin(node):
        spoken = f"protocol {hello.protocol} and not {PROTOCOL}"
        reason = f"its agent, {shortened(hello.agent_version)}, speaks {spoken}"
        decisions.effects.append(KillNode(node.id, reason))
        return
    node.was_connected = True
    for assignment in list(node.assignments.values()):
        assignment.recalled = False
        if RunKey(assignment.task.number, assignment.attempt) in hello.held:
            resend_end(assignment, decisions)
        else:
            take_back(state, assignment, at, decisions)
    if not node.is_leaving and not vacating.halts(node):
        vacating.begin(state, node, Vacating("reboot", "taskcompletion"), at, decisions)


def on_logins_changed(
    state: ShardState, number: int, logins: tuple[Login, ...], decisions: Decisions
) -> None:
    """These are the users of the node with this number, if it is there still."""
    if (node := state.node(number)) is not None:
        node.logins = logins
        decisions.effects.append(SetLogins(node.id, logins))


def on_node_disconnected(node: NodeState) -> None:
    """The link is gone; the node may well live and come back."""
    node.connected = False


def on_node_gone(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """Nothing of the node runs any more, whether it was stopped or lost."""
    job_nodes.on_node_gone(state, node)
    on_node_tasks_lost(state, node, at, decisions)
    vacating.forget(node, decisions)
    retention.forget(node, decisions)
    del state.nodes[node.id]
    cores = state.pool.node_cores if state.pool is not None else 0
    decisions.changes.node_removed.append(NodeRemoved(*moved(state, node, at), cores))


def on_nodes_sent_home(state: ShardState, at: int, decisions: Decisions) -> None:
    """All nodes were ended in order: each boots again under its id, and what it had waits for that. So does
    one that was to leave and keeps files that somebody may want. One that was to lose its files still is, and
    one that rests goes on resting.
    """
    for node in state.nodes.values():
        on_node_tasks_lost(state, node, at, decisions)
        wanted = node.vacating
        keeps_files = wanted is not None and wanted.option == "retaineddata"
        if not NODE[node.phase].runs or (node.is_leaving and not keeps_files):
            continue
        if node.is_leaving or (wanted is not None and wanted.purpose in vacating.WIPING):
            job_nodes.on_node_ended(state, node, is_wiped=node.phase in WITHOUT_FILES)
            decisions.changes.node_reset.append(NodeReset(*moved(state, node, at), node.phase))
            continue
        phase: NodePhase = "rebooting" if node.phase == "rebooting" else "creating"
        restarts.begin_again(state, node, phase, at, decisions, start=False)
        vacating.settle(node, decisions)


def settle_phases(state: ShardState, at: int, decisions: Decisions) -> None:
    """Record the nodes of which something is another than what is stored; call it at the end of a batch."""
    for node in state.nodes.values():
        vacating.settle(node, decisions)
        if node.phase in TAKING:
            if not node.is_ready:
                preemption.on_node_ready(state, node, at, decisions)
            node.is_ready, node.failures = True, 0
            node.phase = "running" if node.assignments else "offline" if node.is_disabled else "idle"
        if node.phase != node.stored_phase:
            decisions.changes.node_changed.append(NodeChanged(*moved(state, node, at), node.phase))
            node.stored_phase = node.phase
