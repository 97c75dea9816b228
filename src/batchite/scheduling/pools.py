"""What happens to a pool: it gets as many nodes as it is to have, and goes when it has none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from batchite.scheduling.changes import DueCleared, DueSet, NodesWanted, PoolRemoved, ResizeEnded
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import StartNode
from batchite.scheduling.nodes import on_node_gone, remove
from batchite.scheduling.room import Refusal, explain
from batchite.scheduling.state import NodeState, PoolState, ShardState
from batchite.wire.batch.outcome import Failure
from batchite.wire.ticks import TICKS_PER_SECOND

REPLACEMENT_PAUSE = 5 * TICKS_PER_SECOND
"""Before a node is replaced that was lost without ever having spoken: the next may fare no better."""


def on_pool_changed(state: ShardState, pool: PoolState | None, at: int, decisions: Decisions) -> None:
    """The pool was added or changed, or (None) is not there."""
    state.pool = pool
    if pool is None:
        return
    if pool.state == "deleting":
        for node in list(state.nodes.values()):
            remove(node, decisions)
        _remove_if_empty(state, decisions)
    elif pool.allocation_state == "resizing":
        decisions.changes.due_set.append(DueSet("resize-timeout", pool.number, pool.resize_ends_at))
        size(state, at, decisions)


def size(state: ShardState, at: int, decisions: Decisions) -> None:
    """Ask for missing nodes and let go of those too many; a resize ends when neither is left to do."""
    pool = state.pool
    if pool is None or pool.state != "active":
        return
    settled = True
    for dedicated, target in ((True, pool.target_dedicated), (False, pool.target_low_priority)):
        members = [node for node in state.nodes.values() if node.dedicated == dedicated]
        staying = [node for node in members if node.phase != "leavingpool"]
        if len(staying) < target:
            wanted = NodesWanted(pool.number, dedicated, target - len(staying), pool.node_cores, pool.id)
            decisions.changes.nodes_wanted[dedicated] = wanted
            settled = False
        for node in _least_useful(staying)[: max(len(staying) - target, 0)]:
            remove(node, decisions)
        settled = settled and len(members) == len(staying) == target
    if settled and pool.allocation_state != "steady":
        _end_resize(state, at, (), decisions)


def on_nodes_added(state: ShardState, nodes: Iterable[NodeState], decisions: Decisions) -> None:
    """The store has made these nodes, of all kinds; `on_nodes_allocated` follows."""
    for node in nodes:
        state.nodes[node.id] = node
        decisions.effects.append(StartNode(node.id))


def on_nodes_allocated(state: ShardState, refusal: Refusal | None, at: int, decisions: Decisions) -> None:
    """The store has made a portion of the nodes wanted, and no more if there is a refusal."""
    pool = state.pool
    if refusal is not None and pool is not None:
        _end_resize(state, at, (explain(refusal, pool.node_cores),), decisions)
    else:
        size(state, at, decisions)


def on_node_ended(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """The node is no more: stopped on request, or lost and to be replaced."""
    on_node_gone(state, node, at, decisions)
    pool = state.pool
    if pool is None:
        return
    if pool.state == "deleting":
        _remove_if_empty(state, decisions)
    elif node.was_connected or node.phase == "leavingpool":
        size(state, at, decisions)
    else:
        decisions.changes.due_set.append(DueSet("replace-nodes", pool.number, at + REPLACEMENT_PAUSE))


def on_replacement_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    decisions.changes.due_cleared.append(DueCleared("replace-nodes", number))
    if state.pool is not None and state.pool.number == number:
        size(state, at, decisions)


def on_resize_timeout(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """The resize took too long; the pool keeps what it has."""
    decisions.changes.due_cleared.append(DueCleared("resize-timeout", number))
    pool = state.pool
    if pool is None or pool.number != number or pool.allocation_state == "steady" or pool.state != "active":
        return
    error = Failure(
        "servererror",
        "AllocationTimedout",
        "The pool did not reach its target size within resizeTimeout. Delete it and add it anew, "
        "with a longer timeout if its nodes need more time.",
    )
    _end_resize(state, at, (error,), decisions)


def _end_resize(state: ShardState, at: int, errors: tuple[Failure, ...], decisions: Decisions) -> None:
    pool = state.pool
    if pool is None or pool.allocation_state == "steady":
        return
    state.pool = replace(pool, allocation_state="steady")
    decisions.changes.resize_ended.append(ResizeEnded(pool.number, at, errors))
    decisions.changes.due_cleared.append(DueCleared("resize-timeout", pool.number))


def _least_useful(nodes: list[NodeState]) -> list[NodeState]:
    """Nodes without tasks first, of these the ones that have not begun, and the youngest of them first."""
    return sorted(nodes, key=lambda node: (len(node.assignments), node.phase != "creating", -node.number))


def _remove_if_empty(state: ShardState, decisions: Decisions) -> None:
    pool = state.pool
    if pool is not None and not state.nodes:
        decisions.changes.pool_removed.append(PoolRemoved(pool.number))
        decisions.changes.due_cleared.append(DueCleared("resize-timeout", pool.number))
        decisions.changes.due_cleared.append(DueCleared("replace-nodes", pool.number))
        state.pool = None
