"""Giving a task to a node, ending it there, and taking it back."""

from __future__ import annotations

from batchite.scheduling.decisions import Decisions
from batchite.scheduling.effects import EndTask
from batchite.scheduling.ending import Ending
from batchite.scheduling.state import Assignment, JobState, NodeState, QueuedTask, ShardState


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
    if assignment.ending is not None:
        decisions.effects.append(
            EndTask(assignment.node.id, assignment.task.number, assignment.attempt, assignment.ending.failure)
        )


def release(state: ShardState, assignment: Assignment) -> None:
    """Forget the assignment and free its slots."""
    number = assignment.task.number
    del state.assignments[number]
    del assignment.job.assignments[number]
    del assignment.node.assignments[number]
    assignment.node.used -= assignment.task.slots
