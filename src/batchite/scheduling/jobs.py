"""What happens to a job: it gets tasks, it is disabled and enabled, it ends, it goes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from batchite.resources.job_options import DisableOption
from batchite.scheduling import exits, job_nodes, retention
from batchite.scheduling.assignments import end, recall
from batchite.scheduling.changes.jobs import (
    ALL_TASKS_COMPLETE,
    JobCompleted,
    JobDisabled,
    JobDisabling,
    JobEnabled,
    JobMoved,
    JobTerminating,
)
from batchite.scheduling.changes.tasks import Releasing
from batchite.scheduling.changes.times import DueCleared, DueKind, DueSet
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import PurgeJob, WakeOwner
from batchite.scheduling.ending import DELETED, JOB_DISABLED, JOB_ENDED
from batchite.scheduling.state import JobState, ShardState
from batchite.scheduling.windows import Lane, QueuedTask
from batchite.wire.batch.outcome import Exit

WALL_CLOCK: Final = "job-wall-clock"
EMPTY: Final = "empty-job"
TASK_FAILED: Final = "TaskFailed"
MANAGER_COMPLETE: Final = "JMComplete"
MOVING: Final = ("disabled", "enabling")
"""States in which a job that has been given another pool goes to that: nothing of it is on nodes."""


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
        known.option = job.option
        if job.moves_to or not known.is_clearing:  # what is being released goes, and comes back from there
            known.moves_to = job.moves_to
    _go_on(state, state.jobs[job.number], at, decisions)


def on_tasks_added(
    state: ShardState,
    number: int,
    active: Mapping[Lane, int],
    first: Mapping[Lane, int],
    unfinished: int,
    at: int,
    decisions: Decisions,
) -> None:
    """The store has `active` tasks that wait for nodes by lane, the `first` of them of that rank, and
    `unfinished` that are not completed.

    `active` is empty if the job never had a task; such a job does not end before its pause is over.
    """
    job = state.jobs.get(number)
    if job is None:
        return
    job.unfinished = unfinished
    for lane, count in active.items():
        if count > 0 and not job.is_ending:
            window = job.window(lane)
            window.more = True
            if first[lane] < window.cursor[0]:
                window.outdate()
    if active:
        _end_if_done(state, job, at, decisions)


def on_window_read(
    state: ShardState, number: int, lane: Lane, tasks: Iterable[QueuedTask], *, more: bool
) -> None:
    """Waiting tasks past the window's cursor, in their order; managers have lanes of their own."""
    job = state.jobs.get(number)
    if job is None:
        return
    read, window = list(tasks), job.window(lane)
    window.extend(read, more=more)
    for task in read:
        if task.lane != lane:
            window.discard(task.number)
            job.window(task.lane).put_back(task)


