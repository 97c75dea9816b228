"""What happens to a pool: it gets as many nodes as it is to have, and goes when it has none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeAlias

from batchite.resources.vacating import REMOVED, Vacating
from batchite.scheduling import departures, restarts, scaling, vacating
from batchite.scheduling.changes.pools import NodesWanted, PoolRemoved, ResizeEnded, TargetMet
from batchite.scheduling.changes.times import DueCleared, DueSet
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import StartNode
from batchite.scheduling.nodes import on_node_gone
from batchite.scheduling.room import Refusal, explain
from batchite.scheduling.state import NodeState, PoolState, ShardState
from batchite.wire.batch.outcome import Failure
from batchite.wire.ticks import TICKS_PER_SECOND

ROOM_PAUSE = 60 * TICKS_PER_SECOND
"""Before a lost node is replaced for which there was no room."""
Kept: TypeAlias = tuple[int | None, int | None]
"""How many dedicated and low-priority nodes a pool has and keeps; None: the target."""
ON_TARGET: Final[Kept] = (None, None)

TIMED_OUT = Failure(
    "servererror",
    "AllocationTimedout",
    "The pool did not come to its target size within resizeTimeout, and keeps the nodes that it has. Resize "
    "it again, with a longer resizeTimeout, or another nodeDeallocationOption if nodes waited for tasks.",
)
STOPPED = Failure(
    "usererror",
    "ResizeStopped",
    "The resize was stopped before the pool had come to its target size; it keeps the nodes that it has. "
    "Resize it again to have another number.",
)


def on_pool_changed(state: ShardState, pool: PoolState | None, at: int, decisions: Decisions) -> None:
    """The pool was added or changed, or (None) is not there."""
    state.pool, state.refusal = pool, None
    if pool is None:
        return
    scaling.schedule(pool, decisions)
    if pool.state == "deleting":
        for node in state.nodes.values():
            vacating.begin(state, node, REMOVED, at, decisions)
        _remove_if_empty(state, decisions)
    elif pool.allocation_state != "steady":
        decisions.changes.due_set.append(DueSet("resize-timeout", pool.number, pool.resize_ends_at))
        if pool.allocation_state == "stopping":
            _keep_waiting(state, at, decisions)
        size(state, at, decisions)


def size(state: ShardState, at: int, decisions: Decisions) -> None:
    """Ask for missing nodes and let go of those too many; a resize ends when neither is left to do."""
    pool = state.pool
    if pool is None or pool.state != "active":
        return
    settled = True
    for dedicated in (True, False):
        staying = _staying(state, dedicated)
        goal = _goal(pool, dedicated, len(staying))
        missing = goal - len(staying)
        if missing > 0 and state.refusal is None:
            wanted = NodesWanted(
                pool.number,
                dedicated,
                missing,
                pool.node_cores,
                pool.id,
                pool.modified,
                pool.rules.ports,
            )
            decisions.changes.nodes_wanted[dedicated] = wanted
            settled = False
        if missing < 0:
            for node in departures.order(staying, at)[:-missing]:
                vacating.begin(state, node, Vacating("remove", pool.option), at, decisions)
    if not settled or _is_shrinking(state):
        return
    if pool.allocation_state != "steady":
        _end_resize(state, at, _shortcoming(state, pool), decisions)
    elif pool.falls_short and _kept(state, pool) == ON_TARGET:
        state.pool = replace(pool, falls_short=False)
        decisions.changes.target_met.append(TargetMet(pool.number))


def on_nodes_added(state: ShardState, nodes: Iterable[NodeState], decisions: Decisions) -> None:
    """The store has made these nodes, of all kinds; `on_nodes_allocated` follows."""
    for node in nodes:
        state.nodes[node.id] = node
        decisions.effects.append(StartNode(node.id))


def on_nodes_allocated(state: ShardState, refusal: Refusal | None, at: int, decisions: Decisions) -> None:
    """The store has made a portion of the nodes wanted, and no more if there is a refusal: a resize ends with
    it once nodes that leave have left, and a lost node is replaced later."""
    state.refusal = refusal
    size(state, at, decisions)
    pool = state.pool
    if pool is not None and pool.allocation_state == "steady":
        state.refusal = None
        if refusal is not None and any(_missing(state, pool)):
            _ask_again(state, pool, at, decisions)


def on_node_ended(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """Nothing of the node runs any more: it stays, to boot again or to rest, or is no more and is replaced
    unless it was to go."""
    if restarts.on_node_ended(state, node, at, decisions):
        return
    on_node_gone(state, node, at, decisions)
    pool = state.pool
    if pool is None:
        return
    if pool.state == "deleting":
        _remove_if_empty(state, decisions)
    elif not (node.is_leaving and _is_shrinking(state)):  # then there is nothing to be done before the last
        size(state, at, decisions)


def on_replacement_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    decisions.changes.due_cleared.append(DueCleared("replace-nodes", number))
    if state.pool is not None and state.pool.number == number:
        size(state, at, decisions)


def on_resize_timeout(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """The resize took too long; the pool keeps what it has. A time may be that of the resize before."""
    pool = state.pool
    if pool is not None and pool.number == number and at < pool.resize_ends_at:
        return
    decisions.changes.due_cleared.append(DueCleared("resize-timeout", number))
    if pool is None or pool.number != number or pool.allocation_state == "steady" or pool.state != "active":
        return
    _keep_waiting(state, at, decisions)
    _end_resize(state, at, _shortcoming(state, pool) or (TIMED_OUT,), decisions)


def _staying(state: ShardState, dedicated: bool) -> list[NodeState]:
    return [node for node in state.nodes.values() if node.dedicated == dedicated and not node.is_leaving]


def _is_shrinking(state: ShardState) -> bool:
    """Whether nodes are still to leave."""
    return any(node.is_leaving for node in state.nodes.values())


def _goal(pool: PoolState, dedicated: bool, present: int) -> int:
    """How many nodes of a kind the pool is to have for now."""
    target, kept = (
        (pool.target_dedicated, pool.kept_dedicated)
        if dedicated
        else (pool.target_low_priority, pool.kept_low_priority)
    )
    if pool.allocation_state == "stopping":
        return present
    return kept if pool.allocation_state == "steady" and kept is not None else target


def _missing(state: ShardState, pool: PoolState) -> list[bool]:
    """Whether the pool is short of nodes of each kind."""
    present = {dedicated: len(_staying(state, dedicated)) for dedicated in (True, False)}
    return [count < _goal(pool, dedicated, count) for dedicated, count in present.items()]


def _keep_waiting(state: ShardState, at: int, decisions: Decisions) -> None:
    """Nodes that were to leave, and wait for what they have, stay after all."""
    for node in state.nodes.values():
        if node.is_leaving and not node.is_vacated:
            vacating.take_back(state, node, at, decisions)


def _shortcoming(state: ShardState, pool: PoolState) -> tuple[Failure, ...]:
    """Why the pool has not as many nodes as it was to have, if that is known."""
    if state.refusal is not None:
        return (explain(state.refusal, pool.node_cores, pool.target_dedicated + pool.target_low_priority),)
    return (STOPPED,) if pool.allocation_state == "stopping" and _kept(state, pool) != ON_TARGET else ()


def _kept(state: ShardState, pool: PoolState) -> Kept:
    """How many nodes of each kind there are; None where it is the target."""
    dedicated, low_priority = len(_staying(state, True)), len(_staying(state, False))
    return (
        None if dedicated == pool.target_dedicated else dedicated,
        None if low_priority == pool.target_low_priority else low_priority,
    )


def _end_resize(state: ShardState, at: int, errors: tuple[Failure, ...], decisions: Decisions) -> None:
    pool = state.pool
    if pool is None or pool.allocation_state == "steady":
        return
    kept = _kept(state, pool)
    if state.refusal is not None and state.room_pause:
        kept = ON_TARGET
        _ask_again(state, pool, at, decisions)
    state.pool = replace(
        pool,
        allocation_state="steady",
        kept_dedicated=kept[0],
        kept_low_priority=kept[1],
        falls_short=bool(errors),
    )
    state.refusal = None
    decisions.changes.resize_ended.append(ResizeEnded(pool.number, at, *kept, errors))
    decisions.changes.due_cleared.append(DueCleared("resize-timeout", pool.number))


def _ask_again(state: ShardState, pool: PoolState, at: int, decisions: Decisions) -> None:
    """For nodes for which there is no room at present."""
    pause = state.room_pause or ROOM_PAUSE
    decisions.changes.due_set.append(DueSet("replace-nodes", pool.number, at + pause))


def _remove_if_empty(state: ShardState, decisions: Decisions) -> None:
    pool = state.pool
    if pool is not None and not state.nodes:
        decisions.changes.pool_removed.append(PoolRemoved(pool.number))
        decisions.changes.due_cleared.append(DueCleared("resize-timeout", pool.number))
        decisions.changes.due_cleared.append(DueCleared("replace-nodes", pool.number))
        scaling.stop(pool.number, decisions)
        state.pool = None
