"""How jobs are disabled and enabled, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.scheduling.builders import (
    NOW,
    add_job,
    add_tasks,
    hello,
    leases,
    placed,
    queued_task,
    ruled,
    run_all,
    sent,
    shard,
)

from batchite.link import messages as link
from batchite.scheduling import forcing
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun, PurgeJob, RecallTask, RunTask, WakeOwner
from batchite.scheduling.jobs import (
    disable,
    on_empty_job_due,
    on_job_changed,
    on_job_purged,
    on_job_wall_clock,
    on_tasks_added,
    on_window_read,
)
from batchite.scheduling.nodes import on_node_connected
from batchite.scheduling.placement import AHEAD_TICKS
from batchite.scheduling.pools import on_node_ended
from batchite.scheduling.restarts import on_node_lost
from batchite.scheduling.state import ShardState
from batchite.scheduling.tasks import on_task_ended, on_task_returned
from batchite.scheduling.windows import Lane


def changed(shard_state: ShardState, number: int, **changes: Any) -> Decisions:
    decisions = Decisions()
    known = shard_state.jobs[number]
    job = replace(known, windows={}, assignments={}, **ruled(known.rules, changes))
    on_job_changed(shard_state, job, NOW, decisions)
    return decisions


def end_task(state: ShardState, number: int) -> Decisions:
    decisions = Decisions()
    assignment = state.assignments[number]
    on_task_ended(
        state,
        assignment.node,
        link.RunEnded(0, number, assignment.attempt, NOW, NOW + 1, 0, None),
        decisions,
    )
    return decisions


def by_a_user(state: ShardState, decisions: Decisions) -> None:
    on_job_changed(state, replace(state.jobs[1], state="terminating"), NOW, decisions)


def by_its_wall_clock(state: ShardState, decisions: Decisions) -> None:
    state.jobs[1].ends_at = NOW
    on_job_wall_clock(state, 1, NOW, decisions)


@pytest.mark.parametrize("terminate", [by_a_user, by_its_wall_clock])
@pytest.mark.parametrize("is_lost", [False, True])
def test_what_waits_on_a_node_goes_on_waiting_when_its_job_ends(
    terminate: Callable[[ShardState, Decisions], None], is_lost: bool
) -> None:
    """Ahead of their slots, of which nobody can see anything; whether the node answers or is lost."""
    state = shard(nodes=1, slots_per_node=4)
    node = state.nodes["node-1"]
    node.pace = AHEAD_TICKS // 2
    job = add_job(state, 1, tasks=12)
    running, ending, over = run_all(state), Decisions(), Decisions()
    waiting = sorted(state.assignments.keys() - set(running))
    assert (len(running), len(waiting)) == (4, 8)
    terminate(state, ending)
    if is_lost:
        on_node_lost(node, "gone", over)
        on_node_ended(state, node, NOW + 1, over)
    for order in () if is_lost else sent(ending, EndRun):
        began = NOW if order.number in running else None
        on_task_ended(
            state,
            node,
            link.RunEnded(0, order.number, order.attempt, began, NOW + 1, None, order.failure),
            over,
        )
    assert sorted(one.task for one in over.changes.completed) == running
    assert {task: one.why for task, one in over.changes.requeued.items()} == dict.fromkeys(
        waiting, "returned"
    )
    assert over.changes.node_tasks[1].ran == 4
    assert job.unfinished == 8
    assert [one.job for one in over.changes.job_completed] == [1]
    assert state.jobs == {}


def test_a_job_that_ends_while_all_of_it_waits_on_a_node() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1)
    placed(state)
    (order,) = sent(changed(state, 1, state="terminating"), EndRun)
    over, node = Decisions(), state.nodes["node-1"]
    on_task_ended(
        state, node, link.RunEnded(0, order.number, order.attempt, None, NOW + 1, None, order.failure), over
    )
    assert (over.changes.completed, over.changes.job_completed[0].at) == ([], NOW + 1)
    assert over.changes.requeued[1000].why == "returned"


def test_terminating_ends_what_runs_and_leaves_what_waits() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=3)
    run_all(state)
    decisions = changed(state, 1, state="terminating")
    assert [effect.number for effect in sent(decisions, EndRun)] == [1000]
    assert decisions.changes.job_completed == []
    last = end_task(state, 1000)
    assert last.changes.job_completed[0].job == 1
    assert 1 not in state.jobs
    assert placed(state) == []


def test_terminating_a_job_without_running_tasks_completes_it() -> None:
    state = shard()
    add_job(state, 1, tasks=3)
    assert changed(state, 1, state="terminating").changes.job_completed[0].at == NOW


def test_deleting_purges_once_nothing_runs() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=2)
    placed(state)
    assert sent(changed(state, 1, state="deleting"), PurgeJob) == []
    last = end_task(state, 1000)
    assert last.changes.removed[0].task == 1000
    assert sent(last, PurgeJob)[0].job == 1
    on_job_purged(state, 1, Decisions())
    assert state.jobs == {}


def test_deleting_a_terminating_job() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1)
    placed(state)
    changed(state, 1, state="terminating")
    changed(state, 1, state="deleting")
    assert sent(end_task(state, 1000), PurgeJob)


def test_a_job_ends_with_its_last_task_where_asked() -> None:
    state = shard(nodes=1, slots_per_node=2)
    add_job(state, 1, tasks=2, terminates_when_done=True)
    placed(state)
    assert end_task(state, 1000).changes.job_terminating == []
    last = end_task(state, 1001)
    assert last.changes.job_terminating[0].reason == "AllTasksComplete"
    assert last.changes.job_completed[0].job == 1


def test_the_wall_clock_is_set_once_and_ends_the_job() -> None:
    state = shard(nodes=1)
    job = add_job(ShardState(), 1, tasks=0, ends_at=NOW + 7)
    decisions = Decisions()
    on_job_changed(state, job, NOW, decisions)
    (due,) = decisions.changes.due_set
    assert (due.kind, due.subject, due.at) == ("job-wall-clock", 1, NOW + 7)
    over = Decisions()
    on_job_wall_clock(state, 1, NOW + 7, over)
    assert over.changes.job_terminating[0].reason == "MaxWallClockTimeExpiry"
    again = Decisions()
    on_job_wall_clock(state, 1, NOW + 8, again)
    assert again.changes.job_terminating == []


def due_of(decisions: Decisions) -> list[tuple[str, int | None]]:
    """What is to happen when; None: not any more."""
    changes = decisions.changes
    cleared: list[tuple[str, int | None]] = [(due.kind, None) for due in changes.due_cleared]
    return cleared + [(due.kind, due.at) for due in changes.due_set]


def test_another_limit_of_parallel_tasks_and_another_priority_count_at_once() -> None:
    state = shard(nodes=1, slots_per_node=4)
    add_job(state, 1, tasks=4, max_parallel_tasks=1)
    add_job(state, 2, tasks=1, priority=-1)
    assert [task for task, _ in placed(state)] == [1000, 2000]
    changed(state, 1, max_parallel_tasks=2)
    assert [task for task, _ in placed(state)] == [1001]
    add_tasks(state.jobs[2], range(2001, 2002))
    changed(state, 2, priority=5)
    changed(state, 1, max_parallel_tasks=-1)
    assert [task for task, _ in placed(state)] == [2001]


def test_another_wall_clock_takes_the_place_of_the_first() -> None:
    state = shard(nodes=1)
    add_job(state, 1, ends_at=NOW + 7)
    assert due_of(changed(state, 1, priority=3)) == []
    assert due_of(changed(state, 1, ends_at=NOW + 3)) == [("job-wall-clock", NOW + 3)]
    assert due_of(changed(state, 1, ends_at=None)) == [("job-wall-clock", None)]
    assert due_of(changed(state, 1, ends_at=NOW + 9, state="disabled")) == [("job-wall-clock", NOW + 9)]


def test_an_owner_that_begins_sets_what_no_owner_may_have_set() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1, ends_at=NOW + 7)
    decisions = Decisions()
    on_job_changed(state, job, NOW, decisions)
    assert due_of(decisions) == [("job-wall-clock", NOW + 7)]


def test_a_wall_clock_that_was_put_off_meanwhile_ends_nothing() -> None:
    for ends_at in (None, NOW + 1):
        state = shard(nodes=1)
        add_job(state, 1, ends_at=ends_at)
        decisions = Decisions()
        on_job_wall_clock(state, 1, NOW, decisions)
        assert moves(decisions) == []


def test_a_job_that_never_had_a_task_ends_after_its_pause() -> None:
    state = shard(nodes=1)
    state.empty_job_pause = 5
    job = add_job(ShardState(), 1, terminates_when_done=True)
    decisions = Decisions()
    on_job_changed(state, job, NOW, decisions)
    on_tasks_added(state, 1, {}, {}, 0, NOW, decisions)
    assert due_of(decisions) == [("empty-job", NOW + 5)]
    assert decisions.changes.job_terminating == []
    over = Decisions()
    on_empty_job_due(state, 1, NOW + 5, over)
    assert over.changes.job_terminating[0].reason == "AllTasksComplete"
    assert over.changes.job_completed[0].job == 1
    assert ("empty-job", None) in due_of(over)


def test_a_change_begins_the_pause_of_an_empty_job_anew() -> None:
    state = shard(nodes=1)
    state.empty_job_pause = 5
    add_job(state, 1)
    assert due_of(changed(state, 1, terminates_when_done=True, changed=NOW + 2)) == [("empty-job", NOW + 7)]
    assert due_of(changed(state, 1, changed=NOW + 4)) == [("empty-job", NOW + 9)]


@pytest.mark.parametrize(
    ("pause", "tasks", "properties"),
    [
        (5, 1, {"terminates_when_done": True}),
        (5, 0, {"terminates_when_done": False}),
        (5, 0, {"terminates_when_done": True, "state": "disabled"}),
    ],
)
def test_other_jobs_stay_when_the_pause_is_over(pause: int, tasks: int, properties: dict[str, Any]) -> None:
    state = shard(nodes=1)
    state.empty_job_pause = pause
    add_job(state, 1, tasks=tasks, **properties)
    decisions = Decisions()
    on_empty_job_due(state, 1, NOW + 5, decisions)
    assert decisions.changes.job_terminating == []
    assert 1 in state.jobs


def test_without_a_pause_an_empty_job_is_left_alone() -> None:
    state = shard(nodes=1)
    decisions = Decisions()
    on_job_changed(state, add_job(ShardState(), 1, terminates_when_done=True), NOW, decisions)
    assert due_of(decisions) == []


def test_added_tasks_are_looked_for_by_slots() -> None:
    state = shard(nodes=1)
    add_job(state, 1)
    on_tasks_added(
        state, 1, {Lane(1): 3, Lane(2): 0, Lane(4): 1}, {Lane(1): 0, Lane(4): 0}, 4, NOW, Decisions()
    )
    job = state.jobs[1]
    assert {lane for lane, window in job.windows.items() if window.more} == {Lane(1), Lane(4)}
    assert job.unfinished == 4


def test_what_is_read_for_a_job_that_went_is_dropped() -> None:
    state = shard(nodes=1)
    on_window_read(state, 9, Lane(1), [queued_task(1)], more=True)
    decisions = leases(state)
    assert (decisions.effects, decisions.reads) == ([], [])


def test_a_job_whose_tasks_are_all_done_when_they_are_counted_ends() -> None:
    state = shard(nodes=1)
    add_job(state, 1, terminates_when_done=True)
    never_had_any, all_done = Decisions(), Decisions()
    on_tasks_added(state, 1, {}, {}, 0, NOW, never_had_any)
    assert never_had_any.changes.job_terminating == []
    on_tasks_added(state, 1, {Lane(1): 0}, {}, 0, NOW, all_done)
    assert all_done.changes.job_terminating[0].reason == "AllTasksComplete"


# -- disabling and enabling


def told(state: ShardState, decisions: Decisions, code: int | None = None) -> Decisions:
    """The node does what it was told, which is asked of it while it runs; without a `code` it was killed."""
    over = Decisions()
    for order in sent(decisions, EndRun):
        assignment = state.assignments[order.number]
        failure = order.failure if code is None else None
        began = assignment.started
        report = link.RunEnded(0, order.number, order.attempt, began, NOW + 1, code, failure)
        on_task_ended(state, assignment.node, report, over)
    return over


def moves(decisions: Decisions) -> list[str]:
    """Of jobs, in the order in which they are stored."""
    kinds = ("job_disabling", "job_disabled", "job_enabled", "job_terminating", "job_completed")
    return [kind for kind in kinds for _ in getattr(decisions.changes, kind)]


@pytest.mark.parametrize(
    ("option", "code", "becomes"),
    [
        ("requeue", None, "requeued"),
        ("requeue", 0, "succeeded"),
        ("requeue", 3, "requeued"),
        ("terminate", None, "failed"),
        ("terminate", 0, "succeeded"),
    ],
)
def test_what_runs_when_its_job_is_disabled(option: Any, code: int | None, becomes: str) -> None:
    """What has come to a good end before it could be ended, has; nothing else starts."""
    state = shard(nodes=1)
    job = add_job(state, 1, tasks=2)
    assert run_all(state) == [1000]
    disabling = changed(state, 1, state="disabling", option=option)
    assert (moves(disabling), placed(state)) == ([], [])
    over = told(state, disabling, code)
    assert (moves(over), job.state) == (["job_disabled"], "disabled")
    requeued = {task: one.why for task, one in over.changes.requeued.items()}
    completed = [(one.task, "succeeded" if one.succeeded else "failed") for one in over.changes.completed]
    assert (requeued, completed) == (
        ({1000: "requeue"}, []) if becomes == "requeued" else ({}, [(1000, becomes)])
    )
    assert placed(state) == []
    assert moves(changed(state, 1, state="enabling")) == ["job_enabled"]
    assert placed(state)[0][0] == (1000 if requeued else 1001)


def test_what_runs_may_be_waited_for() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1, tasks=2)
    run_all(state)
    disabling = changed(state, 1, state="disabling", option="wait")
    assert (sent(disabling, EndRun), sent(disabling, RecallTask), job.state) == ([], [], "disabling")
    assert moves(end_task(state, 1000)) == ["job_disabled"]
    assert placed(state) == []


@pytest.mark.parametrize("pause", [False, True])
def test_a_retry_waits_until_its_job_is_enabled(pause: bool) -> None:
    """Also one that pauses first, of which nothing is in memory meanwhile."""
    state = shard(nodes=1)
    job = add_job(state, 1)
    add_tasks(job, range(1000, 1001), max_retries=-1 if pause else 1)
    run_all(state)
    changed(state, 1, state="disabling", option="wait")
    over, node = Decisions(), state.nodes["node-1"]
    on_task_ended(state, node, link.RunEnded(0, 1000, 1, NOW, NOW + 1, 3, None), over)
    assert (moves(over), over.changes.requeued[1000].why) == (["job_disabled"], "retry")
    assert (bool(over.changes.paused), placed(state)) == (pause, [])


def test_what_waits_on_a_node_is_fetched_back_where_what_runs_is_waited_for() -> None:
    state = shard(nodes=1, slots_per_node=1)
    node = state.nodes["node-1"]
    node.pace = AHEAD_TICKS // 2
    add_job(state, 1, tasks=3)
    assert run_all(state) == [1000]
    disabling = changed(state, 1, state="disabling", option="wait")
    assert {order.task for order in sent(disabling, RecallTask)} == {1001, 1002}
    back = Decisions()
    for order in sent(disabling, RecallTask):
        on_task_returned(state, node, link.RunReturned(0, order.task, order.attempt), NOW, back)
    assert {one.why for one in back.changes.requeued.values()} == {"returned"}
    assert moves(back) == []
    assert moves(end_task(state, 1000)) == ["job_disabled"]


def test_a_node_that_comes_back_is_sent_nothing_more_of_a_job_that_is_being_disabled() -> None:
    state = shard(nodes=1, slots_per_node=1)
    node = state.nodes["node-1"]
    node.pace = AHEAD_TICKS // 2
    add_job(state, 1, tasks=3)
    run_all(state)
    changed(state, 1, state="disabling", option="wait")
    again = Decisions()
    held = (link.RunKey(1000, 1), link.RunKey(1001, 1))
    on_node_connected(state, node, hello(*held), NOW, again)
    assert sent(again, RunTask) == []
    assert [order.task for order in sent(again, RecallTask)] == [1001]
    assert again.changes.requeued[1002].why == "returned"


def test_a_later_option_takes_over() -> None:
    """What was asked to end ends, as was asked last; what was to be waited for may be ended after all."""
    for first, then, becomes in (
        ("wait", "requeue", "requeued"),
        ("wait", "terminate", "failed"),
        ("requeue", "terminate", "failed"),
        ("requeue", "wait", "requeued"),
        ("terminate", "requeue", "failed"),
    ):
        state = shard(nodes=1)
        add_job(state, 1, tasks=1)
        run_all(state)
        orders = changed(state, 1, state="disabling", option=first)
        later = changed(state, 1, state="disabling", option=then)
        over = told(state, later if sent(later, EndRun) else orders)
        assert len(over.changes.requeued) == (becomes == "requeued"), (first, then)
        assert [one.succeeded for one in over.changes.completed] == [False] * (becomes == "failed")
        assert moves(over) == ["job_disabled"]


def test_a_job_with_nothing_on_nodes_is_disabled_at_once() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1)
    assert moves(changed(state, 1, state="disabling")) == ["job_disabled"]


def test_a_job_may_be_disabled_for_what_becomes_of_a_task() -> None:
    """And ended afterwards, in one turn too."""
    state = shard(nodes=1)
    job = add_job(state, 1, tasks=1)
    decisions = Decisions()
    disable(state, job, "requeue", NOW, decisions)
    assert moves(decisions) == ["job_disabling", "job_disabled"]
    disable(state, job, "terminate", NOW, decisions)
    assert moves(decisions) == ["job_disabling", "job_disabled"]
    job.ends_at = NOW
    on_job_wall_clock(state, 1, NOW, decisions)
    assert moves(decisions)[2:] == ["job_terminating", "job_completed"]


@pytest.mark.parametrize("ends", ["terminating", "deleting"])
def test_a_job_that_is_being_disabled_may_be_ended(ends: str) -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1)
    run_all(state)
    changed(state, 1, state="disabling", option="requeue")
    over = told(state, changed(state, 1, state=ends))
    assert over.changes.requeued == {}
    assert (len(over.changes.completed), len(over.changes.removed)) == (
        (1, 0) if ends == "terminating" else (0, 1)
    )


def test_a_disabled_job_does_not_end_with_its_tasks_until_it_is_enabled() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1, terminates_when_done=True)
    run_all(state)
    disabling = changed(state, 1, state="disabling", option="terminate")
    assert moves(told(state, disabling)) == ["job_disabled"]
    enabled = changed(state, 1, state="enabling")
    on_tasks_added(state, 1, {Lane(1): 0}, {}, 0, NOW, enabled)
    assert moves(enabled) == ["job_enabled", "job_terminating", "job_completed"]


def test_what_a_lost_node_had_of_a_job_that_is_being_disabled() -> None:
    for option, becomes in (("requeue", "requeue"), ("wait", "recovery")):
        state = shard(nodes=1)
        add_job(state, 1, tasks=1)
        run_all(state)
        changed(state, 1, state="disabling", option=option)
        over, node = Decisions(), state.nodes["node-1"]
        on_node_lost(node, "gone", over)
        on_node_ended(state, node, NOW + 1, over)
        assert (over.changes.requeued[1000].why, moves(over)) == (becomes, ["job_disabled"])


# -- without waiting for nodes


@pytest.mark.parametrize("state_then", ["terminating", "deleting"])
@pytest.mark.parametrize("at_once", [True, False])
def test_a_forced_end_waits_for_no_node(state_then: Any, at_once: bool) -> None:
    """Whether it was asked for at first or later; the nodes are told, and what they say then is no news."""
    state = shard(nodes=1)
    node = state.nodes["node-1"]
    node.pace = AHEAD_TICKS // 2
    add_job(state, 1, tasks=3)
    assert run_all(state) == [1000]
    if not at_once:
        assert moves(changed(state, 1, state=state_then)) == []
    decisions = changed(state, 1, state=state_then, option="force")
    forcing.proceed(state, NOW, decisions)
    assert (node.assignments, node.used) == ({}, 0)
    if state_then == "terminating":
        (over,) = decisions.changes.completed
        assert (over.task, over.failure and over.failure.code, over.node_id) == (1000, "TaskEnded", "node-1")
        assert {one.why for one in decisions.changes.requeued.values()} == {"returned"}
        assert (moves(decisions), state.jobs) == (["job_completed"], {})
    else:
        assert sorted(one.task for one in decisions.changes.removed) == [1000, 1001, 1002]
        assert sent(decisions, PurgeJob) != []
    late = Decisions()
    on_task_ended(state, node, link.RunEnded(0, 1000, 1, NOW, NOW + 1, 0, None), late)
    assert not late.changes


def test_a_node_is_told_of_what_was_taken_from_it_while_nobody_could_reach_it() -> None:
    state = shard(nodes=1)
    node = state.nodes["node-1"]
    add_job(state, 1, tasks=1)
    run_all(state)
    node.connected = False
    forcing.proceed(state, NOW, changed(state, 1, state="terminating", option="force"))
    again = Decisions()
    on_node_connected(state, node, hello(link.RunKey(1000, 1)), NOW, again)
    assert [(order.number, order.attempt) for order in sent(again, EndRun)] == [(1000, 1)]


def test_others_are_waited_for() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1)
    add_job(state, 2, tasks=1)
    run_all(state)
    decisions = changed(state, 1, state="terminating")
    forcing.proceed(state, NOW, decisions)
    assert moves(decisions) == []


# -- another pool


def test_a_disabled_job_goes_to_the_shard_of_its_new_pool() -> None:
    """Also if it has been enabled by then: that is for the other owner."""
    for now_in in ("disabled", "enabling"):
        state = shard(nodes=1)
        add_job(state, 1, tasks=1)
        changed(state, 1, state="disabling")
        decisions = changed(state, 1, state=now_in, moves_to="account/other")
        assert [(one.job, one.to) for one in decisions.changes.job_moved] == [(1, "account/other")]
        assert [one.shard for one in sent(decisions, WakeOwner)] == ["account/other"]
        assert (state.jobs, moves(decisions)) == ({}, [])


@pytest.mark.parametrize("now_in", ["terminating", "deleting"])
def test_a_job_that_ends_before_it_moved_ends_where_it_is(now_in: str) -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1)
    decisions = changed(state, 1, state=now_in, moves_to="account/other")
    assert decisions.changes.job_moved == []
    assert moves(decisions) == (["job_completed"] if now_in == "terminating" else [])
