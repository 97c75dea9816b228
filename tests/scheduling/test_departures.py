"""Which nodes go first."""

from __future__ import annotations

import pytest
from tests.scheduling.builders import NOW, add_job, add_node, queued_task, shard

from batchite.scheduling.assignments import assign
from batchite.scheduling.departures import order
from batchite.scheduling.state import NodePhase, NodeState, ShardState


def busy(state: ShardState, number: int, *started: int | None, slots: int = 1) -> NodeState:
    """A node with tasks that began so long before now; None: it is only there ahead."""
    node = add_node(state, number, "running")
    job = state.jobs.get(1) or add_job(state, 1)
    for place, ago in enumerate(started):
        task = queued_task(number * 100 + place, slots=slots)
        assign(state, job, node, task, 1, started=None if ago is None else NOW - ago)
    return node


def first(state: ShardState) -> list[int]:
    return [node.number for node in order(state.nodes.values(), NOW)]


def test_of_no_use_then_not_begun_then_coming_up_then_idle_then_busy() -> None:
    state = shard()
    busy(state, 1, 5)
    phases: list[NodePhase] = ["idle", "waitingforstarttask", "starting", "creating", "starttaskfailed"]
    for number, phase in enumerate(phases, start=2):
        add_node(state, number, phase)
    add_node(state, 7).is_given_up = True
    assert first(state) == [7, 6, 5, 4, 3, 2, 1]


def test_the_youngest_of_equals() -> None:
    assert first(shard(nodes=3)) == [3, 2, 1]


def test_a_node_that_only_has_tasks_ahead_goes_before_those_where_some_run() -> None:
    state = shard(slots_per_node=4)
    busy(state, 1, None, None, None)
    busy(state, 2, 1)
    add_node(state, 3)
    assert first(state) == [3, 1, 2]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ((1000,), (1, 1), [1, 2]),  # fewer tasks, whatever they have cost
        ((1000,), (999,), [2, 1]),  # of as many, those that have run for less time
        ((700, 200), (500, 500), [1, 2]),  # together
        ((500,), (500,), [2, 1]),
    ],
)
def test_the_least_is_lost(one: tuple[int, ...], other: tuple[int, ...], expected: list[int]) -> None:
    state = shard(slots_per_node=4)
    busy(state, 1, *one)
    busy(state, 2, *other)
    assert first(state) == expected


def test_a_task_of_many_slots_counts_for_each() -> None:
    state = shard(slots_per_node=4)
    busy(state, 1, 100, slots=4)
    busy(state, 2, 300)
    assert first(state) == [2, 1]
