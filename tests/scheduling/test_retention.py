"""When nodes are to remove files of tasks that are over."""

from __future__ import annotations

from tests.scheduling.builders import (
    NOW,
    add_job,
    add_node,
    add_tasks,
    hello,
    leases,
    queued_task,
    sent,
    shard,
)

from batchite.link import messages as link
from batchite.scheduling import retention
from batchite.scheduling.changes.tasks import FilesForgotten
from batchite.scheduling.changes.times import DueCleared, DueSet
from batchite.scheduling.decisions import Decisions, ReadExpired, ReadKept
from batchite.scheduling.effects import RemoveFiles, RemoveTaskFiles, RunTask
from batchite.scheduling.ending import TERMINATED
from batchite.scheduling.nodes import on_node_connected, on_node_gone
from batchite.scheduling.placement import place
from batchite.scheduling.retention import DUE, PATIENCE
from batchite.scheduling.state import Expired, ExpiredTask, NodeState, ShardState
from batchite.scheduling.tasks import (
    ChangedTask,
    IntendedTask,
    on_node_tasks_lost,
    on_task_changed,
    on_task_ended,
    on_task_intent,
    on_task_started,
)
from batchite.wire.ticks import MAX_TICKS

OLD = ExpiredTask(7, 2, "job", "old")


def ended(*retentions: int) -> tuple[ShardState, NodeState, Decisions]:
    """Tasks have run on one node, all to the same moment, and are kept for so long."""
    state = shard(nodes=1, slots_per_node=len(retentions))
    job = add_job(state, 1)
    for number, kept in enumerate(retentions, 1):
        add_tasks(job, range(number, number + 1), retention=kept)
    leases(state)
    node, decisions = state.nodes["node-1"], Decisions()
    for number in range(1, len(retentions) + 1):
        on_task_started(node, link.RunStarted(0, number, 1, NOW), decisions)
        on_task_ended(state, node, link.RunEnded(0, number, 1, NOW, NOW + 5, 0, None), decisions)
    return state, node, decisions


def dues(decisions: Decisions) -> list[int]:
    return [due.at for due in decisions.changes.due_set if due.kind == DUE]


def test_only_what_is_to_go_earlier_is_told() -> None:
    _, _, decisions = ended(50, 60, 40, 40, 90)
    assert dues(decisions) == [NOW + 55, NOW + 45]
    assert [one.files_until - NOW for one in decisions.changes.completed] == [55, 65, 45, 45, 95]


def test_what_is_kept_for_ever_is_never_looked_at() -> None:
    _, node, decisions = ended(MAX_TICKS)
    assert (dues(decisions), node.files_due) == ([], None)
    assert decisions.changes.completed[0].files_until == MAX_TICKS


def test_a_node_removes_a_portion_and_is_asked_again() -> None:
    state, node, _ = ended(50)
    retention.on_due(state, 1, NOW + 55, decisions := Decisions())
    assert decisions.changes.due_cleared == [DueCleared(DUE, 1)]
    assert sent(decisions, ReadExpired) == [ReadExpired(1, "node-1")]
    retention.on_expired_read(state, "node-1", Expired((OLD,)))
    retention.proceed(state, NOW + 60, decisions := Decisions())
    assert sent(decisions, RemoveFiles) == [RemoveFiles("node-1", (OLD,))]
    assert dues(decisions) == [NOW + 60 + PATIENCE], "in case that it says nothing"
    retention.on_files_removed(node, link.FilesRemoved((link.RunKey(7, 2),)), decisions := Decisions())
    assert decisions.changes.files_forgotten == [FilesForgotten(7, 2, 1)]
    assert sent(decisions, ReadExpired)
    retention.on_expired_read(state, "node-1", Expired(next=NOW + 500))
    retention.proceed(state, NOW + 61, decisions := Decisions())
    assert decisions.changes.due_set == [DueSet(DUE, 1, NOW + 500)]
    retention.proceed(state, NOW + 62, decisions := Decisions())
    assert not decisions.changes


def test_a_node_that_is_away_is_asked_when_its_agent_comes() -> None:
    state, node, _ = ended(50)
    node.connected = False
    retention.on_due(state, 1, NOW + 55, decisions := Decisions())
    retention.on_due(state, 2, NOW + 55, decisions)
    assert decisions.changes.due_cleared == [DueCleared(DUE, 1), DueCleared(DUE, 2)]
    retention.on_expired_read(state, "node-1", Expired((OLD,)))
    retention.on_expired_read(state, "gone", Expired((OLD,)))
    retention.proceed(state, NOW + 60, decisions)
    assert not sent(decisions, ReadExpired) + sent(decisions, RemoveFiles)
    on_node_connected(state, node, hello(), NOW + 70, decisions)
    assert sent(decisions, ReadExpired) == [ReadExpired(1, "node-1")]


