"""Which nodes are prepared for a job, which of its tasks wait for that, and where it is released."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.scheduling.builders import NOW, add_job, add_node, hello, lose, sent, shard

from batchite.link.messages import RunEnded, RunKey, RunStarted
from batchite.resources.rules import PreparationRules, ReleaseRules
from batchite.resources.vacating import Vacating
from batchite.scheduling import job_nodes, jobs, preparation, reasons, release, tasks, vacating
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun, PurgeJob, RunAtOnce, RunTask
from batchite.scheduling.nodes import on_node_connected, on_node_disconnected, settle_phases
from batchite.scheduling.placement import place
from batchite.scheduling.predicates import why_not_there
from batchite.scheduling.preparation import RETRY
from batchite.scheduling.restarts import begin_again
from batchite.scheduling.state import JobNode, JobState, NodeState, ShardState
from batchite.wire.batch.outcome import Failure

RELEASE = ReleaseRules("jobrelease", b"{}")
FAILED = Failure("usererror", "FailureExitCode", "It failed.")


def prepares(**changes: Any) -> PreparationRules:
    return PreparationRules("jobpreparation", b"{}", **changes)


def prepared_job(
    nodes: int = 1, tasks: int = 1, *, slots: int = 1, job: dict[str, Any] | None = None, **rules: Any
) -> tuple[ShardState, JobState]:
    """A shard with a job that is to be prepared with these rules, and released."""
    state = shard(nodes=nodes, slots_per_node=slots)
    given = {"preparation": prepares(**rules), "release": RELEASE, **(job or {})}
    return state, add_job(state, 1, tasks, **given)


def turn(state: ShardState) -> Decisions:
    decisions = Decisions()
    vacating.proceed(state, NOW, decisions)
    place(state, NOW, decisions)
    preparation.proceed(state, NOW, decisions)
    release.proceed(state, NOW, decisions)
    settle_phases(state, NOW, decisions)
    return decisions


def told(decisions: Decisions, kind: str) -> list[tuple[str, int]]:
    """Nodes that are to run something of a job, each with the attempt."""
    return [(run.node, run.attempt) for run in sent(decisions, RunAtOnce) if run.kind == kind]


def begins(state: ShardState, node: NodeState, kind: Any, attempt: int = 1) -> Decisions:
    decisions = Decisions()
    on = preparation.on_started if kind == "preparation" else release.on_started
    on(state, node, RunStarted(1, 1, attempt, NOW, kind), decisions)
    return decisions


def ends(
    state: ShardState,
    node: NodeState,
    kind: Any,
    code: int | None = 0,
    attempt: int = 1,
    *,
    began: bool = True,
) -> Decisions:
    decisions = Decisions()
    failure = None if code == 0 else FAILED
    report = RunEnded(1, 1, attempt, NOW if began else None, NOW + 5, code, failure, kind=kind)
    (preparation.on_ended if kind == "preparation" else release.on_ended)(state, node, report, decisions)
    return decisions


def run_tasks(state: ShardState) -> None:
    """Whatever has been sent to a node runs there, and ends well."""
    for assignment in list(state.assignments.values()):
        if not job_nodes.is_held(assignment):
            number, attempt, node = assignment.task.number, assignment.attempt, assignment.node
            tasks.on_task_started(node, RunStarted(0, number, attempt, NOW), Decisions())
            ended = RunEnded(0, number, attempt, NOW, NOW + 1, 0, None)
            tasks.on_task_ended(state, node, ended, Decisions())


def terminate(state: ShardState, job: JobState) -> Decisions:
    decisions = Decisions()
    jobs.terminate(state, job, "enough", NOW, decisions)
    return decisions


def test_tasks_wait_for_the_preparation_of_their_node() -> None:
    state, job = prepared_job(nodes=1, tasks=3, slots=2)
    decisions = turn(state)
    assert [one.task for one in decisions.changes.preparing] == [1000, 1001]
    assert decisions.changes.leased == []
    assert [(one.node_id, one.attempt) for one in decisions.changes.preparation_wanted] == [("node-1", 1)]
    assert told(decisions, "preparation") == [("node-1", 1)]
    assert sent(decisions, RunTask) == []
    assert sum(counted.running for counted in decisions.changes.counted) == 2
    assert turn(state).effects == []
    node = state.nodes["node-1"]
    assert begins(state, node, "preparation").changes.preparation_changed[0].state == "running"
    done = ends(state, node, "preparation")
    assert [run.task.number for run in sent(done, RunTask)] == [1000, 1001]
    assert done.changes.preparation_changed[0].standing == "ready"
    run_tasks(state)
    after = turn(state)
    assert [one.task for one in after.changes.leased] == [1002]
    assert told(after, "preparation") == []
    assert job.nodes["node-1"].has_run


def test_a_job_without_a_preparation_goes_on_meanwhile() -> None:
    state, _ = prepared_job(nodes=1, tasks=1, slots=2)
    add_job(state, 2, 2)
    decisions = turn(state)
    assert [one.task for one in decisions.changes.preparing] == [1000]
    assert [one.task for one in decisions.changes.leased] == [2000]


@pytest.mark.parametrize(
    ("rules", "codes", "standing", "retries"),
    [
        ({}, [0], "ready", 0),
        ({}, [3], "barred", 0),
        ({"max_retries": 2}, [3, 3, 0], "ready", 2),
        ({"max_retries": 2}, [3, 3, 3], "barred", 2),
        ({"max_retries": 2}, [None], "barred", 0),
        ({"wait_for_success": False}, [3], "ready", 0),
        ({"wait_for_success": False, "max_retries": 1}, [3, 3], "ready", 1),
    ],
)
def test_how_a_preparation_ends(
    rules: dict[str, Any], codes: list[int | None], standing: str, retries: int
) -> None:
    state, job = prepared_job(**rules)
    decisions, node = turn(state), state.nodes["node-1"]
    assert bool(decisions.changes.preparing) == rules.get("wait_for_success", True)
    for attempt, code in enumerate(codes, start=1):
        assert told(decisions, "preparation") == [("node-1", attempt)]
        last = ends(state, node, "preparation", code, attempt)
        decisions = Decisions()
        preparation.proceed(state, NOW, decisions)
    assert (job.nodes["node-1"].standing, job.nodes["node-1"].retries) == (standing, retries)
    assert last.changes.preparation_changed[0].retries == retries
    assert last.changes.preparation_changed[0].last_retry == (NOW if retries else None)
    assert job.moving == set()
    if standing == "barred":
        assert [one.why for one in last.changes.requeued.values()] == ["preparation"]
        assert why_not_there(job, node) == reasons.NodePreparationFailed("job-1", codes[-1])
        assert turn(state).changes.preparing == []
        other = add_job(state, 2, 1)
        assert why_not_there(other, node) is None
        assert [one.task for one in turn(state).changes.leased] == [2000]


def test_endless_retries_pause() -> None:
    state, _ = prepared_job(max_retries=-1)
    turn(state)
    node = state.nodes["node-1"]
    decisions = ends(state, node, "preparation", 1)
    assert [(one.kind, one.subject) for one in decisions.changes.paused] == [(RETRY, node.number)]
    assert told(turn(state), "preparation") == []
    due = Decisions()
    preparation.on_retry_due(state, node.number, NOW, due)
    assert told(turn(state), "preparation") == [("node-1", 2)]


def test_tasks_go_where_they_are_not_barred_from() -> None:
    state, job = prepared_job(nodes=2, tasks=1)
    turn(state)
    ends(state, state.nodes["node-1"], "preparation", 1)
    decisions = turn(state)
    assert [one.node_id for one in decisions.changes.preparing] == ["node-2"]
    ends(state, state.nodes["node-2"], "preparation", 1)
    assert turn(state).changes.preparing == []
    assert len(list(job.queued())) == 1


def test_nothing_is_given_ahead_of_its_slots_to_a_node_that_is_not_prepared() -> None:
    state, _ = prepared_job(nodes=1, tasks=5)
    state.nodes["node-1"].pace = 1
    assert len(turn(state).changes.preparing) == 1
    ends(state, state.nodes["node-1"], "preparation")
    assert len(turn(state).changes.leased) == 4


@pytest.mark.parametrize("option", ["taskcompletion", "requeue", "terminate"])
def test_what_waits_for_a_preparation_holds_no_node_up(option: Any) -> None:
    state, job = prepared_job()
    turn(state)
    node = state.nodes["node-1"]
    vacating.begin(state, node, Vacating("reboot", option), NOW, Decisions())
    decisions = turn(state)
    if option == "taskcompletion":
        assert [one.why for one in decisions.changes.requeued.values()] == ["unprepared"]
        turn(state)
    assert node.is_vacated
    again = Decisions()
    begin_again(state, node, "rebooting", NOW, again)
    assert not job.assignments
    assert job.nodes["node-1"].standing == "unprepared"


@pytest.mark.parametrize(
    ("phase", "reruns", "before", "after", "was_used"),
    [
        ("rebooting", True, "ready", "unprepared", True),
        ("rebooting", False, "ready", "ready", True),
        ("rebooting", False, "wanted", "unprepared", False),
        ("rebooting", True, "barred", "barred", False),
        ("reimaging", False, "ready", "unprepared", False),
        ("reimaging", False, "barred", "unprepared", False),
    ],
)
def test_a_boot_has_a_node_prepared_anew(
    phase: Any, reruns: bool, before: Any, after: str, was_used: bool
) -> None:
    """Without its files, nothing of the job has been there."""
    state, job = prepared_job(reruns=reruns)
    turn(state)
    node, one = state.nodes["node-1"], job.nodes["node-1"]
    if before != "wanted":
        ends(state, node, "preparation", 0 if before == "ready" else 1)
        run_tasks(state)
    begin_again(state, node, phase, NOW, Decisions())
    assert (one.standing, one.has_run) == (after, was_used)
    assert one.has_completed == (phase == "rebooting" and before != "wanted")
    assert job.moving == set()


def test_an_agent_that_comes_back_is_told_what_it_has_not_heard() -> None:
    state, _ = prepared_job()
    turn(state)
    node = state.nodes["node-1"]
    for held, expected in (((RunKey(1, 1, "preparation"),), []), ((), [("node-1", 1)])):
        on_node_disconnected(node)
        decisions = Decisions()
        on_node_connected(state, node, hello(*held), NOW, decisions)
        assert sent(decisions, RunTask) == []
        assert told(turn(state), "preparation") == expected


def test_an_old_attempt_is_ignored() -> None:
    state, job = prepared_job(max_retries=1)
    turn(state)
    node = state.nodes["node-1"]
    ends(state, node, "preparation", 1)
    assert not begins(state, node, "preparation", 1).changes
    assert not ends(state, node, "preparation", 0, 1).changes
    assert job.nodes["node-1"].standing == "wanted"
    assert not ends(state, add_node(state, 2), "preparation", 0, 2).changes


def used(nodes: int = 1, **job: Any) -> tuple[ShardState, JobState]:
    """A job that has run on its nodes."""
    state, found = prepared_job(nodes, nodes, job=job)
    turn(state)
    for node in state.nodes.values():
        ends(state, node, "preparation")
    run_tasks(state)
    assert not found.assignments
    return state, found


@pytest.mark.parametrize("state_of_job", ["terminating", "deleting"])
def test_a_job_is_over_when_all_nodes_are_released(state_of_job: Any) -> None:
    state, job = used(2)
    job.state = state_of_job
    decisions = Decisions()
    jobs.on_job_changed(state, job, NOW, decisions)
    assert len(decisions.changes.release_wanted) == 2
    assert decisions.changes.job_completed == []
    assert sorted(told(turn(state), "release")) == [("node-1", 1), ("node-2", 1)]
    assert begins(state, state.nodes["node-1"], "release").changes.release_changed[0].release == "wanted"
    first = ends(state, state.nodes["node-1"], "release")
    assert (first.changes.job_completed, sent(first, PurgeJob)) == ([], [])
    last = ends(state, state.nodes["node-2"], "release", 9)
    assert [one.state for one in last.changes.release_changed] == ["completed"]
    if state_of_job == "terminating":
        assert [one.job for one in last.changes.job_completed] == [1]
        assert state.jobs == {}
    else:
        assert [one.job for one in sent(last, PurgeJob)] == [1]


def test_only_nodes_that_were_prepared_and_used_are_released() -> None:
    state, job = used(2)
    add_node(state, 3)
    job.nodes["node-2"].has_run = False
    decisions = terminate(state, job)
    assert [one.node for one in decisions.changes.release_wanted] == [1]


def test_a_job_without_a_release_is_over_at_once() -> None:
    state, job = used(release=None)
    assert [one.job for one in terminate(state, job).changes.job_completed] == [1]


def test_a_node_that_reboots_meanwhile_is_released_again() -> None:
    state, job = used()
    terminate(state, job)
    turn(state)
    node = state.nodes["node-1"]
    begin_again(state, node, "rebooting", NOW, Decisions())
    assert told(turn(state), "release") == []
    on_node_connected(state, node, hello(), NOW, Decisions())
    assert told(turn(state), "release") == [("node-1", 1)]
    assert ends(state, node, "release").changes.job_completed


@pytest.mark.parametrize(
    "happens",
    [
        lambda state, node: lose(state, node),
        lambda state, node: begin_again(state, node, "reimaging", NOW, Decisions()),
        lambda state, node: vacating.begin(state, node, Vacating("remove", "requeue"), NOW, Decisions()),
        lambda state, node: vacating.begin(state, node, Vacating("deallocate", "requeue"), NOW, Decisions()),
        lambda state, node: vacating.begin(state, node, Vacating("preempt", "requeue"), NOW, Decisions()),
    ],
)
def test_a_node_that_is_lost_is_not_waited_for(happens: Any) -> None:
    state, job = used(2)
    terminate(state, job)
    turn(state)
    happens(state, state.nodes["node-1"])
    turn(state)
    assert job.moving == {"node-2"}
    assert ends(state, state.nodes["node-2"], "release").changes.job_completed


def test_the_last_node_that_is_lost_ends_the_job() -> None:
    state, job = used()
    terminate(state, job)
    turn(state)
    lose(state, state.nodes["node-1"])
    assert turn(state).changes.job_completed


def goes(state: ShardState, job: JobState, to: str = "account/other", now_in: Any = "disabled") -> Decisions:
    """The job, which is disabled, is given the pool of that shard; empty: its own again."""
    decisions = Decisions()
    jobs.on_job_changed(state, replace(job, moves_to=to, state=now_in), NOW, decisions)
    return decisions


@pytest.mark.parametrize("has_changed", [None, "enabled", "its own pool again"])
def test_a_job_goes_to_another_pool_when_the_nodes_are_released_that_it_leaves(
    has_changed: str | None,
) -> None:
    """Whatever is wanted meanwhile: if it is to stay, its other owner gives it back."""
    state, job = used(2)
    wanted = goes(state, job)
    assert ([one.node for one in wanted.changes.release_wanted], wanted.changes.job_moved) == ([1, 2], [])
    assert sorted(told(turn(state), "release")) == [("node-1", 1), ("node-2", 1)]
    if has_changed == "enabled":
        assert not goes(state, job, now_in="enabling").changes
    elif has_changed:
        assert not goes(state, job, "").changes
    assert ends(state, state.nodes["node-1"], "release").changes.job_moved == []
    gone = ends(state, state.nodes["node-2"], "release", 9)
    assert [(one.job, one.to) for one in gone.changes.job_moved] == [(1, "account/other")]
    assert state.jobs == {}


def test_a_job_does_not_wait_for_a_node_that_it_leaves_and_that_is_lost() -> None:
    state, job = used()
    goes(state, job)
    turn(state)
    lose(state, state.nodes["node-1"])
    assert turn(state).changes.job_moved


def test_a_job_that_ends_as_it_goes_is_released_once() -> None:
    state, job = used(2)
    goes(state, job)
    turn(state)
    ends(state, state.nodes["node-1"], "release")
    assert terminate(state, job).changes.release_wanted == []
    assert ends(state, state.nodes["node-2"], "release").changes.job_completed


def test_a_new_owner_goes_on_releasing_a_job_that_goes() -> None:
    stored = JobNode("ready", 1, has_completed=True, has_run=True, release="wanted", release_attempt=1)
    anew, again = prepared_job(job={"state": "disabled", "moves_to": "account/other"})
    again.nodes["node-1"], again.moving = stored, {"node-1"}
    decisions = Decisions()
    jobs.on_job_changed(anew, again, NOW, decisions)
    assert decisions.changes.job_moved == []
    assert told(turn(anew), "release") == [("node-1", 1)]
    assert ends(anew, anew.nodes["node-1"], "release").changes.job_moved


@pytest.mark.parametrize("began", [True, False])
def test_a_preparation_that_runs_ends_with_its_job(began: bool) -> None:
    state, job = prepared_job()
    turn(state)
    node = state.nodes["node-1"]
    decisions = terminate(state, job)
    assert [run.number for run in sent(decisions, EndRun)] == [1000]
    tasks.on_task_ended(state, node, RunEnded(0, 1000, 1, None, NOW, None, FAILED), decisions)
    assert decisions.changes.job_completed == []
    assert [(run.number, run.kind) for run in sent(turn(state), EndRun)] == [(1, "preparation")]
    last = ends(state, node, "preparation", None, began=began)
    assert bool(last.changes.preparation_changed) is began
    assert last.changes.release_wanted == []
    assert last.changes.job_completed


def test_a_preparation_that_pauses_is_given_up_with_its_job() -> None:
    state, job = prepared_job(max_retries=-1, wait_for_success=False, tasks=0)
    add_more = add_job(state, 2, 0)
    assert add_more.nodes == {}
    job_nodes.comes_first(state, job, state.nodes["node-1"], Decisions())
    turn(state)
    ends(state, state.nodes["node-1"], "preparation", 1)
    terminate(state, job)
    assert turn(state).changes.job_completed


@pytest.mark.parametrize("began", [True, False])
@pytest.mark.parametrize("tries", [1, 2])
def test_what_a_preparation_did_is_released_although_its_job_has_ended_it(began: bool, tries: int) -> None:
    """In its last run, or in one before that; tasks did not wait for it."""
    state, job = prepared_job(wait_for_success=False, max_retries=1)
    turn(state)
    node = state.nodes["node-1"]
    run_tasks(state)
    if tries == 2:
        assert not ends(state, node, "preparation", 1).changes.preparation_changed
        turn(state)
    assert terminate(state, job).changes.release_wanted == []
    turn(state)
    last = ends(state, node, "preparation", None, tries, began=began)
    is_released = began or tries == 2
    assert bool(last.changes.release_wanted) is is_released
    assert bool(last.changes.job_completed) is not is_released


def test_a_preparation_that_pauses_has_run() -> None:
    state, job = prepared_job(wait_for_success=False, max_retries=-1)
    turn(state)
    run_tasks(state)
    ends(state, state.nodes["node-1"], "preparation", 1)
    terminate(state, job)
    assert len(turn(state).changes.release_wanted) == 1


def test_an_agent_that_prepares_for_nobody_is_told_to_end_that() -> None:
    state, job = prepared_job()
    turn(state)
    node = state.nodes["node-1"]
    for key, ends_it in ((RunKey(1, 1, "preparation"), False), (RunKey(9, 1, "preparation"), True)):
        decisions = Decisions()
        on_node_connected(state, node, hello(key), NOW, decisions)
        assert [run.number for run in sent(decisions, EndRun)] == [9] * ends_it
    assert job.moving == {"node-1"}
