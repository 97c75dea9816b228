"""What comes of a job's preparation task on a node: it runs before the first task of the job there, and again
as long as it may; then the tasks that wait for it begin, or wait again elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from batchite.link.messages import RunEnded, RunStarted
from batchite.scheduling import jobs, retries
from batchite.scheduling.changes.job_nodes import (
    PreparationChanged,
    PreparationDropped,
    PreparationRetried,
    ran,
)
from batchite.scheduling.changes.times import DueCleared, Paused
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun, RunAtOnce, RunTask
from batchite.scheduling.ending import JOB_ENDED
from batchite.scheduling.job_nodes import can_run
from batchite.scheduling.state import Assignment, JobNode, JobState, NodeState, ShardState
from batchite.scheduling.tasks import take_back
from batchite.wire.batch.outcome import Exit, result

RETRY: Final = "preparation-retry"
KIND: Final = "preparation"


def proceed(state: ShardState, at: int, decisions: Decisions) -> None:
    """Tell agents what they are to run or to end; call it in every batch."""
    for job in list(state.jobs.values()):
        for node_id in tuple(job.moving):
            if (one := job.nodes[node_id]).standing == "wanted":
                _proceed(state, job, state.nodes[node_id], one, at, decisions)
        if job.moves_to and job.number in state.jobs:
            jobs.finish(state, job, at, decisions)


def _proceed(
    state: ShardState, job: JobState, node: NodeState, one: JobNode, at: int, decisions: Decisions
) -> None:
    if job.is_withdrawing:
        _end(state, job, node, one, at, decisions)
        return
    if not one.is_told and not one.pauses and can_run(node):
        one.is_told = True
        _run(job, node, one, decisions)
    for assignment in list(_waiting(job, node)):
        if assignment.recalled:  # by whoever does not know that its agent has not got it
            take_back(state, assignment, at, decisions)


def _run(job: JobState, node: NodeState, one: JobNode, decisions: Decisions) -> None:
    if (rules := job.rules.preparation) is not None:
        of_run = job.number, one.attempt, rules.definition, one.retries
        decisions.effects.append(RunAtOnce(node.id, KIND, *of_run, job.id, rules.id))


def _end(
    state: ShardState, job: JobState, node: NodeState, one: JobNode, at: int, decisions: Decisions
) -> None:
    """Its job ends, or goes to another pool."""
    if one.pauses:
        _drop(job, node, one, at, decisions)
        jobs.finish(state, job, at, decisions)
    elif node.connected and not one.is_told_to_end:
        one.is_told_to_end = True
        of_run = node.id, job.number, one.attempt
        decisions.effects.append(EndRun(*of_run, JOB_ENDED.failure, kind=KIND))


def on_started(state: ShardState, node: NodeState, report: RunStarted, decisions: Decisions) -> None:
    """An old attempt is ignored."""
    if (found := _current(state, node, report)) is not None:
        job, one = found
        _record(job, one, node, report.started, None, decisions)


def on_ended(state: ShardState, node: NodeState, report: RunEnded, decisions: Decisions) -> None:
    """Only a non-zero exit code is retried. After the last failure the node is barred for the job, if its
    tasks were to wait for success. One that ends with its job has run as well: what it did is to be
    released."""
    found = _current(state, node, report)
    if found is None:
        return
    job, one = found
    exit_ = report.exit
    if job.is_withdrawing and exit_.started is None:
        _drop(job, node, one, report.ended, decisions)
    elif not _retries(job, node, one, exit_, decisions):
        _decide(job, node, one, exit_)
        _record(job, one, node, exit_.shown_start, exit_, decisions)
    if one.standing == "ready":
        for waiting in _waiting(job, node):
            decisions.effects.append(RunTask(node.id, job.number, waiting.attempt, waiting.task))
    elif one.standing == "barred":
        for waiting in list(_waiting(job, node)):
            take_back(state, waiting, report.ended, decisions, never_ran="preparation")
    if job.is_withdrawing:
        jobs.finish(state, job, report.ended, decisions)


def on_retry_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """The pause before preparations are run again on this node is over."""
    decisions.changes.due_cleared.append(DueCleared(RETRY, number))
    if (node := state.node(number)) is not None:
        for job in state.jobs.values():
            if (one := job.nodes.get(node.id)) is not None:
                one.pauses = False


def _retries(job: JobState, node: NodeState, one: JobNode, exit_: Exit, decisions: Decisions) -> bool:
    """Whether the run that has ended is followed by another, which is seen to."""
    rules = job.rules.preparation
    if rules is None or job.is_withdrawing:
        return False
    if not retries.may_follow(exit_.exit_code, rules.max_retries, one.retries):
        return False
    pause = retries.pause(rules.max_retries, one.retries)
    one.retries += 1
    one.attempt += 1
    one.is_told, one.pauses = False, bool(pause)
    if pause:
        decisions.changes.paused.append(Paused(RETRY, node.number, pause))
    retried = PreparationRetried(job.number, node.number, one.attempt, one.retries)
    decisions.changes.preparation_retried.append(retried)
    return True


def _decide(job: JobState, node: NodeState, one: JobNode, exit_: Exit) -> None:
    """What follows from the last run's end, which may be that of the job."""
    rules = job.rules.preparation
    one.exit_code, one.has_completed = exit_.exit_code, True
    _settle(job, node, one)
    if rules is not None and not job.is_withdrawing:
        is_good = result(exit_.exit_code, exit_.failure) == "success" or not rules.wait_for_success
        one.standing = "ready" if is_good else "barred"


def _settle(job: JobState, node: NodeState, one: JobNode) -> None:
    """Nothing is wanted of the preparation any more."""
    one.standing = "unprepared"
    one.is_told = one.is_told_to_end = one.pauses = False
    job.moving.discard(node.id)


def _drop(job: JobState, node: NodeState, one: JobNode, at: int, decisions: Decisions) -> None:
    """It is not wanted any more, and has not begun in this attempt; if it has in an earlier one, it is over
    with that. The store does the same."""
    one.has_completed = one.has_completed or one.retries > 0
    _settle(job, node, one)
    decisions.changes.preparation_dropped.append(PreparationDropped(job.number, node.number, at))


def _record(
    job: JobState,
    one: JobNode,
    node: NodeState,
    started: int,
    exit_: Exit | None,
    decisions: Decisions,
) -> None:
    """`exit_`: None while it runs."""
    decisions.changes.preparation_changed.append(
        PreparationChanged(
            *ran(job, node, started, exit_),
            one.standing,
            one.has_completed,
            one.attempt,
            one.retries,
            started if one.retries else None,
        )
    )


def _waiting(job: JobState, node: NodeState) -> Iterator[Assignment]:
    """Tasks of the job that the node is to run once it is prepared."""
    for one in node.assignments.values():
        if one.job is job and one.is_preparing and one.started is None and one.ending is None:
            yield one


def _current(
    state: ShardState, node: NodeState, report: RunStarted | RunEnded
) -> tuple[JobState, JobNode] | None:
    job = state.jobs.get(report.number)
    one = None if job is None else job.nodes.get(node.id)
    if job is None or one is None or one.standing != "wanted" or one.attempt != report.attempt:
        return None
    return job, one
