"""Placement goes by the reasons: it gives nothing that one forbids, and leaves nothing without one."""

from __future__ import annotations

from copy import deepcopy

import pytest
from hypothesis import given
from tests.scheduling.builders import add_job, add_node, add_tasks, leases, placed, shard
from tests.scheduling.states import PHASES, shards

from batchite.resources import states
from batchite.scheduling import predicates, reasons
from batchite.scheduling.assignments import assign
from batchite.scheduling.placement import ahead_limit
from batchite.scheduling.predicates import why_none, why_none_of, why_none_on, why_not
from batchite.scheduling.reasons import Reason
from batchite.scheduling.state import NodePhase, ShardState


@given(shards())
def test_what_is_placed_nothing_forbids(state: ShardState) -> None:
    before = deepcopy(state)
    waiting = {task.number: (job, task) for job in before.jobs.values() for task in job.queued()}
    leased = leases(state).changes.leased
    assert not leased or why_none(before) is None
    for lease in leased:
        job, task = waiting.pop(lease.task)
        node = before.nodes[lease.node_id]
        assert why_none_of(job) is None
        assert why_none_on(node) is None
        assert why_not(task.slots, node.slots, node.free + ahead_limit(node)) is None
        assign(before, job, node, task, lease.attempt)


@given(shards())
def test_what_is_left_waiting_has_a_reason_for_every_node(state: ShardState) -> None:
    leases(state)
    if why_none(state) is not None:
        return
    ready = [node for node in state.nodes.values() if why_none_on(node) is None]
    for job in state.jobs.values():
        if why_none_of(job) is None:
            for task in job.queued():
                assert all(why_not(task.slots, node.slots, node.free) is not None for node in ready)


def test_tasks_of_a_job_go_by_rank_then_by_number() -> None:
    state = shard(nodes=1, slots_per_node=5)
    job = add_job(state, 1)
    add_tasks(job, range(1, 3), rank=1)
    add_tasks(job, range(3, 5))
    add_tasks(job, range(5, 6), slots=2)
    assert [task for task, _ in placed(state)] == [3, 4, 5, 1]


def test_a_shard_without_a_pool_says_so() -> None:
    state = shard(nodes=1)
    add_job(state, 1, tasks=1)
    assert why_none(state) is None
    state.pool = None
    assert (why_none(state), placed(state)) == (reasons.PoolMissing(), [])


@pytest.mark.parametrize("name", [name for name, state in states.JOB.items() if state.is_open])
def test_every_state_of_an_open_job_starts_tasks_or_has_a_reason(name: str) -> None:
    job = add_job(shard(), 1, state=name)
    assert (why_none_of(job) is None) == (name in states.STARTING_TASKS) == (name not in predicates.OF_JOB)


def test_a_job_at_its_limit_says_which() -> None:
    state = shard(nodes=1, slots_per_node=4)
    job = add_job(state, 1, tasks=4, max_parallel_tasks=2)
    assert why_none_of(job) is None
    placed(state)
    assert why_none_of(job) == reasons.ParallelTasksReached(2)


@pytest.mark.parametrize("phase", PHASES)
def test_every_state_of_a_node_takes_tasks_or_has_a_reason(phase: NodePhase) -> None:
    state = shard()
    node = add_node(state, 1, phase)
    known = {**predicates.OF_NODE, "offline": reasons.NodeDisabled()}
    assert (why_none_on(node) is None) == (phase in ("idle", "running"))
    node.connected = False
    assert why_none_on(node) == known.get(phase, reasons.NodeOutOfContact())
    node.connected = node.is_given_up = True
    assert why_none_on(node) == known.get(phase, reasons.NodeGivenUp())


@pytest.mark.parametrize(
    ("slots", "free", "reason"),
    [
        (4, 4, None),
        (1, 1, None),
        (4, 9, None),
        (2, 1, reasons.SlotsTaken(2, 1)),
        (1, 0, reasons.SlotsTaken(1, 0)),
        (1, -3, reasons.SlotsTaken(1, -3)),
        (5, 0, reasons.NodeTooSmall(5, 4)),
        (5, 99, reasons.NodeTooSmall(5, 4)),
    ],
)
def test_room_on_a_node(slots: int, free: int, reason: Reason | None) -> None:
    assert why_not(slots, 4, free) == reason
