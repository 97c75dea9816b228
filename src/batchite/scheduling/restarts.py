"""Nodes that are ended and stay in their pool: to boot again, to rest (deallocated, preempted), or since
their boot failed.

What is wanted of a node is in its row (`scheduling.vacating`), with the state that clients see. When nothing
is left that its option waits for, its engine is asked to end it (`HaltNode`), with its files where these are
to go. Only when that is done is the wish taken out of the row, in the commit by which the node begins anew
or rests: whoever owns the shard next asks again as long as it is there, and starts a node that is to boot and
has no handle. So a node may boot once more than was wanted, and never once less.
"""

from __future__ import annotations

from batchite.resources.states import BEGINNING, WITHOUT_FILES
from batchite.resources.vacating import PREEMPTED
from batchite.scheduling import brake, job_nodes, preemption, vacating
from batchite.scheduling.changes.nodes import NodeReset, NodeRested, moved
from batchite.scheduling.changes.times import DueCleared
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import HaltNode, StartNode, StopNode
from batchite.scheduling.state import LONG_PACE, NodePhase, NodeState, ShardState
from batchite.scheduling.tasks import on_node_tasks_lost
from batchite.wire.batch.outcome import Failure, bounded, shortened


def is_to_begin(node: NodeState) -> bool:
    """Whether its engine is to be asked for it, unless it has been."""
    return node.phase in BEGINNING and not node.was_connected and not vacating.halts(node)


def on_node_wanted(
    state: ShardState, node: NodeState, phase: NodePhase, disabled: bool, at: int, decisions: Decisions
) -> None:
    """An operation has told the node something: what it is to be, and whether it takes tasks. What it is to
    take no more of them for is known by then."""
    node.is_disabled = disabled
    if node.vacating is not None and node.vacating.purpose == "disable" and not disabled:
        vacating.release(state, node, decisions)
    if phase == "starting" and node.phase == "deallocated":
        _forget_boot(node)
        node.phase = node.stored_phase = phase
        decisions.effects.append(StartNode(node.id))


def on_node_lost(node: NodeState, reason: str, decisions: Decisions) -> None:
    """Nothing of the node runs any more, which nobody wanted: it does what it was about to do, rests if it
    never came to take tasks, or leaves the pool and is replaced."""
    if node.is_lost:
        return
    node.is_lost, node.loss = True, reason
    if vacating.halts(node):
        if not node.is_vacated:
            vacating.halt(node, decisions)
    elif node.is_ready or node.is_leaving:
        decisions.effects.append(StopNode(node.id))
    else:
        decisions.effects.append(HaltNode(node.id, wipe=False))


def on_node_unprepared(node: NodeState, failure: Failure, decisions: Decisions) -> None:
    """Its agent lives, and cannot have the node be what its pool wants: this boot has failed."""
    if not node.is_lost and not node.is_leaving:
        node.is_lost, node.unprepared = True, bounded(failure)
        node.loss = shortened(failure.message.rstrip("."))
        decisions.effects.append(HaltNode(node.id, wipe=False))


def on_node_ended(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> bool:
    """Nothing of the node runs any more, as was wanted. Returns whether it stays in the pool."""
    if node.is_leaving:
        return False
    if vacating.halts(node) and node.is_vacated:
        if node.phase == "deallocating":
            _rest(state, node, "deallocated", (), at, decisions)
        elif node.vacating == PREEMPTED:
            _rest(state, node, "preempted", (), at, decisions)
            preemption.expect_return(state, node, at, decisions)
        else:
            begin_again(state, node, node.phase, at, decisions)
    elif node.is_lost:
        if node.is_ready:
            return False
        error = brake.on_boot_failed(state, node, at, decisions)
        _rest(state, node, "unusable", (error,), at, decisions)
    elif node.phase == "unusable":
        begin_again(state, node, "creating", at, decisions)
    elif is_to_begin(node):  # it was told of before, and not heard
        decisions.effects.append(StartNode(node.id))
    return True


def begin_again(
    state: ShardState, node: NodeState, phase: NodePhase, at: int, decisions: Decisions, *, start: bool = True
) -> None:
    """The node boots anew, under its id and with the pool's present definition; what it had waits or is over,
    as was wanted."""
    job_nodes.on_node_ended(state, node, is_wiped=phase in WITHOUT_FILES)
    on_node_tasks_lost(state, node, at, decisions)
    decisions.changes.node_reset.append(NodeReset(*moved(state, node, at), phase))
    vacating.release(state, node, decisions)
    _forget_boot(node)
    _enter(node, phase)
    if start:
        decisions.effects.append(StartNode(node.id))


def _rest(
    state: ShardState,
    node: NodeState,
    phase: NodePhase,
    errors: tuple[Failure, ...],
    at: int,
    decisions: Decisions,
) -> None:
    """Nothing of the node runs until somebody, or the time, has it begin again."""
    job_nodes.on_node_ended(state, node, is_wiped=phase in WITHOUT_FILES)
    on_node_tasks_lost(state, node, at, decisions)
    decisions.changes.node_rested.append(NodeRested(*moved(state, node, at), phase, node.failures, errors))
    vacating.release(state, node, decisions)
    _forget_boot(node)
    _enter(node, phase)


def _enter(node: NodeState, phase: NodePhase) -> None:
    """Users go with the files."""
    node.phase = node.stored_phase = phase
    if phase in WITHOUT_FILES:
        node.logins = ()


def _forget_boot(node: NodeState) -> None:
    """Of the last one."""
    node.connected = node.was_connected = node.is_ready = node.is_begun = False
    node.is_given_up = node.is_lost = False
    node.is_preparing, node.unprepared = False, None
    node.silence, node.pace = 0, LONG_PACE
    node.start_task = None
    node.start_task_attempt = node.start_task_retries = 0
    node.start_task_done = node.start_task_failed = False


def on_preemption_over(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """There is a machine again for a node that was preempted: it is made anew under its id."""
    decisions.changes.due_cleared.append(DueCleared(preemption.ABSENCE, number))
    node = state.node(number)
    if node is not None and node.phase == "preempted" and node.vacating is None:
        begin_again(state, node, "creating", at, decisions)
