"""What happens to a task between its assignment and its end."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, Literal

import msgspec

from batchite.link.messages import RunEnded, RunReturned, RunStarted
from batchite.resources.states import CountedState
from batchite.scheduling import exits, job_nodes, retention, retries
from batchite.scheduling.assignments import current, end, release
from batchite.scheduling.changes.nodes import NodeTasks
from batchite.scheduling.changes.tasks import Completed, OnNode, Removed, Requeued, Requeuing, Started
from batchite.scheduling.changes.times import DueCleared, Paused
from batchite.scheduling.decisions import Decisions, ReadTask
from batchite.scheduling.effects import LimitTask, RemoveTaskFiles
from batchite.scheduling.ending import INTENTS, Ending, Intent
from batchite.scheduling.jobs import on_exit, on_task_off_node, on_task_over, on_task_waits
from batchite.scheduling.state import Assignment, JobState, NodeState, ShardState
from batchite.scheduling.windows import QueuedTask
from batchite.wire.batch.outcome import Exit, result

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
    is_blocked: bool = False
    """it waits for what it depends on"""


class ChangedTask(msgspec.Struct, frozen=True):
    """A task as stored that was defined anew, or waits again though it was over."""

    task: QueuedTask
    job: int
    waits: bool
    """for a node, and for nothing else"""
    node: str | None = None
    """that has its files, if it is over"""
    files_until: int | None = None
    """how long they are kept there"""


def on_task_started(node: NodeState, report: RunStarted, decisions: Decisions) -> None:
    """The node fetches the task's files and runs it. An old attempt is ignored."""
    assignment = current(node, report.number, report.attempt)
    if assignment is None or assignment.started is not None:
        return
    assignment.started = report.started
    was: Literal["active", "preparing"] = "preparing" if assignment.is_preparing else "active"
    decisions.changes.started[report.number] = Started(*_named(assignment), report.started, node.id, was)
    job_nodes.on_task_began(assignment, decisions)


def on_task_ended(state: ShardState, node: NodeState, report: RunEnded, decisions: Decisions) -> None:
    """The node is done with the task. An old attempt is ignored."""
    assignment = current(node, report.number, report.attempt)
    if assignment is None:
        return
    exit_ = report.exit
    if exit_.used:
        _totals(node, decisions).add(exit_.used)
    if exit_.started is not None:
        _note_run(node, exit_.ended - exit_.started)
        job_nodes.on_task_began(assignment, decisions)
    else:
        exit_ = exit_._replace(started=assignment.started)
    ending = assignment.ending
    if ending is None and (report.withheld or is_retried(assignment.job, assignment.task, exit_.exit_code)):
        _retry(state, assignment, exit_, decisions)
    elif ending is None or (exit_.started is not None and _stands(ending, exit_)):
        _complete(state, assignment, exit_, decisions)
    else:
        _end_as_wanted(state, assignment, ending, exit_, decisions)


def on_retry_due(state: ShardState, task: int, at: int, decisions: Decisions) -> None:
    """The pause before a task is run again is over."""
    decisions.changes.due_cleared.append(DueCleared(RETRY, task))
    decisions.reads.append(ReadTask(task))


def on_task_read(state: ShardState, job: int, task: QueuedTask) -> None:
    """A task that paused, if it waits still."""
    if job in state.jobs and not state.jobs[job].is_ending and task.number not in state.assignments:
        state.jobs[job].window(task.lane).put_back(task)


def on_task_changed(state: ShardState, changed: ChangedTask, decisions: Decisions) -> None:
    """What runs goes by the new definition from now on, as far as that is possible; what waits comes to its
    place in the order."""
    task = changed.task
    assignment = state.assignments.get(task.number)
    if assignment is None:
        if changed.waits:
            on_task_read(state, changed.job, task)
        elif changed.files_until is not None and (node := state.nodes.get(changed.node or "")) is not None:
            retention.note(node, changed.files_until, decisions)
            node.retained_until = None
        return
    assignment.task = replace(assignment.task, rules=task.rules, definition=task.definition)
    tell_limit(assignment, decisions)


def tell_limit(assignment: Assignment, decisions: Decisions) -> None:
    """Tell the node how long the task may run, if that is not what it was given: it may not have heard."""
    limit = assignment.task.rules.wall_clock
    if limit is not None:
        of = assignment.node.id, assignment.task.number, assignment.attempt
        decisions.effects.append(LimitTask(*of, limit))


