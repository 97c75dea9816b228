"""What happens to a job: it gets tasks, it ends, it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from batchite.scheduling.assignments import end
from batchite.scheduling.changes import (
    ALL_TASKS_COMPLETE,
    DueCleared,
    DueKind,
    DueSet,
    JobCompleted,
    JobTerminating,
)
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import PurgeJob
from batchite.scheduling.ending import DELETED, JOB_ENDED
from batchite.scheduling.state import JobState, Lane, QueuedTask, ShardState

WALL_CLOCK: Final = "job-wall-clock"
EMPTY: Final = "empty-job"


def on_job_changed(state: ShardState, job: JobState, at: int, decisions: Decisions) -> None:
    """A job was added or changed, or is taken up by a new owner; `job` is as stored, without windows or
    assignments unless it is the one that the state has."""
    known = state.jobs.get(job.number)
    if not job.is_ending:
        _schedule(state, known, job, decisions)
    if known is None:
        state.jobs[job.number] = job
    else:
        known.state = job.state
        known.changed = job.changed
        known.rules = job.rules
        known.ends_at = job.ends_at
    _wind_up(state, state.jobs[job.number], at, decisions)


def on_tasks_added(
    state: ShardState,
    number: int,
    active: Mapping[Lane, int],
    unfinished: int,
    at: int,
    decisions: Decisions,
) -> None:
    """The store has `active` waiting tasks by lane, `unfinished` that are not completed.

    `active` is empty if the job never had a task; such a job does not end before its pause is over.
    """
    job = state.jobs.get(number)
    if job is None:
        return
    job.unfinished = unfinished
    for lane, count in active.items():
        if count > 0 and not job.is_ending:
            job.window(lane).more = True
    if active:
        _end_if_done(state, job, at, decisions)


def on_window_read(
    state: ShardState, number: int, lane: Lane, tasks: Iterable[QueuedTask], *, more: bool
) -> None:
    """Waiting tasks past the window's cursor, oldest first."""
    job = state.jobs.get(number)
    if job is not None:
        job.window(lane).extend(tasks, more=more)


def on_task_over(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """A task of the job was completed or removed."""
    job = state.jobs.get(number)
    if job is None:
        return
    job.unfinished -= 1
    if job.is_ending:
        _finish(job, state, at, decisions)
    else:
        _end_if_done(state, job, at, decisions)


def on_task_waits(state: ShardState, job: JobState, task: QueuedTask, at: int, decisions: Decisions) -> None:
    """A task of the job is on no node any more and waits again."""
    if job.is_ending:
        _finish(job, state, at, decisions)
    else:
        job.window(task.lane).put_back(task)


def on_job_wall_clock(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """The job's time is up."""
    decisions.changes.due_cleared.append(DueCleared(WALL_CLOCK, number))
    job = state.jobs.get(number)
    if job is not None and not job.is_ending:
        terminate(state, job, "MaxWallClockTimeExpiry", at, decisions)


def on_empty_job_due(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """It has been long enough without a task, if it has none still."""
    decisions.changes.due_cleared.append(DueCleared(EMPTY, number))
    job = state.jobs.get(number)
    if job is not None:
        _end_if_done(state, job, at, decisions)


def on_job_purged(state: ShardState, number: int, decisions: Decisions) -> None:
    """Nothing of the job is left in the store."""
    state.jobs.pop(number, None)
    _clear_dues(number, decisions)


def terminate(state: ShardState, job: JobState, reason: str, at: int, decisions: Decisions) -> None:
    job.state = "terminating"
    decisions.changes.job_terminating.append(JobTerminating(job.number, reason, at))
    _wind_up(state, job, at, decisions)


def _schedule(state: ShardState, known: JobState | None, job: JobState, decisions: Decisions) -> None:
    """Have what is to happen to the job at a time happen then, if that is news. What a new owner finds may
    have been stored before any owner saw it."""
    before = {} if known is None or known is job else _dues(state, known)
    for kind, at in _dues(state, job).items():
        if at == before.get(kind):
            continue
        if at is None:
            decisions.changes.due_cleared.append(DueCleared(kind, job.number))
        else:
            decisions.changes.due_set.append(DueSet(kind, job.number, at))


def _dues(state: ShardState, job: JobState) -> dict[DueKind, int | None]:
    pauses = job.rules.terminates_when_done and state.empty_job_pause > 0
    return {WALL_CLOCK: job.ends_at, EMPTY: job.changed + state.empty_job_pause if pauses else None}


def _clear_dues(number: int, decisions: Decisions) -> None:
    decisions.changes.due_cleared += [DueCleared(WALL_CLOCK, number), DueCleared(EMPTY, number)]


def _end_if_done(state: ShardState, job: JobState, at: int, decisions: Decisions) -> None:
    """The store refuses this if a task was added that is not known here yet."""
    if job.state == "active" and job.rules.terminates_when_done and job.unfinished == 0:
        terminate(state, job, ALL_TASKS_COMPLETE, at, decisions)


def _wind_up(state: ShardState, job: JobState, at: int, decisions: Decisions) -> None:
    """End what a terminating or deleted job still has on nodes. What waits stays as it is, and so does what
    waits on a node."""
    if not job.is_ending:
        return
    job.windows.clear()
    ending = JOB_ENDED if job.state == "terminating" else DELETED
    for assignment in job.assignments.values():
        end(assignment, ending, decisions)
    _finish(job, state, at, decisions)


def _finish(job: JobState, state: ShardState, at: int, decisions: Decisions) -> None:
    if job.assignments:
        return
    if job.state == "deleting":
        decisions.effects.append(PurgeJob(job.number, at))
    else:
        decisions.changes.job_completed.append(JobCompleted(job.number, at))
        _clear_dues(job.number, decisions)
        del state.jobs[job.number]
