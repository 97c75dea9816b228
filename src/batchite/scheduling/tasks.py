"""What happens to a task between its assignment and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

import msgspec

from batchite.link.messages import TaskEnded, TaskReturned, TaskStarted, exit_of
from batchite.resources.states import CountedState
from batchite.scheduling import retries
from batchite.scheduling.assignments import current, end, release
from batchite.scheduling.changes import (
    Completed,
    DueCleared,
    NodeTasks,
    Paused,
    Removed,
    Requeued,
    Requeuing,
    Started,
)
from batchite.scheduling.decisions import Decisions, ReadTask
from batchite.scheduling.effects import RemoveTaskFiles
from batchite.scheduling.ending import INTENTS, Ending, Intent
from batchite.scheduling.jobs import on_task_over, on_task_waits
from batchite.scheduling.state import Assignment, NodeState, QueuedTask, ShardState
from batchite.wire.batch.outcome import Exit

RETRY: Final = "task-retry"


class IntendedTask(msgspec.Struct, frozen=True):
    """A task as stored that a user wants ended or gone."""

    task: QueuedTask
    job: int
    job_id: str
    stored: CountedState
    node: str | None
    """the last one it was on"""
    intent: Intent


def on_task_started(node: NodeState, report: TaskStarted, decisions: Decisions) -> None:
    """The node fetches the task's files and runs it. An old attempt is ignored."""
    assignment = current(node, report.task, report.attempt)
    if assignment is None or assignment.started is not None:
        return
    assignment.started = report.started
    decisions.changes.started[report.task] = Started(*_named(assignment), report.started, node.id)


def on_task_ended(state: ShardState, node: NodeState, report: TaskEnded, decisions: Decisions) -> None:
    """The node is done with the task. An old attempt is ignored."""
    assignment = current(node, report.task, report.attempt)
    if assignment is None:
        return
    exit_ = exit_of(report)
    if exit_.started is not None:
        _note_pace(node, exit_.ended - exit_.started)
    else:
        exit_ = exit_._replace(started=assignment.started)
    ending = assignment.ending
    if ending is None and _may_retry(assignment, exit_.exit_code):
        _retry(state, assignment, exit_.started, exit_.ended, decisions)
    elif ending is None or (ending.then == "complete" and exit_.started is not None):
        _complete(state, assignment, exit_, decisions)
    else:
        _end_as_wanted(state, assignment, ending, exit_.started, exit_.ended, decisions)


def on_retry_due(state: ShardState, task: int, at: int, decisions: Decisions) -> None:
    """The pause before a task is run again is over."""
    decisions.changes.due_cleared.append(DueCleared(RETRY, task))
    decisions.reads.append(ReadTask(task))


def on_task_read(state: ShardState, job: int, task: QueuedTask) -> None:
    """A task that paused, if it waits still."""
    if job in state.jobs and not state.jobs[job].is_ending:
        state.jobs[job].window(task.lane).put_back(task)


def on_task_returned(
    state: ShardState, node: NodeState, report: TaskReturned, at: int, decisions: Decisions
) -> None:
    """The node gave a task back that it had not started: it waits again, or ends if it was to end."""
    assignment = current(node, report.task, report.attempt)
    if assignment is not None:
        _take_back(state, assignment, at, decisions)