def on_task_returned(
    state: ShardState, node: NodeState, report: RunReturned, at: int, decisions: Decisions
) -> None:
    """The node gave a task back that it had not started: it waits again, or ends if it was to end."""
    assignment = current(node, report.number, report.attempt)
    if assignment is not None:
        take_back(state, assignment, at, decisions)


def on_node_tasks_lost(state: ShardState, node: NodeState, at: int, decisions: Decisions) -> None:
    """Nothing of the node runs any more: what it was given waits again, or ends if it was to end."""
    for assignment in list(node.assignments.values()):
        take_back(state, assignment, at, decisions)


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
            removed = Removed(*_intended(wanted), was, was_blocked=wanted.is_blocked)
            decisions.changes.removed.append(removed)
        else:
            _complete_waiting(state, wanted, was, Exit(None, at, None, ending.failure), decisions)
        on_task_over(state, job, at, decisions)
    elif is_delete:
        decisions.changes.removed.append(Removed(*_intended(wanted), wanted.stored))
    if is_delete and wanted.node in state.nodes:
        decisions.effects.append(RemoveTaskFiles(wanted.node, wanted.job_id, task.id))


def _complete_waiting(
    state: ShardState,
    wanted: IntendedTask,
    was: OnNode,
    never_ran: Exit,
    decisions: Decisions,
) -> None:
    job, task = state.jobs.get(wanted.job), wanted.task
    ended = Completed(
        *(*_intended(wanted), was, *never_ran),
        None,
        task.created,
        satisfies=job is not None and _satisfies(job, task, never_ran),
        was_blocked=wanted.is_blocked,
        retention=task.rules.retention,
    )
    decisions.changes.completed.append(ended)
    if wanted.node in state.nodes:
        retention.note(state.nodes[wanted.node], ended.files_until, decisions)
    if job is not None:
        on_exit(state, job, task, never_ran, decisions)


def _satisfies(job: JobState, task: QueuedTask, exit_: Exit) -> bool:
    return job.rules.uses_dependencies and exits.satisfies(task.rules, exit_)


def take_back(
    state: ShardState,
    assignment: Assignment,
    at: int,
    decisions: Decisions,
    never_ran: Requeuing = "returned",
) -> None:
    """The node has the task no more and does not say what became of it. `never_ran` is what is said if it has
    not begun."""
    unseen = Exit(assignment.started, at, None, None)
    if assignment.ending is not None:
        _end_as_wanted(state, assignment, assignment.ending, unseen, decisions)
    else:
        why = never_ran if assignment.started is None else "recovery"
        _requeue(state, assignment, why, unseen, decisions)


def _end_as_wanted(
    state: ShardState,
    assignment: Assignment,
    ending: Ending,
    exit_: Exit,
    decisions: Decisions,
) -> None:
    """Do with a task that the node has no more what was to become of it."""
    if exit_.started is None and not ending.of_task:
        _requeue(state, assignment, "returned", exit_, decisions)
    elif ending.then == "requeue":
        _requeue(state, assignment, "requeue" if ending.counts else "recovery", exit_, decisions)
    elif ending.then == "remove":
        _remove(state, assignment, exit_, decisions)
    else:
        ended = Exit(exit_.started, exit_.ended, None, ending.failure, used=exit_.used)
        _complete(state, assignment, ended, decisions)


def _stands(ending: Ending, exit_: Exit) -> bool:
    """Whether the task is completed as its run ended: it was to be, or it has come to a good end before it
    could be ended for the sake of its node."""
    return ending.then == "complete" or (ending.then == "requeue" and result(*exit_[2:4]) == "success")


def is_retried(job: JobState, task: QueuedTask, exit_code: int | None) -> bool:
    """Whether a run of the task that ends so is followed by another one. Its node goes by what it was told
    before: a run that left its output files to the next one (`withheld`) has to have a next one."""
    return not job.is_ending and retries.may_follow(exit_code, task.rules.max_retries, task.retries)


def _totals(node: NodeState, decisions: Decisions) -> NodeTasks:
    return decisions.changes.node_tasks.setdefault(node.number, NodeTasks(node.number))


def _note_run(node: NodeState, ran: int) -> None:
    """The pace is a running mean that follows quickly: it decides how far ahead the node is fed."""
    node.ran += max(ran, 0)
    node.pace = max(ran, 1) if node.pace >= 1_000_000_000 else (3 * node.pace + max(ran, 1)) // 4


