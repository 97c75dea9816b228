"""Managers of jobs: where they go and when, and what comes with their end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.scheduling.builders import (
    NOW,
    add_job,
    add_node,
    add_tasks,
    lose,
    placed,
    queued_task,
    run_all,
    sent,
    shard,
)

from batchite.link import messages as link
from batchite.resources.ranks import OF_MANAGER
from batchite.resources.rules import ManagerRules, TaskRules
from batchite.scheduling import departures, jobs, managers
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import RunTask
from batchite.scheduling.ending import INTENTS
from batchite.scheduling.keeping import PATIENCE
from batchite.scheduling.placement import AHEAD_TICKS, place
from batchite.scheduling.state import JobState, ShardState
from batchite.scheduling.tasks import IntendedTask, on_task_ended, on_task_intent
from batchite.scheduling.windows import Lane, QueuedTask


def manager(number: int, *, slots: int = 1, retries: int = 0, **rules: Any) -> QueuedTask:
    task = queued_task(number, slots=slots, rank=OF_MANAGER)
    return replace(task, rules=TaskRules(max_retries=retries, manager=ManagerRules(**rules)))


def managed(state: ShardState, number: int, tasks: int = 0, **rules: Any) -> JobState:
    """A job whose manager is the first of its tasks, as they are read."""
    job = add_job(state, number)
    others = [queued_task(number * 1000 + one) for one in range(1, tasks + 1)]
    jobs.on_window_read(state, number, Lane(1), [manager(number * 1000, **rules), *others], more=False)
    job.unfinished = 1 + tasks
    return job


def end(state: ShardState, number: int, code: int | None = 0) -> Decisions:
    decisions, assignment = Decisions(), state.assignments[number]
    failure = None if assignment.ending is None else assignment.ending.failure
    report = link.RunEnded(0, number, assignment.attempt, NOW, NOW + 1, code, failure)
    on_task_ended(state, assignment.node, report, decisions)
    return decisions


def test_it_goes_first_and_is_alone_on_its_node() -> None:
    state = shard(nodes=2, slots_per_node=4)
    managed(state, 1, tasks=6)
    add_job(state, 2, tasks=6)
    given = placed(state)
    assert given[0][0] == 1000 or given[1][0] == 1000
    alone = dict(given)[1000]
    assert [task for task, node in given if node == alone] == [1000]
    assert len(given) == 1 + 4
    node = state.nodes[alone]
    assert (node.free, node.is_taken) == (0, True)
    end(state, 1000)
    assert (node.used, node.is_taken) == (0, False)


def test_the_node_is_told_that_it_takes_all_slots_and_the_store_that_it_takes_one() -> None:
    state = shard(nodes=1, slots_per_node=4)
    managed(state, 1)
    decisions = Decisions()
    place(state, NOW, decisions)
    (order,) = sent(decisions, RunTask)
    assert (order.task.slots, order.task.counted_slots) == (4, 1)
    (over,) = end(state, 1000).changes.completed
    assert over.slots == 1


def test_it_takes_no_node_that_has_something_else() -> None:
    """Until one is empty, for which it is kept once it has waited for long; its tasks go on meanwhile."""
    state = shard(nodes=1, slots_per_node=2)
    add_job(state, 2, tasks=1)
    assert run_all(state) == [2000]
    managed(state, 1, tasks=3)
    assert [task for task, _ in placed(state)] == [1001]
    decisions = Decisions()
    place(state, NOW + PATIENCE, decisions)
    end(state, 1001)
    place(state, NOW + PATIENCE, decisions)
    assert decisions.changes.leased == []
    end(state, 2000)
    place(state, NOW + PATIENCE, decisions)
    assert [lease.task for lease in decisions.changes.leased] == [1000]


def test_one_that_need_not_be_alone_takes_its_slots() -> None:
    state = shard(nodes=1, slots_per_node=4)
    managed(state, 1, tasks=4, slots=2, runs_alone=False)
    assert [task for task, _ in placed(state)] == [1000, 1001, 1002]


def test_one_that_is_for_dedicated_nodes_only() -> None:
    """It is kept nothing on others."""
    state = shard(nodes=1, slots_per_node=2)
    state.nodes["node-1"].dedicated = False
    managed(state, 1, tasks=1, takes_low_priority=False)
    assert placed(state) == [(1001, "node-1")]
    decisions = Decisions()
    place(state, NOW + PATIENCE, decisions)
    place(state, NOW + 2 * PATIENCE, decisions)
    assert (decisions.changes.leased, state.kept) == ([], {})
    add_node(state, 2)
    assert placed(state) == [(1000, "node-2")]


@pytest.mark.parametrize(("code", "retries"), [(0, 0), (3, 0), (None, 0)])
def test_its_job_ends_with_it(code: int | None, retries: int) -> None:
    state = shard(nodes=2)
    managed(state, 1, tasks=3, retries=retries)
    run_all(state)
    over = end(state, 1000, code)
    assert [one.reason for one in over.changes.job_terminating] == ["JMComplete"]
    assert over.changes.job_completed == []
    assert [one.job for one in end(state, 1001, None).changes.job_completed] == [1]


def test_its_job_stays_if_it_is_to() -> None:
    state = shard(nodes=1)
    managed(state, 1, tasks=1, kills_job=False)
    run_all(state)
    assert end(state, 1000).changes.job_terminating == []
    assert placed(state)[0][0] == 1001


def test_it_runs_again_before_the_others() -> None:
    state = shard(nodes=1, slots_per_node=2)
    managed(state, 1, tasks=4, retries=1)
    assert run_all(state) == [1000]
    again = end(state, 1000, 3)
    assert (again.changes.job_terminating, again.changes.requeued[1000].why) == ([], "retry")
    assert placed(state)[0][0] == 1000


def test_it_runs_again_when_its_node_is_lost() -> None:
    state = shard(nodes=2, slots_per_node=2)
    managed(state, 1, tasks=2)
    run_all(state)
    node = state.assignments[1000].node
    lost = lose(state, node)
    assert lost.changes.job_terminating == []
    assert not node.is_taken


def test_one_that_is_terminated_before_it_ran_ends_its_job() -> None:
    """Whatever slots its lane has by then."""
    state = shard(nodes=1, slots_per_node=4)
    job = managed(state, 1)
    state.nodes["node-1"].is_disabled = True
    placed(state)
    decisions = Decisions()
    wanted = IntendedTask(manager(1000), 1, "job-1", "active", None, "terminate")
    assert INTENTS[wanted.intent].of_task
    on_task_intent(state, wanted, NOW, decisions)
    assert [one.reason for one in decisions.changes.job_terminating] == ["JMComplete"]
    assert not any(len(window) for window in job.windows.values())


def test_nothing_is_given_ahead_to_its_node_and_it_is_not_given_ahead() -> None:
    state = shard(nodes=1, slots_per_node=2)
    node = state.nodes["node-1"]
    node.pace = AHEAD_TICKS // 2
    managed(state, 1, tasks=8)
    assert placed(state) == [(1000, "node-1")]
    busy = shard(nodes=1, slots_per_node=2)
    busy.nodes["node-1"].pace = AHEAD_TICKS // 2
    add_job(busy, 2, tasks=2)
    placed(busy)
    managed(busy, 1, tasks=1)
    assert [task for task, _ in placed(busy)] == [1001]


def test_a_pool_of_another_size_has_it_take_others() -> None:
    state = shard(nodes=0, slots_per_node=4)
    job = managed(state, 1)
    managers.fit(state)
    assert [lane for lane, window in job.windows.items() if len(window)] == [Lane(4, is_of_managers=True)]
    smaller = shard(nodes=1, slots_per_node=2)
    state.pool = smaller.pool
    state.nodes = smaller.nodes
    assert placed(state) == [(1000, "node-1")]


def test_its_node_is_the_last_to_go() -> None:
    state = shard(nodes=2, slots_per_node=2)
    managed(state, 1, tasks=2)
    run_all(state)
    first, last = departures.order(state.nodes.values(), NOW)
    assert 1000 not in first.assignments
    assert 1000 in last.assignments


def test_it_is_read_again_without_being_there_twice() -> None:
    state = shard(nodes=0)
    job = managed(state, 1, tasks=1)
    jobs.on_window_read(state, 1, Lane(1), [manager(1000)], more=False)
    add_tasks(job, range(1002, 1003))
    assert sorted(task.number for task in job.queued()) == [1000, 1001, 1002]
