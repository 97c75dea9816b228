"""Slots that are kept for tasks which smaller ones pass."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from tests.scheduling.builders import NOW, add_job, add_node, add_tasks, placed, shard

from batchite.scheduling.assignments import release
from batchite.scheduling.keeping import PATIENCE
from batchite.scheduling.state import JobNode, Kept, ShardState
from batchite.scheduling.windows import Lane

LARGE = 500
THREE = Lane(3)


def busy(*, nodes: int = 1, jobs: int = 1, **large: int) -> ShardState:
    """Nodes of four slots that small tasks take, of which many wait, and a large task that finds no room."""
    state = shard(nodes=nodes, slots_per_node=4)
    for number in range(1, jobs + 1):
        add_job(state, number, tasks=100, **large)
    placed(state)
    add_tasks(state.jobs[1], range(LARGE, LARGE + 2), slots=3)
    assert placed(state) == []
    return state


def end(state: ShardState, node: str, count: int = 1) -> None:
    """So many of the node's tasks are over."""
    for assignment in list(state.nodes[node].assignments.values())[:count]:
        release(state, assignment)


def test_smaller_ones_pass_while_it_has_not_waited_long() -> None:
    state = busy()
    for turn in range(5):
        end(state, "node-1")
        assert [task for task, _ in placed(state, NOW + turn * PATIENCE // 5)] == [1004 + turn]
    assert state.kept == {}


def test_one_that_has_waited_gets_what_becomes_free() -> None:
    state = busy()
    end(state, "node-1")
    assert placed(state, NOW + PATIENCE) == []
    assert state.kept == {1: Kept(1, LARGE, f"task-{LARGE}", THREE, "node-1", NOW)}
    end(state, "node-1")
    assert placed(state, NOW + PATIENCE + 1) == []
    end(state, "node-1")
    assert placed(state, NOW + PATIENCE + 2) == [(LARGE, "node-1")]
    assert state.kept == {}


def test_the_next_of_its_lane_waits_anew() -> None:
    state = busy()
    end(state, "node-1", 3)
    assert placed(state, NOW + PATIENCE) == [(LARGE, "node-1")]
    end(state, "node-1", 1)
    assert [task for task, _ in placed(state, NOW + PATIENCE + 1)] == [1004]


def test_slots_that_it_does_not_need_are_for_others() -> None:
    state = busy()
    placed(state, NOW + PATIENCE)
    add_node(state, 2).slots = 2
    assert [node for _, node in placed(state, NOW + PATIENCE + 1)] == ["node-2", "node-2"]
    end(state, "node-1", 4)
    assert placed(state, NOW + PATIENCE + 2) == [(LARGE, "node-1"), (1006, "node-1")]


def test_the_node_is_kept_that_will_have_room_first() -> None:
    state = busy(nodes=3)
    for number, pace in enumerate((50, 20, 90), 1):
        state.nodes[f"node-{number}"].pace = pace * PATIENCE
        for assignment in state.nodes[f"node-{number}"].assignments.values():
            assignment.started = NOW
    placed(state, NOW + PATIENCE)
    assert state.kept[1].node == "node-2"
    state.nodes["node-3"].pace = 1
    placed(state, NOW + PATIENCE + 1)
    assert state.kept[1].node == "node-2"


def test_another_node_that_has_room_sooner_is_taken() -> None:
    state = busy(nodes=2)
    placed(state, NOW + PATIENCE)
    (other,) = {"node-1", "node-2"} - {state.kept[1].node}
    end(state, other, 3)
    assert (LARGE, other) in placed(state, NOW + PATIENCE + 1)
    assert state.kept == {}


def test_a_node_that_goes_is_replaced_by_another() -> None:
    state = busy(nodes=2)
    placed(state, NOW + PATIENCE)
    kept = state.kept[1].node
    state.nodes[kept].is_disabled = True
    placed(state, NOW + PATIENCE + 1)
    assert state.kept[1].node != kept


def test_a_node_that_takes_none_of_the_job_keeps_none_for_it() -> None:
    state = busy(nodes=2)
    placed(state, NOW + PATIENCE)
    kept = state.kept[1].node
    state.jobs[1].nodes[kept] = JobNode("barred")
    placed(state, NOW + PATIENCE + 1)
    assert state.kept[1].node != kept


def test_nothing_is_kept_on_nodes_that_are_too_small() -> None:
    state = busy()
    add_tasks(state.jobs[1], range(600, 601), slots=8)
    state.jobs[1].windows[THREE].tasks.clear()
    placed(state, NOW)
    placed(state, NOW + PATIENCE)
    assert state.kept == {}


def test_each_job_has_slots_kept_for_one_task() -> None:
    state = busy(nodes=3, jobs=2)
    add_tasks(state.jobs[1], range(700, 701), slots=2)
    add_tasks(state.jobs[2], range(800, 801), slots=2)
    placed(state, NOW)
    placed(state, NOW + PATIENCE)
    assert {kept.task for kept in state.kept.values()} == {LARGE, 800}
    assert len({kept.node for kept in state.kept.values()}) == 2


def test_tasks_of_a_higher_priority_take_what_is_kept() -> None:
    state = busy()
    placed(state, NOW + PATIENCE)
    add_job(state, 9, tasks=1, priority=10)
    end(state, "node-1")
    assert placed(state, NOW + PATIENCE + 1) == [(9000, "node-1")]
    assert state.kept[1].task == LARGE


def test_what_is_kept_for_a_job_that_may_start_nothing_is_let_go() -> None:
    state = busy(jobs=2)
    placed(state, NOW + PATIENCE)
    state.jobs[1].state = "disabled"
    end(state, "node-1")
    assert len(placed(state, NOW + PATIENCE + 1)) == 1
    assert state.kept == {}


def test_nothing_is_given_ahead_to_a_node_that_keeps_slots() -> None:
    state = busy()
    state.nodes["node-1"].pace = 1
    assert placed(state, NOW + PATIENCE) == []


def test_tasks_of_one_slot_cost_and_keep_nothing() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=9)
    placed(state)
    placed(state, NOW + PATIENCE)
    assert state.kept == {}
    assert all(window.waits == (0, 0) for window in state.jobs[1].windows.values())


sizes = st.lists(st.integers(1, 4), min_size=1, max_size=12)


@given(large=sizes, nodes=st.integers(1, 3), chance=st.randoms(use_true_random=False))
def test_no_task_starves(large: list[int], nodes: int, chance: object) -> None:
    """Small tasks come without end, and one task ends at a time, whichever: every task that was there before
    starts before long."""
    state = shard(nodes=nodes, slots_per_node=4)
    job = add_job(state, 1)
    for number, slots in enumerate(large):
        add_tasks(job, range(number + 1, number + 2), slots=slots)
    waiting, now, small = set(range(1, len(large) + 1)), NOW, 1000
    for _ in range(len(large) * (4 * nodes + 4) * 2):
        add_tasks(job, range(small, small + 4))
        small += 4
        waiting -= {task for task, _ in placed(state, now)}
        if not waiting:
            break
        now += PATIENCE // 4
        release(state, chance.choice(list(state.assignments.values())))  # type: ignore[attr-defined]
    assert not waiting
