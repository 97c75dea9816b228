"""Booting and the start task."""

from __future__ import annotations

from dataclasses import replace

from tests.scheduling.builders import (
    NOW,
    add_job,
    add_node,
    hello,
    placed,
    pool,
    run_all,
    sent,
    shard,
    start_task,
)

from batchite.link import messages as link
from batchite.resources.rules import StartTaskRules
from batchite.resources.vacating import REMOVED, Vacating
from batchite.scheduling import vacating
from batchite.scheduling.changes.times import DueCleared
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import RunAtOnce, SetLogins
from batchite.scheduling.jobs import on_job_changed
from batchite.scheduling.nodes import on_logins_changed, on_node_connected, on_nodes_sent_home
from batchite.scheduling.pools import on_pool_changed
from batchite.scheduling.retries import FIRST_PAUSE, LONGEST_PAUSE
from batchite.scheduling.start_tasks import (
    on_start_task_ended,
    on_start_task_retry_due,
    on_start_task_started,
)
from batchite.scheduling.state import NodeState, ShardState
from batchite.wire.batch.login import Login
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
    on_node_connected(state, node, hello(ran=ran), NOW, decisions)
    return decisions


def end(state: ShardState, node: NodeState, failure: Failure | None, attempt: int = 1) -> Decisions:
    decisions = Decisions()
    code = 0 if failure is None else 3 if failure is EXIT else None
    report = link.RunEnded(0, 0, attempt, NOW, NOW + 5, code, failure, kind="starttask")
    on_start_task_ended(state, node, report, decisions)
    return decisions


def test_without_a_start_task_a_node_is_idle_once_it_speaks() -> None:
    state = shard()
    node = add_node(state, 1, "starting", connected=False)
    decisions = connect(state, node)
    assert node.phase == "idle"
    assert decisions.changes.node_booted[0].agent_version == "0.1.0"
    assert decisions.effects == [SetLogins("node-1", ())]


def test_an_agent_is_told_who_the_users_of_its_node_are() -> None:
    """Whenever it speaks, and when they are others."""
    state = shard()
    node = add_node(state, 1, "idle", connected=False)
    add_node(state, 2, "idle")
    somebody = Login("somebody", False, 10, None, None)
    decisions = Decisions()
    on_logins_changed(state, 1, (somebody,), decisions)
    on_logins_changed(state, 3, (somebody,), decisions)
    assert decisions.effects == [SetLogins("node-1", (somebody,))]
    assert connect(state, node).effects == [SetLogins("node-1", (somebody,))]


def changed(state: ShardState, **rules: object) -> None:
    """The pool has been defined anew."""
    assert state.pool is not None
    on_pool_changed(state, pool(target_dedicated=1, **rules), NOW, Decisions())


def test_a_node_keeps_the_start_task_with_which_it_booted() -> None:
    state, node, decisions = booting(retries=3)
    own = start_task(retries=3)
    assert decisions.changes.node_booted[0].start_task == own
    changed(state, start_task=StartTaskRules(b'{"commandLine":"other"}'))
    for sent_again in (end(state, node, EXIT), connect(state, node, ran=0)):
        (effect,) = sent(sent_again, RunAtOnce)
        assert effect.definition == own.definition
    changed(state, start_task=None)
    assert sent(end(state, node, EXIT, 2), RunAtOnce)
    assert (node.phase, node.start_task) == ("waitingforstarttask", own)


def test_a_node_that_boots_takes_the_start_task_that_the_pool_has_by_then() -> None:
    state = shard(start_task=start_task())
    node = add_node(state, 1, "starting", connected=False)
    other = StartTaskRules(b'{"commandLine":"other"}')
    changed(state, start_task=other)
    decisions = connect(state, node)
    assert sent(decisions, RunAtOnce)[0].definition == other.definition
    assert decisions.changes.node_booted[0].start_task == other


