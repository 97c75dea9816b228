"""Nodes that are ended and stay: to boot again, to be made anew, to be deallocated, to take no tasks."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from tests.scheduling.builders import (
    NOW,
    add_job,
    add_node,
    hello,
    lose,
    placed,
    pool,
    run_all,
    sent,
    shard,
    start_task,
)

from batchite.dispatch.committer import lost_its_files
from batchite.link import messages as link
from batchite.resources.states import NODE
from batchite.resources.vacating import REMOVED, Option, Purpose, Vacating
from batchite.scheduling import vacating
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun, HaltNode, RunAtOnce, StartNode, StopNode
from batchite.scheduling.nodes import (
    on_node_connected,
    on_node_started,
    on_nodes_sent_home,
    settle_phases,
)
from batchite.scheduling.pools import on_node_ended, on_pool_changed
from batchite.scheduling.restarts import on_node_lost, on_node_wanted
from batchite.scheduling.silence import BOOT_TICKS, LOOK_TICKS, on_look
from batchite.scheduling.state import NodePhase, NodeState, ShardState
from batchite.scheduling.tasks import on_task_ended
from batchite.wire.batch.login import Login

BOOTS: tuple[Purpose, ...] = ("reboot", "reimage")
HALTS: tuple[Purpose, ...] = (*BOOTS, "deallocate")
SHOWN: dict[Purpose, NodePhase] = {
    "reboot": "rebooting",
    "reimage": "reimaging",
    "deallocate": "deallocating",
}


@pytest.mark.parametrize("purpose", HALTS)
def test_users_of_a_node_go_with_its_files(purpose: Purpose) -> None:
    """A node that only boots again keeps them."""
    state = shard()
    node = add_node(state, 1, "idle")
    node.logins = (Login("somebody", False, 10, None, None),)
    want(state, node, purpose)
    on_node_ended(state, node, NOW, decisions := Decisions())
    changes = [*decisions.changes.node_reset, *decisions.changes.node_rested]
    assert [lost_its_files(change) for change in changes] == [purpose != "reboot"]
    assert bool(node.logins) == (purpose == "reboot")


def want(state: ShardState, node: NodeState, purpose: Purpose, option: Option = "requeue") -> Decisions:
    """An operation has stored it, and the owner hears of that."""
    decisions = Decisions()
    wanted = Vacating(purpose, option)
    node.stored_phase = SHOWN.get(purpose, node.stored_phase)
    node.stored_vacating = wanted
    vacating.begin(state, node, wanted, NOW, decisions)
    on_node_wanted(state, node, node.stored_phase, node.is_disabled or purpose == "disable", NOW, decisions)
    vacating.proceed(state, NOW, decisions)
    settle_phases(state, NOW, decisions)
    return decisions


def ended(state: ShardState, node: NodeState, at: int = NOW) -> Decisions:
    """The engine has ended it."""
    decisions = Decisions()
    on_node_ended(state, node, at, decisions)
    settle_phases(state, at, decisions)
    return decisions


def boot(state: ShardState, node: NodeState) -> Decisions:
    """Its agent speaks for the first time."""
    on_node_started(node)
    decisions = Decisions()
    on_node_connected(state, node, hello(), NOW, decisions)
    settle_phases(state, NOW, decisions)
    return decisions


def one_node(**changes: Any) -> tuple[ShardState, NodeState]:
    state = shard(nodes=1, **changes)
    return state, state.nodes["node-1"]


@pytest.mark.parametrize("purpose", BOOTS)
def test_a_node_is_ended_and_boots_again_under_its_id(purpose: Purpose) -> None:
    state, node = one_node()
    (halt,) = sent(want(state, node, purpose), HaltNode)
    assert halt == HaltNode("node-1", wipe=purpose == "reimage")
    anew = ended(state, node, NOW + 9)
    assert [(one.node, one.at, one.phase) for one in anew.changes.node_reset] == [
        (1, NOW + 9, SHOWN[purpose])
    ]
    assert [one.purpose for one in anew.changes.node_vacating] == [None]
    assert [one.node for one in sent(anew, StartNode)] == ["node-1"]
    assert (anew.changes.node_removed, anew.changes.nodes_wanted) == ([], {})
    up = boot(state, node)
    assert [one.node for one in up.changes.node_booted] == [1]
    assert [one.phase for one in up.changes.node_changed] == ["idle"]


def test_the_start_task_runs_again_as_the_pool_has_it_by_then() -> None:
    state, node = one_node(start_task=start_task())
    node.start_task_attempt, node.start_task_retries = 3, 2
    want(state, node, "reboot")
    state.pool = pool(target_dedicated=1, start_task=start_task(retries=7))
    ended(state, node)
    up = boot(state, node)
    assert [effect.attempt for effect in sent(up, RunAtOnce)] == [1]
    assert (node.phase, node.start_task_retries) == ("waitingforstarttask", 0)


def test_without_a_start_task_any_more_it_is_idle_once_it_speaks() -> None:
    state, node = one_node(start_task=start_task())
    want(state, node, "reboot")
    ended(state, node)
    state.pool = pool(target_dedicated=1)
    boot(state, node)
    assert (node.phase, node.is_ready) == ("idle", True)


@pytest.mark.parametrize("purpose", HALTS)
def test_what_runs_is_ended_with_the_node_and_waits_again(purpose: Purpose) -> None:
    state, node = one_node()
    add_job(state, 1, tasks=1)
    run_all(state)
    wanted = want(state, node, purpose)
    assert sent(wanted, HaltNode) != []
    assert placed(state) == []
    gone = ended(state, node)
    assert [one.why for one in gone.changes.requeued.values()] == ["requeue"]
    assert (node.assignments, node.used) == ({}, 0)


@pytest.mark.parametrize("purpose", HALTS)
def test_what_runs_is_waited_for_if_it_is_to_end_by_itself(purpose: Purpose) -> None:
    state, node = one_node()
    add_job(state, 1, tasks=2)
    run_all(state)
    decisions = want(state, node, purpose, "taskcompletion")
    assert (sent(decisions, HaltNode), sent(decisions, EndRun)) == ([], [])
    assert node.phase == SHOWN[purpose]
    over = Decisions()
    on_task_ended(state, node, link.RunEnded(0, 1000, 1, NOW, NOW + 5, 0, None), over)
    vacating.proceed(state, NOW, over)
    assert len(sent(over, HaltNode)) == 1


@pytest.mark.parametrize("option", get_args(Option))
@pytest.mark.parametrize("purpose", HALTS)
def test_a_node_that_is_lost_meanwhile_does_what_it_was_about_to_do(purpose: Purpose, option: Option) -> None:
    state, node = one_node()
    add_job(state, 1, tasks=1)
    run_all(state)
    decisions = want(state, node, purpose, option)
    on_node_lost(node, "killed", decisions)
    assert sent(decisions, HaltNode) == [HaltNode("node-1", wipe=purpose != "reboot")]
    gone = ended(state, node)
    assert gone.changes.node_removed == []
    assert node.phase == ("deallocated" if purpose == "deallocate" else SHOWN[purpose])
    assert (node.is_lost, node.vacating) == (False, None)


def test_a_node_is_deallocated_until_it_is_started() -> None:
    state, node = one_node()
    want(state, node, "deallocate")
    gone = ended(state, node)
    (rested,) = gone.changes.node_rested
    assert (rested.phase, rested.failures, rested.errors) == ("deallocated", 0, ())
    assert (gone.effects, gone.changes.nodes_wanted, gone.changes.node_removed) == ([], {}, [])
    started = Decisions()
    on_node_wanted(state, node, "starting", False, NOW, started)
    assert [one.node for one in sent(started, StartNode)] == ["node-1"]
    boot(state, node)
    assert node.phase == "idle"


def test_a_deallocated_node_counts_as_one_of_the_pool_and_is_not_expected_to_speak() -> None:
    state, node = one_node()
    want(state, node, "deallocate")
    ended(state, node)
    decisions = Decisions()
    on_pool_changed(state, pool(target_dedicated=1, allocation_state="resizing"), NOW, decisions)
    assert decisions.changes.nodes_wanted == {}
    for step in range(2 * BOOT_TICKS // LOOK_TICKS):
        on_look(state, NOW + step * LOOK_TICKS, decisions)
    assert decisions.effects == []


@pytest.mark.parametrize("purpose", HALTS)
def test_whatever_is_wanted_a_node_leaves_with_its_pool(purpose: Purpose) -> None:
    state, node = one_node()
    want(state, node, purpose)
    leaving = Decisions()
    vacating.begin(state, node, REMOVED, NOW, leaving)
    assert len(sent(leaving, StopNode)) == 1
    gone = ended(state, node)
    assert [one.node for one in gone.changes.node_removed] == [1]
    assert sent(gone, StartNode) == []


@pytest.mark.parametrize("purpose", BOOTS)
def test_an_end_that_is_told_twice_starts_nothing_twice(purpose: Purpose) -> None:
    """A commit failed: the owner has asked again for what was on its way."""
    state, node = one_node()
    want(state, node, purpose)
    ended(state, node)
    again = ended(state, node)
    assert (again.changes.node_reset, sent(again, HaltNode)) == ([], [])
    assert [one.node for one in sent(again, StartNode)] == ["node-1"], "which is done once"
    boot(state, node)
    assert ended(state, node).effects == []
    assert node.phase == "idle"


def test_a_node_that_boots_again_is_killed_if_it_does_not_speak_and_not_before_it_is_begun() -> None:
    state, node = one_node()
    want(state, node, "reboot")
    ended(state, node)
    decisions = Decisions()
    for step in range(2 * BOOT_TICKS // LOOK_TICKS):
        on_look(state, NOW + step * LOOK_TICKS, decisions)
    assert decisions.effects == []
    on_node_started(node)
    for step in range(2 * BOOT_TICKS // LOOK_TICKS, 4 * BOOT_TICKS // LOOK_TICKS):
        on_look(state, NOW + step * LOOK_TICKS, decisions)
    assert len(decisions.effects) == 1


def test_scheduling_is_disabled_and_enabled() -> None:
    state, node = one_node()
    add_job(state, 1, tasks=3)
    run_all(state)
    decisions = want(state, node, "disable", "taskcompletion")
    assert (sent(decisions, EndRun), node.phase) == ([], "running")
    over = Decisions()
    on_task_ended(state, node, link.RunEnded(0, 1000, 1, NOW, NOW + 5, 0, None), over)
    vacating.proceed(state, NOW, over)
    settle_phases(state, NOW, over)
    assert [one.phase for one in over.changes.node_changed] == ["offline"]
    assert [one.purpose for one in over.changes.node_vacating] == [None]
    assert placed(state) == []
    on_node_wanted(state, node, "offline", False, NOW, Decisions())
    assert [where for _, where in placed(state)][:1] == ["node-1"]


@pytest.mark.parametrize(
    ("option", "why"), [("requeue", {"requeue"}), ("terminate", set()), ("taskcompletion", set())]
)
def test_what_becomes_of_tasks_where_scheduling_is_disabled(option: Option, why: set[str]) -> None:
    state, node = one_node()
    add_job(state, 1, tasks=1)
    run_all(state)
    orders = sent(want(state, node, "disable", option), EndRun)
    assert bool(orders) == (option != "taskcompletion")
    over = Decisions()
    failure = orders[0].failure if orders else None
    on_task_ended(state, node, link.RunEnded(0, 1000, 1, NOW, NOW + 5, None if orders else 0, failure), over)
    assert {one.why for one in over.changes.requeued.values()} == why
    assert len(over.changes.completed) == (not why)


def test_enabled_in_time_a_node_goes_on_with_what_waited_there() -> None:
    state, node = one_node()
    add_job(state, 1, tasks=2)
    run_all(state)
    want(state, node, "disable", "taskcompletion")
    on_node_wanted(state, node, "running", False, NOW, Decisions())
    assert node.vacating is None
    end = Decisions()
    on_task_ended(state, node, link.RunEnded(0, 1000, 1, NOW, NOW + 5, 0, None), end)
    assert placed(state) == [(1001, "node-1")]


def test_scheduling_stays_disabled_over_a_boot() -> None:
    state, node = one_node()
    node.is_disabled = True
    want(state, node, "reboot")
    ended(state, node)
    boot(state, node)
    assert node.phase == "offline"


def test_a_node_that_is_told_to_take_no_tasks_as_it_boots_is_offline_when_it_has() -> None:
    state = shard()
    node = add_node(state, 1, "creating", connected=False)
    want(state, node, "disable")
    boot(state, node)
    assert node.phase == "offline"


SENT_HOME: dict[Purpose, NodePhase] = {
    "reboot": "rebooting",
    "reimage": "reimaging",
    "deallocate": "deallocating",
}


@pytest.mark.parametrize("purpose", HALTS)
def test_nodes_that_are_sent_home_do_later_what_they_were_about_to_do(purpose: Purpose) -> None:
    """All are ended, with their files: a boot is all that is left of a reboot, while those of the others are
    still to go."""
    state, node = one_node()
    add_job(state, 1, tasks=1)
    run_all(state)
    want(state, node, purpose, "taskcompletion")
    decisions = Decisions()
    on_nodes_sent_home(state, NOW, decisions)
    assert node.phase == SENT_HOME[purpose]
    resets = [one.phase for one in decisions.changes.node_reset]
    cleared = [one.purpose for one in decisions.changes.node_vacating]
    assert (resets, cleared) == ([SENT_HOME[purpose]], [None] if purpose == "reboot" else [])
    assert len(decisions.changes.requeued) == 1


@pytest.mark.parametrize("phase", ["deallocated", "unusable"])
def test_nodes_that_rest_go_on_resting(phase: NodePhase) -> None:
    state = shard()
    add_node(state, 1, phase, connected=False)
    decisions = Decisions()
    on_nodes_sent_home(state, NOW, decisions)
    assert not decisions.changes


def test_every_state_that_a_node_comes_into_is_one_of_the_protocol() -> None:
    assert set(get_args(NodePhase)) <= set(NODE)


def test_a_ready_node_that_is_lost_is_replaced_whatever_is_asked_of_it_afterwards() -> None:
    state, node = one_node()
    on_node_lost(node, "killed", first := Decisions())
    assert sent(first, StopNode) != []
    gone = ended(state, node)
    assert [one.node for one in gone.changes.node_removed] == [1]
    assert gone.changes.nodes_wanted[True].count == 1


def test_a_node_that_is_lost_after_its_start_task_failed_is_tried_again_later() -> None:
    """It never came to take tasks."""
    state, node = one_node(start_task=start_task())
    node.phase, node.is_ready = "starttaskfailed", False
    assert [one.phase for one in lose(state, node).changes.node_rested] == ["unusable"]
