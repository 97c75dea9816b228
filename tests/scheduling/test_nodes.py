"""Booting and the start task."""

from __future__ import annotations

from dataclasses import replace

from tests.scheduling.builders import NOW, add_job, add_node, hello, placed, run_all, sent, shard, start_task

from batchite.link import messages as link
from batchite.scheduling.changes import DueCleared
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import RunStartTask
from batchite.scheduling.jobs import on_job_changed
from batchite.scheduling.nodes import on_node_connected, on_nodes_sent_home
from batchite.scheduling.retries import FIRST_PAUSE, LONGEST_PAUSE
from batchite.scheduling.start_tasks import (
    on_start_task_ended,
    on_start_task_retry_due,
    on_start_task_started,
)
from batchite.scheduling.state import NodeState, ShardState
from batchite.wire.batch.outcome import Failure

EXIT = Failure("usererror", "FailureExitCode", "exit code 3")
BLOB = Failure("usererror", "BlobNotFound", "no such blob")


def booting(**rules: object) -> tuple[ShardState, NodeState, Decisions]:
    state = shard(start_task=start_task(**rules))  # type: ignore[arg-type]
    node = add_node(state, 1, "starting", connected=False)
    node.was_connected = False
    return state, node, connect(state, node)


def connect(state: ShardState, node: NodeState, ran: int = 0) -> Decisions:
    decisions = Decisions()
    on_node_connected(state, node, hello(ran=ran), decisions)
    return decisions


def end(state: ShardState, node: NodeState, failure: Failure | None, attempt: int = 1) -> Decisions:
    decisions = Decisions()
    code = 0 if failure is None else 3 if failure is EXIT else None
    report = link.StartTaskEnded(0, attempt, NOW, NOW + 5, code, failure)
    on_start_task_ended(state, node, report, decisions)
    return decisions


def test_without_a_start_task_a_node_is_idle_once_it_speaks() -> None:
    state = shard()
    node = add_node(state, 1, "starting", connected=False)
    decisions = connect(state, node)
    assert node.phase == "idle"
    assert decisions.changes.node_booted[0].agent_version == "0.1.0"
    assert decisions.effects == []


def test_a_node_waits_for_its_start_task() -> None:
    state, node, decisions = booting()
    add_job(state, 1, tasks=1)
    assert [effect.attempt for effect in sent(decisions, RunStartTask)] == [1]
    assert (node.phase, placed(state)) == ("waitingforstarttask", [])
    started = Decisions()
    on_start_task_started(node, link.StartTaskStarted(0, 1, NOW), started)
    assert started.changes.start_task_changed[0].state == "running"
    ended = end(state, node, None)
    assert ended.changes.start_task_changed[0].exit_code == 0
    assert node.phase == "idle"
    assert len(placed(state)) == 1


def test_a_node_that_need_not_wait_takes_tasks_whatever_comes_of_the_start_task() -> None:
    state, node, _ = booting(wait=False)
    add_job(state, 1, tasks=1)
    assert len(placed(state)) == 1
    end(state, node, EXIT)
    assert node.phase in ("idle", "running")


def test_the_last_failure_leaves_the_node_without_use() -> None:
    state, node, _ = booting(retries=2)
    for attempt in (1, 2):
        decisions = end(state, node, EXIT, attempt)
        assert [effect.attempt for effect in sent(decisions, RunStartTask)] == [attempt + 1]
        assert node.phase == "waitingforstarttask"
    decisions = end(state, node, EXIT, 3)
    assert sent(decisions, RunStartTask) == []
    assert node.phase == "starttaskfailed"
    change = decisions.changes.start_task_changed[0]
    assert (change.retries, change.failure) == (2, EXIT)


def test_download_errors_are_not_retried() -> None:
    state, node, _ = booting(retries=5)
    assert sent(end(state, node, BLOB), RunStartTask) == []
    assert node.phase == "starttaskfailed"


def test_endless_retries() -> None:
    state, node, _ = booting(retries=-1)
    pauses = []
    for attempt in range(1, 12):
        ended = end(state, node, EXIT, attempt)
        assert sent(ended, RunStartTask) == []
        pauses += [(paused.kind, paused.subject, paused.ticks) for paused in ended.changes.paused]
        due = Decisions()
        on_start_task_retry_due(state, node.number, NOW, due)
        assert [effect.attempt for effect in sent(due, RunStartTask)] == [attempt + 1]
    assert pauses[0] == ("start-task-retry", node.number, FIRST_PAUSE)
    assert pauses[-1] == ("start-task-retry", node.number, LONGEST_PAUSE)


def test_a_pause_that_ends_when_nobody_waits_for_it_any_more() -> None:
    state, node, _ = booting(retries=-1)
    end(state, node, EXIT)
    node.connected = False
    for number in (node.number, 99):
        due = Decisions()
        on_start_task_retry_due(state, number, NOW, due)
        assert due.effects == []
        assert due.changes.due_cleared == [DueCleared("start-task-retry", number)]
    assert [effect.attempt for effect in sent(connect(state, node, ran=1), RunStartTask)] == [2]


def test_reports_of_an_old_attempt_are_dropped() -> None:
    state, node, _ = booting(retries=1)
    end(state, node, EXIT)
    assert not end(state, node, EXIT, 1).changes
    assert node.start_task_attempt == 2


def test_a_start_task_that_was_never_heard_of_is_sent_again() -> None:
    state, node, _ = booting()
    assert sent(connect(state, node, ran=0), RunStartTask)
    assert sent(connect(state, node, ran=1), RunStartTask) == []
    end(state, node, None)
    assert sent(connect(state, node, ran=0), RunStartTask) == []


def test_nodes_that_are_sent_home_boot_again_and_what_was_to_end_has_ended() -> None:
    state = shard(nodes=3)
    staying, ending = add_job(state, 1, tasks=2), add_job(state, 2, tasks=1)
    run_all(state)
    state.nodes["node-3"].phase = "leavingpool"
    on_job_changed(state, replace(ending, state="terminating"), NOW, Decisions())
    decisions = Decisions()
    on_nodes_sent_home(state, NOW + 9, decisions)
    changes = decisions.changes
    assert [(one.node, one.at) for one in changes.node_sent_home] == [(1, NOW + 9), (2, NOW + 9)]
    assert {one.why for one in changes.requeued.values()} == {"recovery"}
    assert sorted(changes.requeued) == [1000, 1001]
    assert [one.task for one in changes.completed] == [2000]
    assert [one.job for one in changes.job_completed] == [2]
    assert (staying.assignments, state.assignments) == ({}, {})
