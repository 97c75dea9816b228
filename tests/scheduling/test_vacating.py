"""What becomes of a node's tasks when it is to take no more of them."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import get_args

import pytest
from tests.scheduling.builders import (
    NOW,
    add_job,
    add_node,
    hello,
    leases,
    placed,
    pool,
    run_all,
    sent,
    shard,
    start_task,
)

from batchite.link import messages as link
from batchite.resources.rules import TaskRules
from batchite.resources.vacating import REMOVED, Option, Purpose, Vacating, of_stored
from batchite.scheduling import reasons, vacating
from batchite.scheduling.changes.nodes import NodeVacating
from batchite.scheduling.changes.times import DueCleared, DueSet
from batchite.scheduling.decisions import Decisions, ReadRetention
from batchite.scheduling.effects import EndRun, HaltNode, RecallTask, RunTask, StopNode
from batchite.scheduling.nodes import on_node_connected, on_node_gone, on_nodes_sent_home, settle_phases
from batchite.scheduling.pools import on_node_ended, on_pool_changed
from batchite.scheduling.predicates import OF_NODE, why_none_on
from batchite.scheduling.restarts import on_node_wanted
from batchite.scheduling.silence import BOOT_TICKS, LOOK_TICKS, on_look
from batchite.scheduling.state import NodeState, ShardState
from batchite.scheduling.tasks import on_task_ended, on_task_returned
from batchite.scheduling.vacating import LOOK_AGAIN, PHASES
from batchite.wire.batch.outcome import Failure

WAITING = Vacating("remove", "taskcompletion")
RETAINING = Vacating("remove", "retaineddata")


def busy(tasks: int = 1, **pool_changes: object) -> tuple[ShardState, NodeState]:
    """One node, on which as many of the tasks run as it has slots; the rest is there ahead."""
    state = shard(nodes=1, **pool_changes)
    node = state.nodes["node-1"]
    node.pace = 1
    add_job(state, 1, tasks=tasks)
    run_all(state)
    return state, node


def begin(state: ShardState, node: NodeState, wanted: Vacating) -> Decisions:
    decisions = Decisions()
    vacating.begin(state, node, wanted, NOW, decisions)
    return decisions


def proceed(state: ShardState, at: int = NOW) -> Decisions:
    """The end of a batch."""
    decisions = Decisions()
    vacating.proceed(state, at, decisions)
    settle_phases(state, at, decisions)
    return decisions


def end(
    state: ShardState, node: NodeState, task: int, code: int | None = 0, failure: Failure | None = None
) -> Decisions:
    decisions = Decisions()
    attempt = node.assignments[task].attempt
    on_task_ended(state, node, link.RunEnded(0, task, attempt, NOW, NOW + 50, code, failure), decisions)
    return decisions


@pytest.mark.parametrize(("purpose", "option"), [*product(get_args(Purpose), get_args(Option))])
def test_a_node_that_is_vacated_gets_no_task_whatever_for(purpose: Purpose, option: Option) -> None:
    state = shard(nodes=2)
    node = state.nodes["node-1"]
    node.is_disabled = purpose == "disable"
    begin(state, node, Vacating(purpose, option))
    add_job(state, 1, tasks=2)
    assert [where for _, where in placed(state)] == ["node-2", "node-2"][:1]
    reason = why_none_on(node)
    if purpose == "remove" and option in ("requeue", "terminate"):
        assert reason == reasons.NodeLeaving()
    elif purpose == "preempt" and option == "requeue":
        assert reason == reasons.NodePreempting()
    elif purpose != "remove" and option != "retaineddata":  # an idle node is vacant at once
        assert reason == OF_NODE.get(node.phase, reasons.NodeDisabled())
    elif purpose != "remove":
        assert reason == reasons.NodeVacating(purpose, option)
    assert reason is not None


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_requeue_ends_what_runs_which_waits_again_and_counts_as_no_retry(purpose: Purpose) -> None:
    state, node = busy()
    ended = begin(state, node, Vacating(purpose, "requeue"))
    (order,) = sent(ended, EndRun)
    assert order.failure.code == "TaskEnded"
    decisions = end(state, node, 1000, None, order.failure)
    (requeued,) = decisions.changes.requeued.values()
    counts = purpose != "preempt"  # which nobody asked for who uses the service
    assert (requeued.why == "requeue", requeued.retried, requeued.requeued) == (counts, 0, counts)
    (waits,) = state.jobs[1].queued()
    assert (waits.retries, waits.requeues) == (0, counts)


@pytest.mark.parametrize("purpose", get_args(Purpose))
def test_terminate_completes_what_runs_with_the_reason(purpose: Purpose) -> None:
    state, node = busy(tasks=2)
    ended = begin(state, node, Vacating(purpose, "terminate"))
    running, ahead = sent(ended, EndRun)
    decisions = end(state, node, 1000, None, running.failure)
    (completed,) = decisions.changes.completed
    assert completed.failure == running.failure
    assert completed.result == "failure"
    never = Decisions()
    report = link.RunEnded(0, 1001, 1, None, NOW + 50, None, ahead.failure)
    on_task_ended(state, node, report, never)
    assert [one.why for one in never.changes.requeued.values()] == ["returned"]


def test_a_task_that_succeeds_before_it_could_be_requeued_is_not_run_again() -> None:
    state, node = busy()
    begin(state, node, REMOVED)
    assert [one.exit_code for one in end(state, node, 1000).changes.completed] == [0]


def test_a_task_that_fails_as_it_is_requeued_waits_again() -> None:
    state, node = busy()
    begin(state, node, REMOVED)
    failed = end(state, node, 1000, 143, Failure("usererror", "FailureExitCode", "143"))
    assert [one.why for one in failed.changes.requeued.values()] == ["requeue"]


def test_taskcompletion_lets_run_what_runs_and_fetches_back_what_does_not() -> None:
    state, node = busy(tasks=3)
    decisions = begin(state, node, WAITING)
    assert sent(decisions, EndRun) == []
    assert [one.task for one in sent(decisions, RecallTask)] == [1001, 1002]
    assert node.phase == "leavingpool"
    assert sent(proceed(state), RecallTask) == []
    for task in (1001, 1002):
        on_task_returned(state, node, link.RunReturned(0, task, 1), NOW, Decisions())
    assert sent(proceed(state), StopNode) == []
    assert placed(state) == []
    end(state, node, 1000)
    assert [one.node for one in sent(proceed(state), StopNode)] == ["node-1"]
    assert sent(proceed(state), StopNode) == []


def test_a_task_that_is_retried_is_retried_elsewhere() -> None:
    state, node = busy()
    add_node(state, 2)
    task = node.assignments[1000].task
    node.assignments[1000].task = replace(task, rules=TaskRules(max_retries=3))
    begin(state, node, WAITING)
    end(state, node, 1000, 1, Failure("usererror", "FailureExitCode", "1"))
    assert placed(state) == [(1000, "node-2")]
    assert sent(proceed(state), StopNode) != []


def test_what_a_node_that_comes_back_never_heard_of_is_not_begun_there() -> None:
    state, node = busy(tasks=2)
    begin(state, node, WAITING)
    decisions = Decisions()
    on_node_connected(state, node, hello(link.RunKey(1000, 1)), NOW, decisions)
    assert sent(decisions, RunTask) == []
    assert list(decisions.changes.requeued) == [1001]
    assert list(node.assignments) == [1000]


def test_what_waits_there_still_is_fetched_back_again() -> None:
    state, node = busy(tasks=2)
    begin(state, node, WAITING)
    held = hello(link.RunKey(1000, 1), link.RunKey(1001, 1))
    on_node_connected(state, node, held, NOW, Decisions())
    assert [one.task for one in sent(proceed(state), RecallTask)] == [1001]


def test_a_node_that_hangs_while_it_is_waited_for_is_given_up() -> None:
    state, node = busy()
    begin(state, node, WAITING)
    for step in range(BOOT_TICKS // LOOK_TICKS):
        on_look(state, NOW + step * LOOK_TICKS, Decisions())
    assert node.is_given_up
    decisions = Decisions()
    on_node_ended(state, node, NOW, decisions)
    assert [one.why for one in decisions.changes.requeued.values()] == ["recovery"]


def test_retaineddata_waits_for_files_as_long_as_they_are_kept() -> None:
    state, node = busy()
    begin(state, node, RETAINING)
    assert sent(proceed(state), ReadRetention) == []
    end(state, node, 1000)
    assert sent(proceed(state), ReadRetention) == [ReadRetention(1)]
    until = NOW + 3 * LOOK_AGAIN
    vacating.on_retention_read(state, 1, until)
    waits = proceed(state)
    assert waits.changes.due_set == [DueSet("node-retention", 1, NOW + LOOK_AGAIN)]
    assert sent(waits, StopNode) == []
    assert proceed(state).changes.due_set == []
    due = Decisions()
    vacating.on_retention_due(state, 1, NOW + LOOK_AGAIN, due)
    assert due.changes.due_cleared == [DueCleared("node-retention", 1)]
    assert sent(proceed(state, NOW + LOOK_AGAIN), ReadRetention) == [ReadRetention(1)]
    vacating.on_retention_read(state, 1, until)
    assert sent(proceed(state, until - 1), StopNode) == []
    gone = proceed(state, until)
    assert [one.node for one in sent(gone, StopNode)] == ["node-1"]
    assert gone.changes.due_cleared == [DueCleared("node-retention", 1)]


def test_a_node_without_files_goes_at_once() -> None:
    state = shard(nodes=1)
    node = state.nodes["node-1"]
    assert sent(begin(state, node, RETAINING), ReadRetention) == [ReadRetention(1)]
    vacating.on_retention_read(state, 1, 0)
    assert sent(proceed(state), StopNode) != []


def test_files_that_are_deleted_are_not_waited_for() -> None:
    state = shard(nodes=1)
    begin(state, state.nodes["node-1"], RETAINING)
    vacating.on_retention_read(state, 1, NOW + LOOK_AGAIN)
    assert sent(proceed(state), ReadRetention) == []
    vacating.on_files_removed(state)
    assert sent(proceed(state), ReadRetention) == [ReadRetention(1)]


def test_a_node_that_goes_takes_its_look_along() -> None:
    state = shard(nodes=1)
    node = state.nodes["node-1"]
    begin(state, node, RETAINING)
    vacating.on_retention_read(state, 1, NOW + LOOK_AGAIN)
    proceed(state)
    decisions = Decisions()
    on_node_gone(state, node, NOW, decisions)
    assert decisions.changes.due_cleared == [DueCleared("node-retention", 1)]


def test_disabling_waits_for_the_end_of_tasks_and_the_node_stays() -> None:
    state, node = busy()
    node.is_disabled = True
    begin(state, node, Vacating("disable", "requeue"))
    assert node.vacating is not None
    assert node.phase == "running"
    end(state, node, 1000, None, Failure("usererror", "TaskEnded", ""))
    decisions = proceed(state)
    assert node.vacating is None
    assert (node.phase, decisions.effects) == ("offline", [])
    assert placed(state) == []
    on_node_wanted(state, node, "offline", False, NOW, Decisions())
    assert placed(state) == [(1000, "node-1")]


def test_removal_comes_before_everything_else() -> None:
    state, node = busy()
    begin(state, node, Vacating("reboot", "taskcompletion"))
    begin(state, node, WAITING)
    assert node.vacating == WAITING
    begin(state, node, Vacating("reboot"))
    assert node.vacating == WAITING
    assert sent(begin(state, node, REMOVED), StopNode) != []


def test_a_wish_is_recorded_once_and_the_default_by_the_state_alone() -> None:
    state, node = busy()
    begin(state, node, WAITING)
    (change,) = proceed(state).changes.node_vacating
    assert (change.node, change.purpose, change.option) == (1, "remove", "taskcompletion")
    assert proceed(state).changes.node_vacating == []
    begin(state, node, REMOVED)
    assert [one.option for one in proceed(state).changes.node_vacating] == ["requeue"]
    other = shard(nodes=1)
    begin(other, other.nodes["node-1"], REMOVED)
    decisions = proceed(other)
    assert decisions.changes.node_vacating == []
    assert [one.phase for one in decisions.changes.node_changed] == ["leavingpool"]


def test_what_is_stored_is_not_recorded_again_and_overruled_if_it_came_too_late() -> None:
    state, node = busy()
    wanted = Vacating("reboot", "taskcompletion")
    vacating.on_wanted(state, {"node-1": wanted, "node-9": wanted}, NOW, Decisions())
    assert node.vacating == wanted
    assert proceed(state).changes.node_vacating == []
    begin(state, node, WAITING)
    vacating.on_wanted(state, {"node-1": wanted}, NOW, Decisions())
    assert [one.purpose for one in proceed(state).changes.node_vacating] == ["remove"]


@pytest.mark.parametrize(
    ("state", "purpose", "option", "wanted"),
    [
        ("idle", None, None, None),
        ("leavingpool", None, None, REMOVED),
        ("leavingpool", "remove", "retaineddata", RETAINING),
        ("running", "disable", None, Vacating("disable")),
    ],
)
def test_of_rows(state: str, purpose: str | None, option: str | None, wanted: Vacating | None) -> None:
    assert of_stored(state, purpose, option) == wanted


@pytest.mark.parametrize(
    ("done", "failed", "phase"),
    [(True, False, "idle"), (False, False, "waitingforstarttask"), (True, True, "starttaskfailed")],
)
def test_a_node_that_stays_after_all_is_what_its_start_task_says(
    done: bool, failed: bool, phase: str
) -> None:
    state = shard(nodes=1, start_task=start_task())
    node = state.nodes["node-1"]
    begin(state, node, RETAINING)
    node.start_task_done, node.start_task_failed = done, failed
    vacating.release(state, node, Decisions())
    assert node.phase == phase


def test_a_deleted_pool_waits_for_no_task() -> None:
    state, node = busy()
    begin(state, node, WAITING)
    decisions = Decisions()
    on_pool_changed(state, pool(state="deleting"), NOW, decisions)
    assert sent(decisions, StopNode) != []
    assert sent(decisions, EndRun) != []


def test_of_nodes_that_leave_those_with_files_boot_again_after_they_were_sent_home() -> None:
    state = shard(nodes=3)
    begin(state, state.nodes["node-1"], RETAINING)
    begin(state, state.nodes["node-2"], WAITING)
    proceed(state)
    decisions = Decisions()
    on_nodes_sent_home(state, NOW, decisions)
    home = {one.node: (one.was, one.phase) for one in decisions.changes.node_reset}
    assert home == {1: ("leavingpool", "leavingpool"), 3: ("idle", "creating")}


def test_a_lost_message_is_no_reason_to_place_anything() -> None:
    """Not in contact, a node keeps what it has until it comes back or is lost."""
    state, node = busy()
    node.connected = False
    begin(state, node, WAITING)
    assert sent(proceed(state), StopNode) == []
    assert leases(state).changes.leased == []


@pytest.mark.parametrize("purpose", ["reboot", "reimage", "deallocate"])
def test_a_node_that_stays_after_all_does_what_it_was_about_to_do(purpose: Purpose) -> None:
    state, node = busy()
    wanted = Vacating(purpose, "taskcompletion")
    begin(state, node, wanted)
    stored = settled(state, begin(state, node, Vacating("remove", "taskcompletion")))
    assert (stored.purpose, stored.interrupted, stored.interrupted_option) == (
        "remove",
        purpose,
        "taskcompletion",
    )
    decisions = Decisions()
    vacating.take_back(state, node, NOW, decisions)
    stored = settled(state, decisions)
    assert (stored.purpose, stored.option, stored.interrupted) == (purpose, "taskcompletion", None)
    assert (node.vacating, node.phase) == (wanted, PHASES[purpose])
    end(state, node, 1000)
    assert len(sent(proceed(state), HaltNode)) == 1


def test_one_that_was_about_to_do_nothing_takes_tasks_again() -> None:
    state, node = busy()
    begin(state, node, Vacating("remove", "taskcompletion"))
    vacating.take_back(state, node, NOW, Decisions())
    assert (node.vacating, node.interrupted, node.phase) == (None, None, "running")


def settled(state: ShardState, decisions: Decisions) -> NodeVacating:
    """What is stored of the only node that is told something."""
    settle_phases(state, NOW, decisions)
    return decisions.changes.node_vacating[-1]
