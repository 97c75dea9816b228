"""Tasks that give way to others: who, for whom, how many, and never twice."""

from __future__ import annotations

from tests.scheduling.builders import add_job, add_tasks, leases, run_all, sent, shard

from batchite.link.messages import RunEnded, RunKey
from batchite.resources.ranks import OF_MANAGER
from batchite.resources.rules import ManagerRules
from batchite.scheduling import effects
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.state import ShardState
from batchite.scheduling.tasks import on_task_ended
from batchite.scheduling.yielding import GAVE_WAY
from batchite.wire.batch.outcome import Exit


def ended(state: ShardState) -> list[int]:
    """By one turn of placement."""
    return [one.number for one in sent(leases(state), effects.EndRun)]


def full(slots: int, *, gives_way: bool = True, priority: int = 0, nodes: int = 1) -> ShardState:
    """With a job of running tasks on every slot."""
    state = shard(nodes=nodes, slots_per_node=slots)
    add_job(state, 1, tasks=slots * nodes, gives_way=gives_way, priority=priority)
    run_all(state)
    return state


def over(state: ShardState, task: int) -> None:
    """Its node says that it has been ended."""
    assignment = state.assignments[task]
    exit_ = Exit(assignment.started, 2_000_000_000, None, GAVE_WAY.failure)
    report = RunEnded.of(1, RunKey(task, assignment.attempt), exit_)
    on_task_ended(state, assignment.node, report, Decisions())


def test_a_task_of_higher_priority_gets_the_place_of_one_that_gives_way() -> None:
    state = full(2)
    add_job(state, 2, tasks=1, priority=1)
    (given,) = ended(state)
    assert ended(state) == [], "room comes already"
    over(state, given)
    assert leases(state).changes.leased[0].task == 2000
    assert [task.number for task in state.jobs[1].queued()] == [given]
    assert ended(state) == [], "and it is not taken back"


def test_nobody_gives_way_who_is_not_to() -> None:
    for state, priority in ((full(2, gives_way=False), 1), (full(2), 0), (full(2, priority=5), 4)):
        add_job(state, 2, tasks=3, priority=priority)
        assert ended(state) == []


def test_no_more_give_way_than_have_to() -> None:
    state = full(4)
    add_job(state, 2, tasks=10, priority=1, max_parallel_tasks=2)
    assert len(ended(state)) == 2
    state = full(4)
    add_tasks(add_job(state, 2, priority=1), range(2000, 2001), slots=3)
    assert len(ended(state)) == 3
    state = full(2)
    add_tasks(add_job(state, 2, priority=1), range(2000, 2001), slots=3)
    assert ended(state) == [], "it never fits"


def test_the_lowest_give_way_first_and_where_fewest_do() -> None:
    state = shard(nodes=1, slots_per_node=2)
    add_job(state, 1, tasks=1, gives_way=True, priority=3)
    add_job(state, 2, tasks=1, gives_way=True, priority=-3)
    run_all(state)
    add_job(state, 3, tasks=1, priority=5)
    assert ended(state) == [2000]
    state = shard(nodes=2, slots_per_node=2)
    add_job(state, 1, tasks=2, gives_way=True)
    add_tasks(add_job(state, 2, gives_way=True), range(2000, 2001), slots=2)
    run_all(state)
    add_tasks(add_job(state, 3, priority=1), range(3000, 3001), slots=2)
    assert ended(state) == [2000], "one rather than two"


def test_what_is_being_ended_anyway_is_room_enough() -> None:
    state = full(1)
    state.assignments[1000].ending = GAVE_WAY
    add_job(state, 2, tasks=1, priority=1)
    assert ended(state) == []


def test_a_manager_that_runs_again_displaces_its_own_jobs_tasks_only() -> None:
    state = full(2, gives_way=False)
    manager = {"rank": OF_MANAGER, "attempt": 1, "manager": ManagerRules(runs_alone=False)}
    add_tasks(state.jobs[1], range(1900, 1901), **manager)
    assert len(ended(state)) == 1
    state = full(2, gives_way=False)
    add_tasks(add_job(state, 2, priority=1), range(2000, 2001), **manager)
    assert ended(state) == []
    state = full(2, gives_way=False)
    add_tasks(state.jobs[1], range(1900, 1901), **{**manager, "attempt": 0})
    assert ended(state) == [], "it has not run yet"
