"""Nodes whose boot fails are tried again, later and later."""

from __future__ import annotations

import pytest
from tests.scheduling.builders import NOW, add_node, hello, lose, pool, sent, shard, start_task

from batchite.scheduling import brake
from batchite.scheduling.brake import FIRST_PAUSE, LONGEST_PAUSE
from batchite.scheduling.changes.times import DueCleared
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import HaltNode, StartNode, TellFailing
from batchite.scheduling.nodes import on_node_connected, on_node_started, settle_phases
from batchite.scheduling.pools import on_node_ended, on_pool_changed
from batchite.scheduling.state import NodeState, ShardState
from batchite.wire.ticks import TICKS_PER_SECOND


def failing(nodes: int = 1, **changes: object) -> ShardState:
    """A pool whose nodes have been begun and have not spoken."""
    state = shard(**changes)
    state.pool = pool(target_dedicated=nodes, **changes)
    for number in range(1, nodes + 1):
        add_node(state, number, "starting", connected=False)
    return state


def try_again(state: ShardState, node: NodeState, at: int) -> Decisions:
    """Its time has come; the engine has wiped it, and begins it."""
    due = Decisions()
    brake.on_retry_due(state, node.number, at, due)
    assert sent(due, HaltNode) == [HaltNode(node.id, wipe=True)]
    anew = Decisions()
    on_node_ended(state, node, at, anew)
    on_node_started(node)
    settle_phases(state, at, anew)
    return anew


def test_a_node_lost_before_it_spoke_rests_and_says_why_and_what_next() -> None:
    state = failing()
    node = state.nodes["node-1"]
    decisions = lose(state, node, why="its agent ended: no module named batchite")
    (rested,) = decisions.changes.node_rested
    (error,) = rested.errors
    assert (rested.phase, rested.failures, error.code) == ("unusable", 1, "NodeBootFailed")
    assert "no module named batchite" in error.message
    assert "reboot the node, or remove it" in error.message
    assert decisions.changes.nodes_wanted == {}
    (due,) = decisions.changes.due_set
    assert (due.kind, due.subject, due.at) == ("boot-retry", 1, NOW + FIRST_PAUSE)


def test_the_pauses_grow_up_to_ten_minutes_as_long_as_nothing_comes_of_it() -> None:
    """Walked through by a clock."""
    state, at, pauses, told = failing(), NOW, [], 0
    node = state.nodes["node-1"]
    for _ in range(12):
        decisions = lose(state, node, at)
        told += len(sent(decisions, TellFailing))
        (due,) = decisions.changes.due_set
        pauses.append((due.at - at) // TICKS_PER_SECOND)
        assert brake.next_retry(state) == due.at
        anew = try_again(state, node, due.at)
        assert [one.phase for one in anew.changes.node_reset] == ["creating"]
        assert [one.node for one in sent(anew, StartNode)] == ["node-1"]
        at = due.at + TICKS_PER_SECOND
    assert pauses == [5, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600, 600]
    assert LONGEST_PAUSE == 600 * TICKS_PER_SECOND
    assert told == 1, "in the log, once"


def test_what_comes_to_take_tasks_has_not_failed_before() -> None:
    state = failing()
    node = state.nodes["node-1"]
    for at in (NOW, NOW + LONGEST_PAUSE):
        lose(state, node, at)
        try_again(state, node, at + FIRST_PAUSE)
    assert node.failures == 2
    on_node_connected(state, node, hello(), NOW, Decisions())
    settle_phases(state, NOW, Decisions())
    assert (node.phase, node.failures) == ("idle", 0)
    assert brake.next_retry(state) is None


def test_a_node_that_ends_while_its_start_task_runs_has_not_booted() -> None:
    state = failing(start_task=start_task())
    node = state.nodes["node-1"]
    on_node_connected(state, node, hello(), NOW, Decisions())
    assert node.phase == "waitingforstarttask"
    assert [one.phase for one in lose(state, node).changes.node_rested] == ["unusable"]


def test_a_node_whose_start_task_failed_is_left_as_it_is() -> None:
    """As in the cloud: somebody has to mend it."""
    state = failing(start_task=start_task())
    node = add_node(state, 1, "starttaskfailed")
    decisions = Decisions()
    on_pool_changed(state, pool(target_dedicated=1, allocation_state="resizing"), NOW, decisions)
    brake.on_retry_due(state, node.number, NOW, decisions)
    assert (decisions.effects, decisions.changes.nodes_wanted) == ([], {})


def test_where_all_fail_the_pool_says_so_once_and_tries_none_before_its_time() -> None:
    state, told = failing(nodes=3), 0
    for round_ in range(4):
        at = NOW + round_ * LONGEST_PAUSE
        for node in list(state.nodes.values()):
            told += len(sent(lose(state, node, at), TellFailing))
        assert {node.phase for node in state.nodes.values()} == {"unusable"}
        for node in list(state.nodes.values()):
            try_again(state, node, at + brake.pause(node.failures))
    assert told == 1


@pytest.mark.parametrize("phase", ["idle", "rebooting", "leavingpool"])
def test_a_time_that_comes_when_the_node_is_not_unusable_any_more(phase: str) -> None:
    state = shard()
    add_node(state, 1, phase)
    for number in (1, 99):
        decisions = Decisions()
        brake.on_retry_due(state, number, NOW, decisions)
        assert decisions.effects == []
        assert decisions.changes.due_cleared == [DueCleared("boot-retry", number)]


def test_the_next_owner_knows_when_from_what_is_stored() -> None:
    state = failing()
    node = state.nodes["node-1"]
    lose(state, node, NOW)
    loaded = NodeState(1, "node-1", True, 1, "unusable", "unusable", failures=node.failures, failed_at=NOW)
    decisions = Decisions()
    brake.resume(loaded, decisions)
    assert [due.at for due in decisions.changes.due_set] == [NOW + FIRST_PAUSE]


def test_the_error_of_a_node_is_bounded_whatever_its_agent_said() -> None:
    state = failing()
    (rested,) = lose(state, state.nodes["node-1"], why="x" * 1_000_000).changes.node_rested
    assert len(rested.errors[0].message) < 2000