def test_other_constraints_of_a_task_that_is_over() -> None:
    state, node, _ = ended(50)
    on_task_changed(state, ChangedTask(queued_task(1), 1, False, "node-1", NOW + 9), decisions := Decisions())
    on_task_changed(state, ChangedTask(queued_task(1), 1, False, "node-1", NOW + 99), decisions)
    on_task_changed(state, ChangedTask(queued_task(1), 1, False, "gone", NOW + 1), decisions)
    assert dues(decisions) == [NOW + 9]
    assert node.files_due == NOW + 9


def test_files_of_a_run_before_are_kept_as_long() -> None:
    """Of a task that was terminated while it waited to be retried."""
    state = shard(nodes=1)
    add_job(state, 1)
    wanted = IntendedTask(queued_task(5, retention=30), 1, "job-1", "active", "node-1", "terminate")
    on_task_intent(state, wanted, NOW, decisions := Decisions())
    assert decisions.changes.completed[0].failure == TERMINATED.failure
    assert dues(decisions) == [NOW + 30]


def test_what_runs_elsewhere_leaves_nothing_behind() -> None:
    state = shard(nodes=1)
    other = add_node(state, 2)
    job = add_job(state, 1)
    add_tasks(job, range(1, 2), node="node-1")
    state.nodes["node-1"].phase = "offline"
    state.nodes["node-1"].is_disabled = True
    decisions = leases(state)
    assert list(other.assignments) == [1]
    assert sent(decisions, RemoveTaskFiles) == [RemoveTaskFiles("node-1", "job-1", "task-1")]
    add_tasks(job, range(2, 3), node="node-2")
    other.used = 0
    assert not sent(leases(state), RemoveTaskFiles), "it goes on where it was"


def test_what_was_begun_and_is_run_elsewhere_leaves_nothing_either() -> None:
    state = shard(nodes=1, slots_per_node=2)
    node, other = state.nodes["node-1"], add_node(state, 2)
    other.is_disabled = True
    add_tasks(add_job(state, 1), range(1, 3))
    leases(state)
    on_task_started(node, link.RunStarted(0, 1, 1, NOW), Decisions())
    on_node_tasks_lost(state, node, NOW + 5, Decisions())
    node.is_disabled, other.is_disabled = True, False
    decisions = leases(state)
    assert sorted(other.assignments) == [1, 2]
    assert sent(decisions, RemoveTaskFiles) == [RemoveTaskFiles("node-1", "job-1", "task-1")]


def test_what_is_nobody_s_is_removed_before_anything_is_run_in_its_place() -> None:
    state = shard(nodes=1)
    add_tasks(add_job(state, 1), range(1, 2))
    node, kept = state.nodes["node-1"], (("job-1", "job-1", "task-1"), ("gone", "job-1", "t"))
    retention.on_files_kept(node, link.FilesKept(kept), decisions := Decisions())
    assert decisions.reads == [ReadKept(node.number, "node-1", kept)]
    retention.on_kept_read(state, "node-1", (("job-1", "task-1"),))
    retention.on_kept_read(state, "node-1", (("gone", "t"),))
    retention.proceed(state, NOW, decisions := Decisions())
    place(state, NOW, decisions)
    first, second, third = decisions.effects
    assert first == RemoveTaskFiles("node-1", "job-1", "task-1")
    assert second == RemoveTaskFiles("node-1", "gone", "t")
    assert isinstance(third, RunTask)
    retention.proceed(state, NOW, decisions := Decisions())
    assert not decisions.effects


def test_nobody_looks_at_files_of_a_node_that_is_gone() -> None:
    """Otherwise a row for each would outlive its pool, and pools of jobs come and go by the minute."""
    state, node, decisions = ended(50)
    decisions = Decisions()
    on_node_gone(state, node, NOW + 10, decisions)
    assert DueCleared(DUE, node.number) in decisions.changes.due_cleared
    state, node, decisions = ended(MAX_TICKS)
    on_node_gone(state, node, NOW + 10, decisions)
    assert not decisions.changes.due_cleared
