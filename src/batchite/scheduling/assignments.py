"""Giving a task to a node, ending it there, and taking it back."""

from __future__ import annotations

from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndRun, RecallTask
from batchite.scheduling.ending import Ending
from batchite.scheduling.state import Assignment, JobState, NodeState, ShardState
from batchite.scheduling.windows import QueuedTask


def assign(
    state: ShardState,
    job: JobState,
    node: NodeState,
    task: QueuedTask,
    attempt: int,
    *,
    started: int | None = None,
    ending: Ending | None = None,
) -> Assignment:
    """The node has the task from now on, in this attempt; its slots are taken."""
    assignment = Assignment(task, job, node, attempt, started, ending=ending)
    state.assignments[task.number] = assignment
    job.assignments[task.number] = assignment
    node.assignments[task.number] = assignment
    node.used += task.slots
    node.is_taken = node.is_taken or _runs_alone(task)
    return assignment


def current(node: NodeState, task: int, attempt: int) -> Assignment | None:
    """The node's assignment of that task, unless the attempt is an old one."""
    assignment = node.assignments.get(task)
    return assignment if assignment is not None and assignment.attempt == attempt else None


def end(assignment: Assignment, ending: Ending, decisions: Decisions) -> None:
    """Have the node end the task. What was asked first stays, unless the new wish overrides it."""
    if assignment.ending is not None and not ending.overrides(assignment.ending):
        return
    assignment.ending = ending
    resend_end(assignment, decisions)


def resend_end(assignment: Assignment, decisions: Decisions) -> None:
    """Tell the node again, if there is anything to tell: it may not have heard."""
    ending = assignment.ending
    if ending is not None:
        of = assignment.node.id, assignment.task.number, assignment.attempt
        decisions.effects.append(EndRun(*of, ending.failure, ending.notice))


def recall(assignment: Assignment, decisions: Decisions) -> None:
    """Fetch the task back if it still waits on its node. What has begun meanwhile the node keeps."""
    if assignment.started is None and assignment.ending is None and not assignment.recalled:
        assignment.recalled = True
        of = assignment.node.id, assignment.task.number, assignment.attempt
        decisions.effects.append(RecallTask(*of))


def release(state: ShardState, assignment: Assignment) -> None:
    """Forget the assignment and free its slots."""
    number = assignment.task.number
    del state.assignments[number]
    del assignment.job.assignments[number]
    del assignment.node.assignments[number]
    assignment.node.used -= assignment.task.slots
    if _runs_alone(assignment.task):
        assignment.node.is_taken = False


def _runs_alone(task: QueuedTask) -> bool:
    return task.rules.manager is not None and task.rules.manager.runs_alone
