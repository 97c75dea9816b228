"""What becomes of tasks that end, fail, are ended or lose their node."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.scheduling.builders import (
    NOW,
    add_job,
    add_node,
    add_tasks,
    hello,
    leases,
    lose,
    placed,
    queued_task,
    sent,
    shard,
)

from batchite.link import messages as link
from batchite.resources.rules import JobRules
from batchite.resources.states import CountedState
from batchite.resources.vacating import REMOVED
from batchite.scheduling import retries as retry_rules
from batchite.scheduling import vacating
from batchite.scheduling.changes.times import DueCleared, Paused
from batchite.scheduling.decisions import Decisions, ReadTask
from batchite.scheduling.effects import EndRun, LimitTask, RemoveTaskFiles, RunTask
from batchite.scheduling.ending import DELETED, TERMINATED, Intent
from batchite.scheduling.jobs import on_job_changed
from batchite.scheduling.nodes import on_node_connected
from batchite.scheduling.pools import on_node_ended
from batchite.scheduling.retries import FIRST_PAUSE, LONGEST_PAUSE
from batchite.scheduling.state import NodeState, ShardState
from batchite.scheduling.tasks import (
    ChangedTask,
    IntendedTask,
    is_retried,
    on_retry_due,
    on_task_changed,
    on_task_ended,
    on_task_intent,
    on_task_read,
    on_task_returned,
    on_task_started,
)
from batchite.scheduling.windows import Lane
from batchite.wire.batch.outcome import Failure

EXIT = Failure("usererror", "FailureExitCode", "The task exited with an exit code other than 0.")
BLOB = Failure("usererror", "BlobNotFound", "No such blob.")


def running(**task: int) -> tuple[ShardState, NodeState]:
    """Task 1 of job 1 runs on node-1."""
    state = shard(nodes=1)
    add_tasks(add_job(state, 1), range(1, 2), **task)
    leases(state)
    node = state.nodes["node-1"]
    on_task_started(node, link.RunStarted(0, 1, 1, NOW), Decisions())
    return state, node


def end(
    state: ShardState, node: NodeState, code: int | None, failure: Failure | None, attempt: int = 1
) -> Decisions:
    decisions = Decisions()
    on_task_ended(state, node, link.RunEnded(0, 1, attempt, NOW, NOW + 50, code, failure), decisions)
    return decisions


def intended(task: int, stored: CountedState, node: str | None, intent: Intent) -> IntendedTask:
    return IntendedTask(queued_task(task), 1, "job-1", stored, node, intent)


def test_success() -> None:
    state, node = running()
    decisions = end(state, node, 0, None)
    (completed,) = decisions.changes.completed
    assert (completed.was, completed.exit_code, completed.succeeded) == ("running", 0, True)
    assert (node.used, state.assignments, state.jobs[1].unfinished) == (0, {}, 0)
    totals = decisions.changes.node_tasks[1]
    assert (totals.ran, totals.succeeded) == (1, 1)


def test_start_and_end_in_one_batch_are_one_change() -> None:
    state = shard(nodes=1)
    add_tasks(add_job(state, 1), range(1, 2))
    leases(state)
    node, decisions = state.nodes["node-1"], Decisions()
    on_task_started(node, link.RunStarted(0, 1, 1, NOW), decisions)
    on_task_ended(state, node, link.RunEnded(0, 1, 1, NOW, NOW + 50, 0, None), decisions)
    assert decisions.changes.started == {}
    assert decisions.changes.completed[0].was == "active"


def test_a_failure_is_retried_as_often_as_allowed() -> None:
    state, node = running(max_retries=1)
    first = end(state, node, 3, EXIT)
    assert first.changes.requeued[1].why == "retry"
    assert placed(state) == [(1, "node-1")]
    last = end(state, node, 3, EXIT, attempt=2)
    assert last.changes.completed[0].exit_code == 3
    assert not last.changes.completed[0].succeeded


def test_a_run_that_left_its_output_files_to_the_next_one_has_a_next_one() -> None:
    """Though its retries have been taken back meanwhile."""
    state, node = running(max_retries=0)
    decisions = Decisions()
    report = link.RunEnded(0, 1, 1, NOW, NOW + 50, 3, EXIT, withheld=True)
    on_task_ended(state, node, report, decisions)
    assert decisions.changes.requeued[1].why == "retry"
    assert decisions.changes.completed == []
    assert placed(state) == [(1, "node-1")]


def test_a_failed_upload_is_not_retried() -> None:
    state, node = running(max_retries=5)
    failure = Failure("usererror", "FileUploadContainerNotFound", "No such container.")
    (completed,) = end(state, node, 0, failure).changes.completed
    assert (completed.exit_code, completed.failure, completed.succeeded) == (0, failure, False)


@pytest.mark.parametrize(
    ("retries", "is_ending", "code", "expected"),
    [
        (0, False, 1, True),
        (1, False, 1, False),
        (0, False, 0, False),
        (0, False, None, False),
        (0, True, 1, False),
    ],
)
def test_which_runs_are_followed_by_another(
    retries: int, is_ending: bool, code: int | None, expected: bool
) -> None:
    job = add_job(shard(), 1, state="terminating" if is_ending else "active")
    assert is_retried(job, queued_task(1, retries=retries, max_retries=1), code) == expected


def test_endless_retries_pause_outside_of_memory() -> None:
    state, node = running(max_retries=-1, retries=1)
    ended = end(state, node, 1, EXIT)
    assert ended.changes.requeued[1].why == "retry"
    assert ended.changes.paused == [Paused("task-retry", 1, 2 * FIRST_PAUSE)]
    assert list(state.jobs[1].queued()) == []
    due = Decisions()
    on_retry_due(state, 1, NOW, due)
    assert due.changes.due_cleared == [DueCleared("task-retry", 1)]
    assert due.take_reads() == [ReadTask(1)]
    on_task_read(state, 1, queued_task(1, attempt=1, retries=2, max_retries=-1))
    on_task_read(state, 99, queued_task(2))
    assert placed(state) == [(1, "node-1")]


def test_a_task_of_a_job_that_ends_meanwhile_stays_where_it_is() -> None:
    state, _ = running(max_retries=-1)
    state.jobs[1].state = "terminating"
    on_task_read(state, 1, queued_task(2))
    assert list(state.jobs[1].queued()) == []


@pytest.mark.parametrize(
    ("max_retries", "retries", "pause"),
    [(3, 0, 0), (3, 2, 0), (-1, 0, FIRST_PAUSE), (-1, 3, 8 * FIRST_PAUSE), (-1, 10**9, LONGEST_PAUSE)],
)
def test_pauses_grow_where_retries_have_no_limit(max_retries: int, retries: int, pause: int) -> None:
    assert retry_rules.pause(max_retries, retries) == pause


def test_only_exit_codes_are_retried() -> None:
    state, node = running(max_retries=5)
    assert end(state, node, None, BLOB).changes.completed[0].failure == BLOB


def test_an_old_attempt_is_dropped() -> None:
    state, node = running(max_retries=5)
    end(state, node, 3, EXIT)
    placed(state)
    decisions = end(state, node, 0, None, attempt=1)
    assert not decisions.changes
    assert state.assignments[1].attempt == 2


def test_a_report_of_another_node_is_dropped() -> None:
    state, _ = running()
    other = add_node(state, 2)
    assert not end(state, other, 0, None).changes
    assert 1 in state.assignments


def test_losing_the_node_is_not_a_retry() -> None:
    state, node = running()
    decisions = lose(state, node)
    assert decisions.changes.requeued[1].why == "recovery"
    add_node(state, 2)
    assert placed(state) == [(1, "node-2")]
    assert state.assignments[1].attempt == 2


def test_a_returned_task_waits_again() -> None:
    state = shard(nodes=1)
    add_tasks(add_job(state, 1), range(1, 2))
    leases(state)
    decisions = Decisions()
    on_task_returned(state, state.nodes["node-1"], link.RunReturned(0, 1, 1), NOW, decisions)
    assert decisions.changes.requeued[1].was == "active"
    assert state.jobs[1].window(Lane(1)).next.attempt == 1


@pytest.mark.parametrize("intent", ["terminate", "delete"])
def test_a_task_that_was_to_end_does_when_it_is_returned(intent: Intent) -> None:
    """The node gave it back before it heard of the wish."""
    state = shard(nodes=1)
    add_tasks(add_job(state, 1), range(1, 2))
    leases(state)
    on_task_intent(state, intended(1, "active", "node-1", intent), NOW, Decisions())
    decisions = Decisions()
    on_task_returned(state, state.nodes["node-1"], link.RunReturned(0, 1, 1), NOW, decisions)
    assert decisions.changes.requeued == {}
    assert len(decisions.changes.removed) == (intent == "delete")
    assert [(one.ended, one.failure) for one in decisions.changes.completed] == (
        [(NOW, TERMINATED.failure)] if intent == "terminate" else []
    )
    assert placed(state) == []


def test_a_task_to_be_terminated_is_over_though_its_job_ended_first() -> None:
    """What ends with its job goes on waiting if it had not begun; what a user ended does not."""
    state = shard(nodes=1)
    job = add_job(state, 1)
    add_tasks(job, range(1, 2))
    leases(state)
    on_job_changed(state, replace(job, state="terminating"), NOW, Decisions())
    on_task_intent(state, intended(1, "active", "node-1", "terminate"), NOW, Decisions())
    node, decisions = state.nodes["node-1"], Decisions()
    on_task_ended(state, node, link.RunEnded(0, 1, 1, None, NOW + 7, None, TERMINATED.failure), decisions)
    (completed,) = decisions.changes.completed
    assert (completed.was, completed.started, completed.failure) == ("active", None, TERMINATED.failure)
    assert decisions.changes.node_tasks == {}


def test_a_task_that_had_not_begun_on_a_node_that_leaves_is_not_requeued() -> None:
    state = shard(nodes=1)
    add_tasks(add_job(state, 1), range(1, 2))
    leases(state)
    node, decisions = state.nodes["node-1"], Decisions()
    vacating.begin(state, node, REMOVED, NOW, Decisions())
    on_node_ended(state, node, NOW, decisions)
    assert decisions.changes.requeued[1].why == "returned"


def test_a_job_ends_though_its_last_task_was_on_its_way_back() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1)
    add_tasks(job, range(1, 2))
    leases(state)
    on_job_changed(state, replace(job, state="terminating"), NOW, Decisions())
    decisions = Decisions()
    on_task_returned(state, state.nodes["node-1"], link.RunReturned(0, 1, 1), NOW + 7, decisions)
    assert [(one.job, one.at) for one in decisions.changes.job_completed] == [(1, NOW + 7)]


def test_a_job_ends_when_its_last_task_has_been_removed() -> None:
    state, node = running()
    state.jobs[1].rules = JobRules(terminates_when_done=True)
    on_task_intent(state, intended(1, "running", "node-1", "delete"), NOW, Decisions())
    decisions = end(state, node, None, None)
    assert [(one.reason, one.at) for one in decisions.changes.job_terminating] == [
        ("AllTasksComplete", NOW + 50)
    ]


def test_the_files_of_a_task_are_removed_though_its_job_is_over() -> None:
    state = shard(nodes=1)
    decisions = Decisions()
    on_task_intent(state, intended(5, "succeeded", "node-1", "delete"), NOW, decisions)
    assert [(one.node, one.job_id, one.task_id) for one in sent(decisions, RemoveTaskFiles)] == [
        ("node-1", "job-1", "task-5")
    ]


@pytest.mark.parametrize("intent", ["terminate", "delete"])
def test_a_running_task_is_ended_by_its_node(intent: Intent) -> None:
    state, node = running(max_retries=5)
    decisions = Decisions()
    on_task_intent(state, intended(1, "running", "node-1", intent), NOW, decisions)
    (order,) = sent(decisions, EndRun)
    assert (order.node, order.number, order.attempt) == ("node-1", 1, 1)
    assert not decisions.changes
    ended = end(state, node, None, order.failure)
    if intent == "delete":
        assert ended.changes.removed[0].was == "running"
        assert sent(ended, RemoveTaskFiles)
    else:
        assert ended.changes.completed[0].failure == TERMINATED.failure


def test_ending_is_repeated_to_a_node_that_comes_back() -> None:
    state, node = running()
    on_task_intent(state, intended(1, "running", "node-1", "terminate"), NOW, Decisions())
    decisions = Decisions()
    on_node_connected(state, node, hello(link.RunKey(1, 1)), NOW, decisions)
    assert sent(decisions, EndRun)


def test_a_waiting_task_is_ended_at_once() -> None:
    state = shard()
    job = add_job(state, 1, tasks=2)
    decisions = Decisions()
    on_task_intent(state, intended(1000, "active", None, "terminate"), NOW, decisions)
    (completed,) = decisions.changes.completed
    assert (completed.started, completed.failure) == (None, TERMINATED.failure)
    assert [task.number for task in job.queued()] == [1001]


def test_ending_a_task_that_was_requeued_in_the_same_batch() -> None:
    state, node = running(max_retries=1)
    decisions = end(state, node, 3, EXIT)
    on_task_intent(state, intended(1, "active", None, "delete"), NOW, decisions)
    assert decisions.changes.requeued == {}
    assert decisions.changes.removed[0].was == "running"
    assert placed(state) == []


def test_a_completed_task_is_removed_with_its_files() -> None:
    state = shard(nodes=1)
    add_job(state, 1)
    decisions = Decisions()
    on_task_intent(state, intended(5, "failed", "node-1", "delete"), NOW, decisions)
    assert decisions.changes.removed[0].was == "failed"
    assert state.jobs[1].unfinished == 0
    assert sent(decisions, RemoveTaskFiles)[0].task_id == "task-5"


def test_deleting_overrides_terminating() -> None:
    state, node = running()
    for intent in ("terminate", "delete", "terminate"):
        on_task_intent(state, intended(1, "running", "node-1", intent), NOW, Decisions())
    assert state.assignments[1].ending == DELETED
    assert end(state, node, 0, None).changes.removed


def test_a_task_to_be_terminated_is_over_when_its_node_is_lost() -> None:
    state, node = running()
    on_task_intent(state, intended(1, "running", "node-1", "terminate"), NOW, Decisions())
    decisions = lose(state, node)
    assert decisions.changes.completed[0].failure == TERMINATED.failure


def test_what_a_node_has_not_heard_of_is_sent_again() -> None:
    state, node = running()
    decisions = Decisions()
    on_node_connected(state, node, hello(), NOW, decisions)
    told = [effect for effect in decisions.effects if isinstance(effect, RunTask)]
    assert [(effect.task.number, effect.attempt) for effect in told] == [(1, 1)]


def test_a_retry_ends_with_its_job() -> None:
    state, node = running(max_retries=5)
    state.jobs[1].state = "terminating"
    on_job_changed(state, state.jobs[1], NOW, Decisions())
    decisions = end(state, node, 3, EXIT)
    assert decisions.changes.completed
    assert decisions.changes.job_completed


def test_what_runs_goes_by_its_new_constraints() -> None:
    state, node = running()
    decisions = Decisions()
    anew = queued_task(1, max_retries=1, wall_clock=50, definition=b"anew")
    on_task_changed(state, ChangedTask(anew, 1, False), decisions)
    assert sent(decisions, LimitTask) == [LimitTask("node-1", 1, 1, 50)]
    on_node_connected(state, node, hello(link.RunKey(1, 1)), NOW, again := Decisions())
    assert sent(again, LimitTask) == [LimitTask("node-1", 1, 1, 50)], "it may not have heard"
    on_task_ended(state, node, link.RunEnded(1, 1, 1, NOW, NOW + 5, 3, EXIT), ended := Decisions())
    assert ended.changes.requeued[1].why == "retry"
    (run,) = sent(leases(state), RunTask)
    assert (run.task.definition, run.task.retries, run.attempt) == (b"anew", 1, 2)
    on_task_ended(state, node, link.RunEnded(2, 1, 2, NOW, NOW + 5, 3, EXIT), ended := Decisions())
    assert [one.exit_code for one in ended.changes.completed] == [3]


def test_what_waits_is_replaced_in_its_place() -> None:
    state = shard(nodes=0)
    job = add_job(state, 1, tasks=3)
    window = job.window(Lane(1))
    anew = queued_task(1001, definition=b"a longer one")
    for _ in range(2):
        on_task_changed(state, ChangedTask(anew, 1, True), Decisions())
    assert [task.number for task in job.queued()] == [1000, 1001, 1002]
    assert list(job.queued())[1].definition == b"a longer one"
    assert window.size == len(b"a longer one") + 2 * len(b"{}")


def test_a_task_that_waits_anew_comes_to_its_place() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1, tasks=3)
    del job.window(Lane(1)).tasks[0]  # it had run
    on_task_changed(state, ChangedTask(queued_task(1000, attempt=4), 1, True), decisions := Decisions())
    on_task_changed(state, ChangedTask(queued_task(1000, attempt=4), 1, True), decisions)
    (run,) = sent(leases(state), RunTask)
    assert (run.task.number, run.attempt) == (1000, 5)
    on_task_changed(state, ChangedTask(queued_task(1000, attempt=4), 1, True), decisions)
    assert [task.number for task in job.queued()] == [1001, 1002], "a node has it already"


def test_what_pauses_or_is_over_is_left_where_it_is() -> None:
    state = shard(nodes=0)
    job = add_job(state, 1, tasks=2)
    on_task_changed(state, ChangedTask(queued_task(900), 1, False), decisions := Decisions())
    on_task_changed(state, ChangedTask(queued_task(900), 7, True), decisions)
    assert [task.number for task in job.queued()] == [1000, 1001]
    assert not decisions.effects