def _was(decisions: Decisions, task: int, was: OnNode) -> OnNode:
    """The stored state of a task; decisions of this batch about it are superseded."""
    requeued = decisions.changes.requeued.pop(task, None)
    if requeued is not None:
        was = requeued.was
    started = decisions.changes.started.pop(task, None)
    return was if started is None else started.was


def _stored(assignment: Assignment, decisions: Decisions) -> OnNode:
    was: OnNode = "running"
    if assignment.started is None:
        was = "preparing" if assignment.is_preparing else "active"
    return _was(decisions, assignment.task.number, was)


def _is_of_task(ending: Ending | None, exit_: Exit) -> bool:
    """Whether it has not been ended for the sake of its job or node, which says nothing about the task."""
    return ending is None or ending.of_task or exit_.failure != ending.failure


def _complete(state: ShardState, assignment: Assignment, exit_: Exit, decisions: Decisions) -> None:
    was = _stored(assignment, decisions)
    release(state, assignment)
    node = None if exit_.started is None else assignment.node.id
    task, job = assignment.task, assignment.job
    completed = Completed(
        *(*_named(assignment), was, *exit_),
        node,
        task.created,
        satisfies=_satisfies(job, task, exit_),
        retention=task.rules.retention,
    )
    decisions.changes.completed.append(completed)
    if exit_.started is not None:
        retention.note(assignment.node, completed.files_until, decisions)
        totals = _totals(assignment.node, decisions)
        totals.ran += 1
        totals.succeeded += completed.succeeded
    if _is_of_task(assignment.ending, exit_):
        on_exit(state, job, task, exit_, decisions)
    on_task_over(state, job.number, exit_.ended, decisions)


def _remove(state: ShardState, assignment: Assignment, exit_: Exit, decisions: Decisions) -> None:
    was = _stored(assignment, decisions)
    release(state, assignment)
    removed = Removed(*_named(assignment), was, exit_.wall_time, exit_.used)
    decisions.changes.removed.append(removed)
    decisions.effects.append(RemoveTaskFiles(assignment.node.id, assignment.job.id, assignment.task.id))
    on_task_over(state, assignment.job.number, exit_.ended, decisions)


def _retry(state: ShardState, assignment: Assignment, exit_: Exit, decisions: Decisions) -> None:
    """A task that pauses waits in the store, not here."""
    task = assignment.task
    pause = retries.pause(task.rules.max_retries, task.retries)
    waiting = _release_to_wait(state, assignment, "retry", exit_, decisions)
    if pause:
        decisions.changes.paused.append(Paused(RETRY, task.number, pause))
        on_task_off_node(state, assignment.job, exit_.ended, decisions)
    else:
        on_task_waits(state, assignment.job, waiting, exit_.ended, decisions)


def _requeue(
    state: ShardState,
    assignment: Assignment,
    why: Requeuing,
    exit_: Exit,
    decisions: Decisions,
) -> None:
    waiting = _release_to_wait(state, assignment, why, exit_, decisions)
    on_task_waits(state, assignment.job, waiting, exit_.ended, decisions)


def _release_to_wait(
    state: ShardState,
    assignment: Assignment,
    why: Requeuing,
    exit_: Exit,
    decisions: Decisions,
) -> QueuedTask:
    """The task as it waits from now on."""
    task = assignment.task
    was = _stored(assignment, decisions)
    if why == "returned" and was == "preparing":
        why = "unprepared"
    release(state, assignment)
    decisions.changes.requeued[task.number] = Requeued(
        *_named(assignment),
        was,
        why,
        exit_.ended,
        exit_.started,
        assignment.node.id,
        exit_.wall_time,
        exit_.used,
    )
    return replace(
        task,
        attempt=assignment.attempt,
        retries=task.retries + (why == "retry"),
        requeues=task.requeues + (why == "requeue"),
        node=None if exit_.started is None else assignment.node.id,
    )


def _named(assignment: Assignment) -> tuple[int, int, int, str, str]:
    """What every change of a task begins with."""
    task, job = assignment.task, assignment.job
    return task.number, job.number, task.counted_slots, task.id, job.id


def _intended(wanted: IntendedTask) -> tuple[int, int, int, str, str]:
    """The same of a task that is on no node."""
    return wanted.task.number, wanted.job, wanted.task.counted_slots, wanted.task.id, wanted.job_id


def _forget_waiting(state: ShardState, job: int, task: QueuedTask) -> None:
    if job in state.jobs:
        for lane, window in state.jobs[job].windows.items():
            if lane == task.lane or (lane.is_of_managers and task.is_manager):
                window.discard(task.number)