def test_a_node_waits_for_its_start_task() -> None:
    state, node, decisions = booting()
    add_job(state, 1, tasks=1)
    assert [effect.attempt for effect in sent(decisions, RunAtOnce)] == [1]
    assert (node.phase, placed(state)) == ("waitingforstarttask", [])
    started = Decisions()
    on_start_task_started(node, link.RunStarted(0, 0, 1, NOW, "starttask"), started)
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
        assert [effect.attempt for effect in sent(decisions, RunAtOnce)] == [attempt + 1]
        assert node.phase == "waitingforstarttask"
    decisions = end(state, node, EXIT, 3)
    assert sent(decisions, RunAtOnce) == []
    assert node.phase == "starttaskfailed"
    change = decisions.changes.start_task_changed[0]
    assert (change.retries, change.failure) == (2, EXIT)


def test_download_errors_are_not_retried() -> None:
    state, node, _ = booting(retries=5)
    assert sent(end(state, node, BLOB), RunAtOnce) == []
    assert node.phase == "starttaskfailed"


def test_endless_retries() -> None:
    state, node, _ = booting(retries=-1)
    pauses = []
    for attempt in range(1, 12):
        ended = end(state, node, EXIT, attempt)
        assert sent(ended, RunAtOnce) == []
        pauses += [(paused.kind, paused.subject, paused.ticks) for paused in ended.changes.paused]
        due = Decisions()
        on_start_task_retry_due(state, node.number, NOW, due)
        assert [effect.attempt for effect in sent(due, RunAtOnce)] == [attempt + 1]
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
    assert [effect.attempt for effect in sent(connect(state, node, ran=1), RunAtOnce)] == [2]


def test_reports_of_an_old_attempt_are_dropped() -> None:
    state, node, _ = booting(retries=1)
    end(state, node, EXIT)
    assert not end(state, node, EXIT, 1).changes
    assert node.start_task_attempt == 2


def test_a_start_task_that_was_never_heard_of_is_sent_again() -> None:
    state, node, _ = booting()
    assert sent(connect(state, node, ran=0), RunAtOnce)
    assert sent(connect(state, node, ran=1), RunAtOnce) == []
    end(state, node, None)
    assert sent(connect(state, node, ran=0), RunAtOnce) == []


def test_what_an_old_agent_of_a_node_that_leaves_has_lost_waits_again() -> None:
    """Whatever is wanted of the node already is not changed."""
    state = shard(nodes=1)
    add_job(state, 1, tasks=2)
    run_all(state)
    node = state.nodes["node-1"]
    node.slots = 1
    leaving = Vacating("deallocate", "taskcompletion")
    vacating.begin(state, node, leaving, NOW, Decisions())
    decisions = Decisions()
    said = link.Hello(link.PROTOCOL - 1, "0", NOW, (link.RunKey(1000, 1),))
    on_node_connected(state, node, said, NOW, decisions)
    assert node.vacating == leaving
    assert list(node.assignments) == [1000]
    assert set(decisions.changes.requeued) <= {1001}


def test_nodes_that_are_sent_home_boot_again_and_what_was_to_end_has_ended() -> None:
    state = shard(nodes=3)
    staying, ending = add_job(state, 1, tasks=2), add_job(state, 2, tasks=1)
    run_all(state)
    vacating.begin(state, state.nodes["node-3"], REMOVED, NOW, Decisions())
    on_job_changed(state, replace(ending, state="terminating"), NOW, Decisions())
    decisions = Decisions()
    on_nodes_sent_home(state, NOW + 9, decisions)
    changes = decisions.changes
    assert [(one.node, one.at) for one in changes.node_reset] == [(1, NOW + 9), (2, NOW + 9)]
    assert {one.why for one in changes.requeued.values()} == {"recovery", "requeue"}  # the last of node-3
    assert sorted(changes.requeued) == [1000, 1001]
    assert [one.task for one in changes.completed] == [2000]
    assert [one.job for one in changes.job_completed] == [2]
    assert (staying.assignments, state.assignments) == ({}, {})
