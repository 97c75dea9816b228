"""What is explained is what is decided."""

from __future__ import annotations

from collections.abc import Mapping

from hypothesis import given
from tests.scheduling.builders import (
    NOW,
    add_job,
    add_node,
    add_tasks,
    leases,
    placed,
    pool,
    run_all,
    shard,
)
from tests.scheduling.states import shards

from batchite.resources.inbound import Places
from batchite.resources.vacating import REMOVED, Vacating
from batchite.scheduling import reasons, vacating
from batchite.scheduling.assignments import release
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.explaining import (
    Finding,
    ResizeError,
    Scene,
    jobs_ahead,
    of_node,
    of_pool,
    of_waiting,
)
from batchite.scheduling.keeping import PATIENCE
from batchite.scheduling.reasons import Reason, Timestamp
from batchite.scheduling.room import Limits, Usage
from batchite.scheduling.state import ShardState

NOTHING_TAKEN = Usage(0, 0)
NO_LIMIT = Limits(None, None)


def scene(
    state: ShardState,
    *,
    usage: Usage = NOTHING_TAKEN,
    limits: Limits = NO_LIMIT,
    told: Mapping[str, Reason] | None = None,
) -> Scene:
    return Scene(state, usage, limits, told or {}, ResizeError(0, ""), None)


def codes(findings: list[Finding]) -> list[tuple[str, bool]]:
    return [(finding.reason.code, finding.blocking) for finding in findings]


@given(shards())
def test_what_is_left_waiting_is_explained(state: ShardState) -> None:
    leases(state)
    for job in state.jobs.values():
        for task in job.queued():
            assert any(finding.blocking for finding in of_waiting(scene(state), job, task.slots))


@given(shards())
def test_what_nothing_keeps_is_placed_if_it_is_the_only_task(state: ShardState) -> None:
    waiting = [(job, task) for job in state.jobs.values() for task in job.queued()]
    for job in state.jobs.values():
        job.windows.clear()
    for job, task in waiting[:1]:
        job.window(task.lane).extend([task], more=False)
        expected = [] if of_waiting(scene(state), job, task.slots) else [task.number]
        assert [number for number, _ in placed(state)] == expected


def test_nodes_with_the_same_cause_are_told_together() -> None:
    state = shard()
    for number in range(1, 6):
        add_node(state, number, "starttaskfailed")
    failed = {f"node-{number}": reasons.NodeStartTaskFailed(3 if number < 5 else 4) for number in range(1, 6)}
    job = add_job(state, 1, tasks=1)
    state.pool = pool(target_dedicated=5)
    assert of_waiting(scene(state, told=failed), job, 1) == [
        Finding(reasons.NodeStartTaskFailed(3), True, 4, "node-1"),
        Finding(reasons.NodeStartTaskFailed(4), True, 1, "node-5"),
    ]


def test_nodes_that_are_no_use_keep_nothing_that_others_would_run() -> None:
    state = shard(nodes=1)
    add_node(state, 2, "starttaskfailed")
    job = add_job(state, 1, tasks=2)
    assert of_waiting(scene(state), job, 1) == []
    placed(state)
    assert codes(of_waiting(scene(state), job, 1)) == [("SlotsTaken", True), ("NodeStartTaskFailed", False)]


def test_the_most_that_one_node_has_free() -> None:
    state = shard(nodes=2, slots_per_node=4)
    job = add_job(state, 1)
    add_tasks(job, range(1, 3), slots=3)
    add_tasks(job, range(3, 4), slots=2)
    placed(state)
    assert of_waiting(scene(state), job, 2) == [Finding(reasons.SlotsTaken(2, 1), True, 2, "node-1")]


def test_a_task_that_no_node_could_ever_run_needs_no_other_reason() -> None:
    state = shard(slots_per_node=2)
    job = add_job(state, 1)
    assert of_waiting(scene(state), job, 3) == [Finding(reasons.NodeTooSmall(3, 2), True)]


def test_a_pool_that_comes_to_its_size_keeps_what_waits_for_it() -> None:
    state = ShardState(pool=pool(allocation_state="resizing", target_dedicated=2))
    job = add_job(state, 1, tasks=1)
    assert codes(of_waiting(scene(state), job, 1)) == [("PoolResizing", True)]
    add_node(state, 1, "creating")
    assert codes(of_waiting(scene(state), job, 1)) == [("NodeCreating", True), ("PoolResizing", False)]


