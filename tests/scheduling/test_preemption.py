"""Low-priority nodes that are taken away: what runs there has a notice, and the node comes back."""

from __future__ import annotations

import statistics

import pytest
from tests.scheduling.builders import NOW, add_job, add_node, lose, placed, pool, run_all, sent

from batchite.link import messages as link
from batchite.resources.vacating import PREEMPTED, REMOVED, Vacating
from batchite.scheduling import departures, preemption, reasons, restarts, scaling, vacating
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun, HaltNode, StartNode
from batchite.scheduling.nodes import on_nodes_sent_home, settle_phases
from batchite.scheduling.pools import on_node_ended
from batchite.scheduling.predicates import why_none_on
from batchite.scheduling.state import NodeState, Preemption, Scaling, ShardState
from batchite.scheduling.tasks import on_task_ended

HOUR = 3600 * 10_000_000


def low_priority(tasks: int = 0, mean: int | None = None) -> tuple[ShardState, NodeState]:
    """One node, with so many tasks that run."""
    state = ShardState(
        pool=pool(target_low_priority=1, slots_per_node=2), preemption=Preemption(300, 600, mean)
    )
    node = add_node(state, 1)
    node.dedicated = False
    if tasks:
        add_job(state, 1, tasks)
        run_all(state)
    return state, node


def preempt(state: ShardState, node: NodeState, at: int = NOW) -> Decisions:
    decisions = Decisions()
    vacating.begin(state, node, PREEMPTED, at, decisions)
    settle_phases(state, at, decisions)
    return decisions


def ended(state: ShardState, node: NodeState, task: int, code: int | None, at: int = NOW) -> Decisions:
    """The task comes to its end, and the owner looks at what is left."""
    decisions = Decisions()
    on_task_ended(state, node, link.RunEnded(1, task, 1, NOW - 10, at, code, None), decisions)
    vacating.proceed(state, at, decisions)
    settle_phases(state, at, decisions)
    return decisions


def due(decisions: Decisions) -> dict[str, int]:
    return {one.kind: one.at for one in decisions.changes.due_set}


def test_what_runs_there_is_asked_to_end_and_has_the_notice_for_it() -> None:
    state, node = low_priority(tasks=2)
    decisions = preempt(state, node)
    assert [(one.number, one.notice) for one in sent(decisions, EndRun)] == [(1000, 300), (1001, 300)]
    assert due(decisions) == {vacating.NOTICE: NOW + 300}
    assert not sent(decisions, HaltNode)
    assert (node.phase, why_none_on(node)) == ("running", reasons.NodePreempting())


def test_a_node_without_tasks_goes_at_once() -> None:
    state, node = low_priority()
    assert sent(preempt(state, node), HaltNode) == [HaltNode(node.id, wipe=True)]


def test_what_ends_well_is_completed_and_the_rest_waits_again_without_being_counted() -> None:
    state, node = low_priority(tasks=2)
    preempt(state, node)
    assert [one.task for one in ended(state, node, 1000, 0).changes.completed] == [1000]
    decisions = ended(state, node, 1001, 143)
    (requeued,) = decisions.changes.requeued.values()
    assert (requeued.task, requeued.why) == (1001, "recovery")
    assert sent(decisions, HaltNode) == [HaltNode(node.id, wipe=True)]
    (waiting,) = state.jobs[1].queued()
    assert (waiting.retries, waiting.requeues) == (0, 0)


def test_when_the_notice_is_over_the_node_goes_with_what_still_runs() -> None:
    state, node = low_priority(tasks=1)
    preempt(state, node)
    decisions = Decisions()
    preemption.on_notice_over(state, node.number, NOW + 300, decisions)
    assert sent(decisions, HaltNode) == [HaltNode(node.id, wipe=True)]
    again = Decisions()
    preemption.on_notice_over(state, node.number, NOW + 301, again)
    assert not again.effects


def test_it_rests_preempted_and_is_made_anew_under_its_id() -> None:
    state, node = low_priority(tasks=1)
    preempt(state, node)
    preemption.on_notice_over(state, node.number, NOW + 300, Decisions())
    decisions = Decisions()
    on_node_ended(state, node, NOW + 310, decisions)
    settle_phases(state, NOW + 310, decisions)
    assert (node.phase, node.vacating, node.assignments) == ("preempted", None, {})
    assert [one.why for one in decisions.changes.requeued.values()] == ["recovery"]
    assert due(decisions) == {preemption.ABSENCE: NOW + 910}
    assert why_none_on(node) == reasons.NodePreempted()
    assert placed(state) == []
    back = Decisions()
    restarts.on_preemption_over(state, node.number, NOW + 910, back)
    assert (node.phase, sent(back, StartNode)) == ("creating", [StartNode(node.id)])