def on_node_tasks_lost(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """Nothing of the node runs any more: what it was given waits again, or ends if it was to end."""
    for assignment in list(node.assignments.values()):
        _take_back(state, assignment, at, decisions)


def on_task_intent(state: ShardState, wanted: IntendedTask, at: int, decisions: Decisions) -> None:
    """A user wants the task ended or gone."""
    task, job, is_delete = wanted.task, wanted.job, wanted.intent == "delete"
    ending = INTENTS[wanted.intent]
    assignment = state.assignments.get(task.number)
    if assignment is not None:
        end(assignment, ending, decisions)
    elif wanted.stored == "active":
        _forget_waiting(state, job, task)
        was = _was(decisions, task.number, "active")
        if is_delete:
            decisions.changes.removed.append(Removed(*_intended(wanted), was))
        else:
            never_ran = Exit(None, at, None, ending.failure)
            decisions.changes.completed.append(Completed(*(*_intended(wanted), was, *never_ran), None))
        on_task_over(state, job, at, decisions)
    elif is_delete:
        decisions.changes.removed.append(Removed(*_intended(wanted), wanted.stored))
    if is_delete and wanted.node in state.nodes:
        decisions.effects.append(RemoveTaskFiles(wanted.node, wanted.job_id, task.id))


def _take_back(state: ShardState, assignment: Assignment, at: int, decisions: Decisions) -> None:
    """The node has the task no more and does not say what became of it."""
    if assignment.ending is not None:
        _end_as_wanted(state, assignment, assignment.ending, assignment.started, at, decisions)
    else:
        why: Requeuing = "returned" if assignment.started is None else "recovery"
        _requeue(state, assignment, why, assignment.started, at, decisions)


def _end_as_wanted(
    state: ShardState,
    assignment: Assignment,
    ending: Ending,
    began: int | None,
    at: int,
    decisions: Decisions,
) -> None:
    """Do with a task that the node has no more what was to become of it."""
    if began is None and not ending.of_task:
        _requeue(state, assignment, "returned", began, at, decisions)
    elif ending.then == "requeue":
        _requeue(state, assignment, "requeue", began, at, decisions)
    elif ending.then == "remove":
        _remove(state, assignment, at, decisions)
    else:
        _complete(state, assignment, Exit(began, at, None, ending.failure), decisions)


def _may_retry(assignment: Assignment, exit_code: int | None) -> bool:
    task, most = assignment.task, assignment.task.rules.max_retries
    return assignment.job.state == "active" and retries.may_follow(exit_code, most, task.retries)


def _note_pace(node: NodeState, ran: int) -> None:
    """A running mean that follows quickly: it decides how far ahead the node is fed."""
    node.pace = max(ran, 1) if node.pace >= 1_000_000_000 else (3 * node.pace + max(ran, 1)) // 4


def _was(decisions: Decisions, task: int, was: Literal["active", "running"]) -> Literal["active", "running"]:
    """The stored state of a task; decisions of this batch about it are superseded."""
    requeued = decisions.changes.requeued.pop(task, None)
    if requeued is not None:
        was = requeued.was
    return "active" if decisions.changes.started.pop(task, None) is not None else was


def _stored(assignment: Assignment, decisions: Decisions) -> Literal["active", "running"]:
    was: Literal["active", "running"] = "active" if assignment.started is None else "running"
    return _was(decisions, assignment.task.number, was)


def _complete(state: ShardState, assignment: Assignment, exit_: Exit, decisions: Decisions) -> None:
    was = _stored(assignment, decisions)
    release(state, assignment)
    node = None if exit_.started is None else assignment.node.id
    completed = Completed(*(*_named(assignment), was, *exit_), node)
    decisions.changes.completed.append(completed)
    if exit_.started is not None:
        totals = decisions.changes.node_tasks.setdefault(
            assignment.node.number, NodeTasks(assignment.node.number)
        )
        totals.ran += 1
        totals.succeeded += completed.succeeded
    on_task_over(state, assignment.job.number, exit_.ended, decisions)


def _remove(state: ShardState, assignment: Assignment, at: int, decisions: Decisions) -> None:
    was = _stored(assignment, decisions)
    release(state, assignment)
    decisions.changes.removed.append(Removed(*_named(assignment), was))
    decisions.effects.append(RemoveTaskFiles(assignment.node.id, assignment.job.id, assignment.task.id))
    on_task_over(state, assignment.job.number, at, decisions)


def _retry(
    state: ShardState, assignment: Assignment, began: int | None, at: int, decisions: Decisions
) -> None:
    """A task that pauses waits in the store, not here."""
    task = assignment.task
    pause = retries.pause(task.rules.max_retries, task.retries)
    waiting = _release_to_wait(state, assignment, "retry", began, at, decisions)
    if pause:
        decisions.changes.paused.append(Paused(RETRY, task.number, pause))
    else:
        on_task_waits(state, assignment.job, waiting, at, decisions)


def _requeue(
    state: ShardState,
    assignment: Assignment,
    why: Requeuing,
    began: int | None,
    at: int,
    decisions: Decisions,
) -> None:
    waiting = _release_to_wait(state, assignment, why, began, at, decisions)
    on_task_waits(state, assignment.job, waiting, at, decisions)


def _release_to_wait(
    state: ShardState,
    assignment: Assignment,
    why: Requeuing,
    began: int | None,
    at: int,
    decisions: Decisions,
) -> QueuedTask:
    """The task as it waits from now on."""
    task = assignment.task
    was = _stored(assignment, decisions)
    release(state, assignment)
    decisions.changes.requeued[task.number] = Requeued(
        *_named(assignment), was, why, at, began, assignment.node.id
    )
    return replace(
        task,
        attempt=assignment.attempt,
        retries=task.retries + (why == "retry"),
        requeues=task.requeues + (why == "requeue"),
    )


def _named(assignment: Assignment) -> tuple[int, int, int, str, str]:
    """What every change of a task begins with."""
    task, job = assignment.task, assignment.job
    return task.number, job.number, task.slots, task.id, job.id


def _intended(wanted: IntendedTask) -> tuple[int, int, int, str, str]:
    """The same of a task that is on no node."""
    return wanted.task.number, wanted.job, wanted.task.slots, wanted.task.id, wanted.job_id


def _forget_waiting(state: ShardState, job: int, task: QueuedTask) -> None:
    if job in state.jobs and task.lane in state.jobs[job].windows:
        state.jobs[job].windows[task.lane].discard(task.number)
