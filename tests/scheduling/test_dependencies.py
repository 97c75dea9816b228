"""What the ends of tasks do to those that wait for them, and to their job."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from tests.scheduling.builders import NOW, add_job, add_tasks, leases, placed, queued_task, shard

from batchite.link import messages as link
from batchite.resources.rules import ExitConditionRules, ExitRules
from batchite.scheduling.assignments import end
from batchite.scheduling.changes.tasks import Releasing
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.ending import JOB_DISABLED, TERMINATED, Ending
from batchite.scheduling.jobs import on_dependants_left, on_job_changed, on_task_released
from batchite.scheduling.state import ShardState
from batchite.scheduling.tasks import IntendedTask, on_task_ended, on_task_intent, on_task_started
from batchite.wire.batch.outcome import Failure

EXIT = Failure("usererror", "FailureExitCode", "")
SATISFIES = ExitConditionRules(default=ExitRules(satisfies=True))


def disables() -> ExitConditionRules:
    return ExitConditionRules(default=ExitRules(job_action="disable"))


def running(tasks: int = 2, task: dict[str, Any] | None = None, **job: Any) -> ShardState:
    """Task 1 of job 1 runs on node-1; the others wait."""
    state = shard(nodes=1)
    add_tasks(add_job(state, 1, **job), range(1, 1 + tasks), **(task or {}))
    leases(state)
    on_task_started(state.nodes["node-1"], link.RunStarted(0, 1, 1, NOW), Decisions())
    return state


def ended(state: ShardState, code: int | None = 1, failure: Failure | None = EXIT) -> Decisions:
    decisions = Decisions()
    assignment = state.assignments[1]
    report = link.RunEnded(0, 1, assignment.attempt, NOW, NOW + 50, code, failure)
    on_task_ended(state, assignment.node, report, decisions)
    return decisions


def actions(decisions: Decisions) -> list[str]:
    """What happens to jobs."""
    changes = decisions.changes
    return [one.reason for one in changes.job_terminating] + ["disabled"] * len(changes.job_disabling)


@pytest.mark.parametrize(
    ("code", "failure", "exits", "satisfied"),
    [
        (0, None, None, [1]),
        (1, EXIT, None, []),
        (1, EXIT, SATISFIES, [1]),
        (0, None, ExitConditionRules(codes=((0, 0, ExitRules(satisfies=False)),)), []),
    ],
)
def test_the_end_of_a_task_satisfies_in_jobs_that_use_dependencies(
    code: int, failure: Failure | None, exits: ExitConditionRules | None, satisfied: list[int]
) -> None:
    task = {"exits": exits} if exits else {}
    decisions = ended(running(task=task, uses_dependencies=True), code, failure)
    assert [one.task for one in decisions.changes.satisfied] == satisfied
    assert [one.satisfied for one in decisions.changes.completed] == [True if satisfied else None]
    assert not list(ended(running(task=task), code, failure).changes.satisfied)


def test_a_failure_acts_on_the_job_once_it_is_not_retried() -> None:
    state = running(task={"max_retries": 1}, acts_on_exits=True)
    assert actions(ended(state)) == []
    leases(state)
    assert actions(ended(state)) == ["TaskFailed"]
    assert state.jobs[1].is_ending


def test_a_job_that_would_end_with_its_tasks_ends_by_the_failure_of_the_last() -> None:
    assert actions(ended(running(1, acts_on_exits=True, terminates_when_done=True))) == ["TaskFailed"]


def test_success_does_nothing_to_the_job() -> None:
    assert actions(ended(running(acts_on_exits=True), 0, None)) == []


def test_a_failure_may_disable_the_job() -> None:
    state = running(task={"exits": disables()}, acts_on_exits=True)
    assert actions(ended(state)) == ["disabled"]
    assert placed(state) == []


def test_nothing_acts_on_a_job_that_does_not_want_it_or_ends_already() -> None:
    assert actions(ended(running())) == []
    state = running(acts_on_exits=True)
    job = state.jobs[1]
    job.state = "terminating"
    on_job_changed(state, job, NOW, Decisions())
    assert actions(ended(state, None, Failure("usererror", "TaskEnded", ""))) == []


@pytest.mark.parametrize(
    ("ending", "acts"),
    [
        (TERMINATED, ["TaskFailed"]),
        (JOB_DISABLED["terminate"], []),
        (Ending("complete", False, Failure("usererror", "TaskEnded", "its node leaves")), []),
    ],
)
def test_only_what_was_ended_for_its_own_sake_acts_on_the_job(ending: Ending, acts: list[str]) -> None:
    state = running(acts_on_exits=True)
    end(state.assignments[1], ending, Decisions())
    assert actions(ended(state, None, ending.failure)) == acts


def intended(intent: Literal["terminate", "delete"], **task: Any) -> IntendedTask:
    return IntendedTask(queued_task(9, **task), 1, "job-1", "active", None, intent, is_blocked=True)


def test_a_task_that_is_terminated_while_it_waits_for_others_may_satisfy() -> None:
    state = running(uses_dependencies=True)
    for task, satisfied in ((intended("terminate", exits=SATISFIES), [9]), (intended("terminate"), [])):
        decisions = Decisions()
        on_task_intent(state, task, NOW, decisions)
        assert [one.task for one in decisions.changes.satisfied] == satisfied
        (counted,) = decisions.changes.counted
        assert (counted.active, counted.blocked, counted.failed) == (-1, -1, 1)


def test_one_that_is_deleted_while_it_waits_for_others_satisfies_nobody() -> None:
    state, decisions = running(uses_dependencies=True), Decisions()
    on_task_intent(state, intended("delete", exits=SATISFIES), NOW, decisions)
    assert not list(decisions.changes.satisfied)
    (counted,) = decisions.changes.counted
    assert (counted.active, counted.blocked, counted.failed) == (-1, -1, 0)


def test_what_is_released_waits_for_a_node_unless_its_job_ends() -> None:
    state = running(1, uses_dependencies=True)
    on_task_released(state, 1, queued_task(7))
    on_task_released(state, 2, queued_task(8))
    job = state.jobs[1]
    assert [task.number for task in job.queued()] == [7]
    job.state = "terminating"
    on_job_changed(state, job, NOW, Decisions())
    on_task_released(state, 1, queued_task(9))
    assert list(job.queued()) == []


def test_the_owner_goes_on_with_what_a_commit_has_left_as_long_as_the_job_is_open() -> None:
    state, decisions = running(uses_dependencies=True), Decisions()
    for number in (1, 2):
        on_dependants_left(state, number, decisions)
    assert list(decisions.changes.releasing.values()) == [Releasing(1)]
