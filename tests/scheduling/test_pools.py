"""A pool gets its nodes, keeps them, and goes."""

from __future__ import annotations

from typing import Literal

import pytest
from tests.scheduling.builders import NOW, add_job, add_node, leases, lose, placed, pool, run_all, sent, shard

from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import StartNode, StopNode
from batchite.scheduling.pools import (
    ROOM_PAUSE,
    on_node_ended,
    on_nodes_added,
    on_nodes_allocated,
    on_pool_changed,
    on_replacement_due,
    on_resize_timeout,
)
from batchite.scheduling.room import Refusal
from batchite.scheduling.state import NodeState, ShardState


def new_node(number: int) -> NodeState:
    return NodeState(number, f"node-{number}", True, 1, "creating", "creating")


def test_a_new_pool_asks_for_nodes_and_becomes_steady_when_it_has_them() -> None:
    state = ShardState()
    asked = Decisions()
    on_pool_changed(state, pool(allocation_state="resizing", target_dedicated=2), NOW, asked)
    assert asked.changes.nodes_wanted[True].count == 2
    assert asked.changes.due_set[0].kind == "resize-timeout"
    assert asked.changes.resize_ended == []
    got = Decisions()
    on_nodes_added(state, [new_node(1), new_node(2)], got)
    on_nodes_allocated(state, None, NOW, got)
    assert [effect.node for effect in sent(got, StartNode)] == ["node-1", "node-2"]
    assert got.changes.resize_ended[0].errors == ()
    assert state.pool is not None
    assert state.pool.allocation_state == "steady"


def test_both_kinds_of_nodes_are_asked_for() -> None:
    decisions = Decisions()
    resizing = pool(allocation_state="resizing", target_dedicated=2, target_low_priority=3)
    on_pool_changed(ShardState(), resizing, NOW, decisions)
    wanted = decisions.changes.nodes_wanted
    assert {dedicated: wanted[dedicated].count for dedicated in wanted} == {True: 2, False: 3}


@pytest.mark.parametrize(
    ("rule", "code"), [("core quota", "AccountCoreQuotaReached"), ("max_nodes", "AllocationFailed")]
)
def test_a_refusal_ends_the_resize_with_its_error(
    rule: Literal["core quota", "max_nodes"], code: str
) -> None:
    state = ShardState()
    on_pool_changed(state, pool(allocation_state="resizing", target_dedicated=3), NOW, Decisions())
    on_nodes_added(state, [new_node(1)], Decisions())
    decisions = Decisions()
    on_nodes_allocated(state, Refusal(2, rule, 7), NOW, decisions)
    (ended,) = decisions.changes.resize_ended
    assert [error.code for error in ended.errors] == [code]
    assert "2 of the nodes" in ended.errors[0].message
    assert rule in ended.errors[0].message
    assert decisions.changes.nodes_wanted == {}


def test_after_a_portion_the_rest_is_asked_for() -> None:
    state = ShardState()
    on_pool_changed(state, pool(allocation_state="resizing", target_dedicated=3), NOW, Decisions())
    decisions = Decisions()
    on_nodes_added(state, [new_node(1)], decisions)
    on_nodes_allocated(state, None, NOW, decisions)
    assert decisions.changes.nodes_wanted[True].count == 2
    assert decisions.changes.resize_ended == []


def test_what_has_not_begun_leaves_first() -> None:
    state = shard(nodes=2)
    add_node(state, 1, "creating")
    decisions = Decisions()
    on_pool_changed(state, pool(allocation_state="resizing", target_dedicated=1), NOW, decisions)
    assert [effect.node for effect in sent(decisions, StopNode)] == ["node-1"]


def test_a_lost_node_is_replaced_at_once() -> None:
    state = shard(nodes=2)
    decisions = lose(state, state.nodes["node-1"])
    assert decisions.changes.node_removed[0].node == 1
    assert decisions.changes.nodes_wanted[True].count == 1


def test_losing_both_nodes_in_one_batch_asks_for_two() -> None:
    state = shard(nodes=2)
    decisions = Decisions()
    for node in list(state.nodes.values()):
        decisions = lose(state, node)
    assert decisions.changes.nodes_wanted[True].count == 2


def test_too_many_nodes_the_idle_and_youngest_leave() -> None:
    state = shard(nodes=3)
    add_job(state, 1, tasks=1)
    placed(state)
    busy = next(node for node in state.nodes.values() if node.assignments)
    decisions = Decisions()
    on_pool_changed(state, pool(allocation_state="resizing", target_dedicated=1), NOW, decisions)
    stopped = {effect.node for effect in sent(decisions, StopNode)}
    assert stopped == set(state.nodes) - {busy.id}
    assert decisions.changes.resize_ended == []
    for node_id in stopped:
        on_node_ended(state, state.nodes[node_id], NOW, decisions)
    assert len(decisions.changes.resize_ended) == 1


def test_a_deleted_pool_goes_after_its_last_node_and_its_tasks_wait() -> None:
    state = shard(nodes=2)
    job = add_job(state, 1, tasks=1)
    run_all(state)
    decisions = Decisions()
    on_pool_changed(state, pool(state="deleting"), NOW, decisions)
    assert len(sent(decisions, StopNode)) == 2
    assert decisions.changes.pool_removed == []
    for node in list(state.nodes.values()):
        on_node_ended(state, node, NOW, decisions)
    assert decisions.changes.requeued[1000].why == "requeue"
    assert decisions.changes.pool_removed[0].pool == 1
    assert state.pool is None
    assert len(list(job.queued())) == 1
    decisions = leases(state)
    assert (decisions.effects, decisions.reads) == ([], [])