def test_a_pool_that_has_its_size_but_for_what_leaves_says_so() -> None:
    state = ShardState(pool=pool(allocation_state="resizing", target_dedicated=1, resize_ends_at=7))
    add_node(state, 1, "idle")
    add_node(state, 2, "leavingpool")
    told = Finding(reasons.PoolResizing(1, 1, Timestamp(7), leaving=1), False)
    assert told in of_pool(scene(state))


def test_a_node_that_waits_to_leave_says_what_for() -> None:
    state = shard(nodes=1, slots_per_node=2)
    job = add_job(state, 1, tasks=2)
    run_all(state)
    node = state.nodes["node-1"]
    vacating.begin(state, node, Vacating("remove", "taskcompletion"), NOW, Decisions())
    assert of_node(scene(state), node) == reasons.NodeVacating("remove", "taskcompletion", 2)
    waits = Finding(reasons.NodeVacating("remove", "taskcompletion"), True, 1, "node-1")
    assert of_waiting(scene(state), job, 1)[0] == waits
    vacating.begin(state, node, REMOVED, NOW, Decisions())
    assert of_node(scene(state), node) == reasons.NodeLeaving()


def test_a_pool_that_kept_more_than_it_was_to_have_says_so() -> None:
    state = shard(nodes=2)
    state.pool = pool(target_dedicated=1, kept_dedicated=2)
    assert codes(of_pool(scene(state))) == [("ResizeEnded", False)]


def test_growth_is_refused_by_the_rule_that_grants_nodes() -> None:
    state = ShardState(pool=pool(target_dedicated=4))
    found = of_pool(scene(state, usage=Usage(6, 3), limits=Limits(8, None)))
    assert found[1] == Finding(reasons.CoreQuotaReached(3, 2, 6, 8), True)
    found = of_pool(scene(state, usage=Usage(6, 3), limits=Limits(8, 3)))
    assert found[1] == Finding(reasons.MaxNodesReached(4, 3, 3), True)
    found = of_pool(scene(state, usage=Usage(0, 0, Places(1, 40))))
    assert found[1] == Finding(reasons.PortsTaken(3), True)
    assert codes(of_pool(scene(state, usage=Usage(0, 0, Places(4, 40))))) == [("ResizeEnded", True)]
    assert codes(of_pool(scene(state))) == [("ResizeEnded", True)]


def test_jobs_that_can_start_nothing_are_not_ahead() -> None:
    state = shard(nodes=1)
    job = add_job(state, 1, tasks=1)
    add_job(state, 2, tasks=3, priority=1)
    add_job(state, 3, tasks=4, priority=1, state="disabled")
    add_job(state, 4, priority=9)
    assert jobs_ahead(state, job) == [Finding(reasons.JobsAhead(1, 3), False)]


def test_older_jobs_are_ahead_where_the_pool_says_so() -> None:
    for oldest_first, expected in ((True, [Finding(reasons.JobsAhead(1, 2), False)]), (False, [])):
        state = shard(nodes=1, oldest_job_first=oldest_first)
        add_job(state, 1, tasks=2)
        job = add_job(state, 2, tasks=1)
        add_job(state, 3, tasks=4)
        assert jobs_ahead(state, job) == expected


def test_a_node_that_takes_tasks_says_how_many_slots_are_free() -> None:
    state = shard(nodes=1, slots_per_node=2)
    (node,) = state.nodes.values()
    add_job(state, 1, tasks=2, max_parallel_tasks=1)
    placed(state)
    assert of_node(scene(state), node) == reasons.NodeReady(1)
    add_job(state, 2, tasks=1)
    placed(state)
    assert of_node(scene(state), node) == reasons.NodeFull(2, 2)


def test_slots_that_are_kept_for_a_task_are_told_to_those_that_it_keeps_from_them() -> None:
    state = shard(nodes=1, slots_per_node=4)
    job, other, urgent = (add_job(state, number, tasks=4, priority=number // 3) for number in (1, 2, 3))
    state.jobs[2].windows.clear()
    state.jobs[3].windows.clear()
    placed(state)
    add_tasks(job, range(500, 501), slots=3)
    placed(state)
    release(state, state.assignments[1000])
    assert placed(state, NOW + PATIENCE) == []
    kept = reasons.SlotsKept("job-1", "task-500", 3, Timestamp(NOW))
    for one in (job, other):
        assert of_waiting(scene(state), one, 1) == [Finding(kept, True, 1, "node-1")]
    assert of_waiting(scene(state), urgent, 1) == []
    taken = Finding(reasons.SlotsTaken(3, 1), True, 1, "node-1")
    assert of_waiting(scene(state), job, 3) == [taken, Finding(kept, False, 1, "node-1")]