def on_task_over(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """A task of the job was completed or removed."""
    job = state.jobs.get(number)
    if job is None:
        return
    job.unfinished -= 1
    if job.leaves_nodes:
        finish(state, job, at, decisions)
    else:
        _end_if_done(state, job, at, decisions)


def on_task_waits(state: ShardState, job: JobState, task: QueuedTask, at: int, decisions: Decisions) -> None:
    """A task of the job is on no node any more and waits again."""
    if not job.is_ending:
        job.window(task.lane).put_back(task)
    on_task_off_node(state, job, at, decisions)


def on_task_off_node(state: ShardState, job: JobState, at: int, decisions: Decisions) -> None:
    """A task of the job is on no node any more, and is not over."""
    if job.leaves_nodes:
        finish(state, job, at, decisions)


def on_exit(state: ShardState, job: JobState, task: QueuedTask, exit_: Exit, decisions: Decisions) -> None:
    """A task of the job has come to its end, which may be the end of the job, too."""
    if job.is_ending:
        return
    if task.rules.manager is not None and task.rules.manager.kills_job:
        terminate(state, job, MANAGER_COMPLETE, exit_.ended, decisions)
        return
    if not job.rules.acts_on_exits:
        return
    match exits.job_action(task.rules, exit_):
        case "terminate":
            terminate(state, job, TASK_FAILED, exit_.ended, decisions)
        case "disable":
            disable(state, job, "requeue", exit_.ended, decisions)
        case "none":
            pass


def on_task_released(state: ShardState, number: int, task: QueuedTask) -> None:
    """What the task depends on is satisfied: it waits for a node from now on."""
    job = state.jobs.get(number)
    if job is not None and not job.is_ending:
        job.window(task.lane).put(task)


def on_dependants_left(state: ShardState, number: int, decisions: Decisions) -> None:
    """Not all tasks of the job have been looked at that waited for what has come."""
    if number in state.jobs:
        decisions.changes.releasing[number] = Releasing(number)


def on_job_wall_clock(state: ShardState, number: int, at: int, decisions: Decisions) -> None:
    """The job's time is up, unless it has another by now."""
    decisions.changes.due_cleared.append(DueCleared(WALL_CLOCK, number))
    job = state.jobs.get(number)
    if job is not None and not job.is_ending and job.ends_at is not None and job.ends_at <= at:
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
    _go_on(state, job, at, decisions)


def disable(state: ShardState, job: JobState, option: DisableOption, at: int, decisions: Decisions) -> None:
    """Begin to disable the job, if it is active."""
    if job.state == "active":
        job.state, job.option = "disabling", option
        decisions.changes.job_disabling.append(JobDisabling(job.number, option, at))
        _go_on(state, job, at, decisions)


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


def _go_on(state: ShardState, job: JobState, at: int, decisions: Decisions) -> None:
    """Do what follows from the job's state; as often as one likes."""
    if job.moves_to and job.state in MOVING:
        finish(state, job, at, decisions)
    elif job.state == "enabling":
        job.state = "active"
        decisions.changes.job_enabled.append(JobEnabled(job.number, at))
    elif job.leaves_nodes:
        _leave_nodes(job, decisions)
        finish(state, job, at, decisions)


def _move(state: ShardState, job: JobState, at: int, decisions: Decisions) -> None:
    """Give the job to the shard of its other pool, once nothing of it runs here and the nodes are released
    from it; that it was prepared here is forgotten."""
    if job.moves_to and job_nodes.is_clear(state, job, at, decisions):
        decisions.changes.job_moved.append(JobMoved(job.number, job.moves_to))
        decisions.effects.append(WakeOwner(job.moves_to))
        del state.jobs[job.number]


def _leave_nodes(job: JobState, decisions: Decisions) -> None:
    """End what the job still has on nodes, or wait for it if that is wanted. What waits stays as it is, also
    where it waits on a node."""
    if job.state == "disabling":
        ending = JOB_DISABLED[job.option]
    else:
        job.windows.clear()
        ending = JOB_ENDED if job.state == "terminating" else DELETED
    for assignment in job.assignments.values():
        if ending is None:
            recall(assignment, decisions)
        else:
            end(assignment, ending, decisions)


def finish(state: ShardState, job: JobState, at: int, decisions: Decisions) -> None:
    """What is to follow once no task of the job is on nodes. If it ends, what it runs there itself has to be
    over, too."""
    if job.assignments:
        return
    if job.is_forced:
        job_nodes.abandon(job, decisions)
    elif job.is_ending and not job_nodes.is_clear(state, job, at, decisions):
        return
    if job.state == "deleting":
        decisions.effects.append(PurgeJob(job.number, at))
    elif job.state == "disabling":
        job.state = "disabled"
        decisions.changes.job_disabled.append(JobDisabled(job.number, at))
    elif job.state in MOVING:
        _move(state, job, at, decisions)
    elif job.state == "terminating":
        decisions.changes.job_completed.append(JobCompleted(job.number, at, *retention.of_job(job, at)))
        _clear_dues(job.number, decisions)
        del state.jobs[job.number]