def test_one_that_is_lost_meanwhile_is_preempted_as_well() -> None:
    state, node = low_priority(tasks=1)
    preempt(state, node)
    lose(state, node)
    assert node.phase == "preempted"


def test_a_node_that_leaves_does_not_come_back() -> None:
    state, node = low_priority()
    preempt(state, node)
    decisions = Decisions()
    vacating.begin(state, node, REMOVED, NOW, decisions)
    vacating.begin(state, node, PREEMPTED, NOW, decisions)
    assert node.vacating == REMOVED
    on_node_ended(state, node, NOW, decisions)
    restarts.on_preemption_over(state, node.number, NOW, decisions)
    assert node.id not in state.nodes


def test_the_end_of_the_service_leaves_what_is_preempted_so() -> None:
    state, node = low_priority()
    preempt(state, node)
    on_node_ended(state, node, NOW, Decisions())
    decisions = Decisions()
    on_nodes_sent_home(state, NOW, decisions)
    assert (node.phase, decisions.changes.node_reset) == ("preempted", [])


def test_a_preempted_node_is_the_first_to_go() -> None:
    state, node = low_priority()
    other = add_node(state, 2)
    node.phase = "preempted"
    assert departures.order(state.nodes.values(), NOW) == [node, other]


def test_none_goes_unasked_unless_there_is_a_rate() -> None:
    for mean, dedicated in ((None, False), (HOUR, True)):
        state, node = low_priority(mean=mean)
        node.dedicated, node.is_ready = dedicated, False
        decisions = Decisions()
        settle_phases(state, NOW, decisions)
        assert due(decisions) == {}


def test_at_a_rate_each_stays_for_a_time_of_its_own() -> None:
    state, node = low_priority(tasks=1, mean=HOUR)
    node.is_ready = False
    decisions = Decisions()
    settle_phases(state, NOW, decisions)
    assert due(decisions) == {preemption.UNASKED: NOW + preemption.stay(node.id, NOW, HOUR)}
    taken = Decisions()
    preemption.on_due(state, node.number, NOW, taken)
    assert len(sent(taken, EndRun)) == 1
    assert node.vacating == PREEMPTED


@pytest.mark.parametrize("wanted", [Vacating("reboot", "taskcompletion"), REMOVED])
def test_a_node_on_its_way_elsewhere_is_left_alone(wanted: Vacating) -> None:
    state, node = low_priority(tasks=1, mean=HOUR)
    node.vacating = wanted
    decisions = Decisions()
    preemption.on_due(state, node.number, NOW, decisions)
    assert (node.vacating, decisions.effects) == (wanted, [])


def test_nor_is_one_when_the_operator_wants_none_any_more() -> None:
    state, node = low_priority(mean=HOUR)
    state.preemption = state.preemption._replace(mean=None)
    preemption.on_due(state, node.number, NOW, Decisions())
    assert node.vacating is None


def test_stays_are_as_long_as_the_rate_says_and_have_no_memory() -> None:
    stays = [preemption.stay(f"node-{number}", NOW, HOUR) for number in range(4000)]
    assert statistics.mean(stays) == pytest.approx(HOUR, rel=0.05)
    longer = [stay - HOUR for stay in stays if stay > HOUR]
    assert statistics.mean(longer) == pytest.approx(HOUR, rel=0.1)
    assert preemption.stay("node-1", NOW, HOUR) == stays[1]


def test_a_formula_sees_how_many_are_gone() -> None:
    state, node = low_priority()
    node.phase = "preempted"
    state.pool = pool(scaling=Scaling(HOUR, NOW + HOUR, NOW))
    decisions = Decisions()
    scaling.on_sample_due(state, state.pool.number, NOW, decisions)
    (sampled,) = decisions.changes.sampled
    seen = [sampled.measured[name] for name in ("$CurrentLowPriorityNodes", "$PreemptedNodeCount")]
    assert seen == [1.0, 1.0]
    assert sampled.measured["$UsableNodeCount"] == 0.0
