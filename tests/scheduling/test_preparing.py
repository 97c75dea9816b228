"""A node that sees to something before it runs anything, and one that cannot."""

from __future__ import annotations

from msgspec.structs import replace
from tests.scheduling.builders import NOW, add_job, add_node, hello, placed, pool, sent, shard, start_task

from batchite.scheduling import brake, reasons
from batchite.scheduling.brake import FIRST_PAUSE
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import HaltNode, RunAtOnce
from batchite.scheduling.nodes import on_node_connected, settle_phases
from batchite.scheduling.pools import on_node_ended
from batchite.scheduling.predicates import why_none_on
from batchite.scheduling.state import NodeState, ShardState
from batchite.wire.batch.outcome import MAX_DETAILS, MAX_TEXT, Failure

PREPARING = replace(hello(), is_preparing=True)
MISSING = Failure("usererror", "ApplicationPackageError", "There is no application 'a'.", (("Version", "1"),))
UNPREPARED = replace(hello(), unprepared=MISSING)


def booting(**changes: object) -> tuple[ShardState, NodeState]:
    state = shard(**changes)
    state.pool = pool(target_dedicated=1, **changes)
    return state, add_node(state, 1, "starting", connected=False)


def said(state: ShardState, node: NodeState, message: object) -> Decisions:
    decisions = Decisions()
    on_node_connected(state, node, message, NOW, decisions)  # type: ignore[arg-type]
    settle_phases(state, NOW, decisions)
    return decisions


def test_nothing_runs_before_it_is_prepared() -> None:
    state, node = booting(start_task=start_task())
    add_job(state, 1, tasks=1)
    for _ in range(2):  # also by a connection that comes later
        decisions = said(state, node, PREPARING)
        assert (node.phase, node.connected) == ("starting", True)
        assert decisions.changes.node_booted == []
        assert sent(decisions, RunAtOnce) == []
        assert placed(state) == []
        assert why_none_on(node) == reasons.NodePreparing()
    decisions = said(state, node, hello())
    assert node.phase == "waitingforstarttask"
    assert len(decisions.changes.node_booted) == 1
    assert len(sent(decisions, RunAtOnce)) == 1


def test_without_a_start_task_it_is_idle_at_once() -> None:
    state, node = booting()
    said(state, node, PREPARING)
    said(state, node, hello())
    assert node.phase == "idle"


def test_one_that_cannot_be_prepared_is_unusable_says_why_and_is_tried_again() -> None:
    state, node = booting()
    said(state, node, PREPARING)
    assert sent(said(state, node, UNPREPARED), HaltNode) == [HaltNode(node.id, wipe=False)]
    assert sent(said(state, node, UNPREPARED), HaltNode) == []  # it says so again
    ended = Decisions()
    on_node_ended(state, node, NOW, ended)
    assert state.nodes == {node.id: node}
    (rested,) = ended.changes.node_rested
    (error,) = rested.errors
    assert (rested.phase, error.code) == ("unusable", "ApplicationPackageError")
    assert error.message.startswith("There is no application 'a'. It is made anew at ")
    details = dict(error.details)
    assert (details["Reason"], details["Failures"]) == ("There is no application 'a'", "1")
    assert details["Version"] == "1"
    (due,) = ended.changes.due_set
    assert (due.kind, due.at) == (brake.RETRY, NOW + FIRST_PAUSE)
    assert (node.unprepared, node.is_lost) == (None, False)


def test_what_an_agent_says_of_it_has_bounds() -> None:
    state, node = booting()
    long = "x" * 10_000
    failure = Failure(long, long, long, ((long, long),) * 1000)
    said(state, node, replace(hello(), unprepared=failure))
    ended = Decisions()
    on_node_ended(state, node, NOW, ended)
    (error,) = ended.changes.node_rested[0].errors
    assert len(error.code) <= MAX_TEXT
    assert len(error.message) <= 2 * MAX_TEXT
    assert len(error.details) <= MAX_DETAILS + 3


def test_a_node_that_takes_tasks_is_not_ended_by_such_words() -> None:
    state = shard(nodes=1)
    (node,) = state.nodes.values()
    for words in (PREPARING, UNPREPARED):
        assert sent(said(state, node, words), HaltNode) == []
        assert node.phase == "idle"