def test_a_resize_that_takes_too_long_ends_with_its_error() -> None:
    state = ShardState()
    on_pool_changed(state, pool(allocation_state="resizing", target_dedicated=1), NOW, Decisions())
    early = Decisions()
    on_resize_timeout(state, 1, NOW, early)
    assert not early.changes
    decisions = Decisions()
    on_resize_timeout(state, 1, NOW + 9_000, decisions)
    (ended,) = decisions.changes.resize_ended
    assert ended.errors[0].code == "AllocationTimedout"
    assert (ended.kept_dedicated, ended.kept_low_priority) == (0, None)
    again = Decisions()
    on_resize_timeout(state, 1, NOW + 9_000, again)
    assert again.changes.resize_ended == []


def test_phases_are_recorded_once() -> None:
    state = shard(nodes=1)
    add_node(state, 2, "starting")
    state.nodes["node-2"].phase = "idle"
    assert [change.phase for change in leases(state).changes.node_changed] == ["idle"]
    assert leases(state).changes.node_changed == []


def test_a_lost_node_for_which_there_is_no_room_is_replaced_later() -> None:
    state = shard(nodes=2)
    lose(state, state.nodes["node-1"])
    decisions = Decisions()
    on_nodes_allocated(state, Refusal(1, "core quota", 2), NOW, decisions)
    assert [(due.kind, due.at) for due in decisions.changes.due_set] == [("replace-nodes", NOW + ROOM_PAUSE)]
    later = Decisions()
    on_replacement_due(state, 1, NOW + ROOM_PAUSE, later)
    assert later.changes.nodes_wanted[True].count == 1


def test_what_a_pool_has_once_its_resize_was_refused_is_what_it_keeps() -> None:
    """Also if it is refused twice, because it was asked for twice."""
    state = ShardState()
    on_pool_changed(state, pool(allocation_state="resizing", target_dedicated=3), NOW, Decisions())
    on_nodes_added(state, [new_node(1)], Decisions())
    for _ in range(2):
        decisions = Decisions()
        on_nodes_allocated(state, Refusal(2, "core quota", 2), NOW, decisions)
        assert decisions.changes.due_set == []
    assert state.pool is not None
    assert (state.pool.allocation_state, state.pool.kept_dedicated) == ("steady", 1)
    node = state.nodes["node-1"]
    node.was_connected = node.is_ready = True
    lost = lose(state, node)
    assert lost.changes.nodes_wanted[True].count == 1


def test_a_stopped_resize_keeps_what_there_is() -> None:
    state = shard(nodes=2)
    decisions = Decisions()
    on_pool_changed(state, pool(allocation_state="stopping", target_dedicated=5), NOW, decisions)
    (ended,) = decisions.changes.resize_ended
    assert [error.code for error in ended.errors] == ["ResizeStopped"]
    assert (ended.kept_dedicated, ended.kept_low_priority) == (2, None)
    assert decisions.changes.nodes_wanted == {}


def test_a_stopped_resize_that_had_its_target_has_no_error() -> None:
    state = shard(nodes=2)
    decisions = Decisions()
    on_pool_changed(state, pool(allocation_state="stopping", target_dedicated=2), NOW, decisions)
    (ended,) = decisions.changes.resize_ended
    assert (ended.errors, ended.kept_dedicated) == ((), None)


def refused(room_pause: int) -> tuple[ShardState, Decisions]:
    """A pool that is to have three nodes, has one, and there is no room for more."""
    state = ShardState(room_pause=room_pause)
    on_pool_changed(state, pool(allocation_state="resizing", target_dedicated=3), NOW, Decisions())
    on_nodes_added(state, [new_node(1)], Decisions())
    decisions = Decisions()
    on_nodes_allocated(state, Refusal(2, "max_nodes", 1), NOW, decisions)
    return state, decisions


def test_a_pool_asks_again_for_what_there_was_no_room_for_if_it_is_told_to() -> None:
    state, decisions = refused(room_pause=50)
    (ended,) = decisions.changes.resize_ended
    assert [error.code for error in ended.errors] == ["AllocationFailed"]
    assert (ended.kept_dedicated, ended.kept_low_priority) == (None, None)
    assert {(due.kind, due.at) for due in decisions.changes.due_set} == {("replace-nodes", NOW + 50)}
    again = Decisions()
    on_replacement_due(state, 1, NOW + 50, again)
    assert again.changes.nodes_wanted[True].count == 2
    on_nodes_added(state, [new_node(2), new_node(3)], again)
    assert again.changes.target_met == []
    on_nodes_allocated(state, None, NOW + 50, again)
    assert [met.pool for met in again.changes.target_met] == [1]
    once = Decisions()
    on_nodes_allocated(state, None, NOW + 50, once)
    assert once.changes.target_met == []


def test_a_pool_that_asked_in_vain_asks_once_more() -> None:
    state, _ = refused(room_pause=50)
    on_replacement_due(state, 1, NOW + 50, Decisions())
    decisions = Decisions()
    on_nodes_allocated(state, Refusal(2, "max_nodes", 1), NOW + 50, decisions)
    assert {(due.kind, due.at) for due in decisions.changes.due_set} == {("replace-nodes", NOW + 100)}
    assert (decisions.changes.resize_ended, decisions.changes.target_met) == ([], [])


def test_as_in_the_cloud_it_asks_once() -> None:
    _, decisions = refused(room_pause=0)
    assert decisions.changes.due_set == []
    assert decisions.changes.resize_ended[0].kept_dedicated == 1
