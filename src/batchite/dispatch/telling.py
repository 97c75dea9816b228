"""What clients see of the reactor's changes, as the feed keeps it.

A run of a task that is over before its start was stored by itself is told with its start: of every run
there are two changes.
"""

from __future__ import annotations

from batchite.resources.feed import (
    JobTaskChanged,
    NodeChanged,
    TaskCompleted,
    TaskDeleted,
    TaskPreparing,
    TaskRequeued,
    TaskStarted,
    Telling,
)
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.nodes import NodeMoved, NodeReset, NodeRested
from batchite.scheduling.changes.tasks import Completed, Requeued, Started
from batchite.wire.batch.outcome import shortened


def tell_tasks(telling: Telling, changes: Changes, now: int) -> None:
    """In the order in which they are written, but for what is given to nodes: that comes last."""
    for started in changes.started.values():
        _started(telling, started, started.started, started.node_id)
    for completed in changes.completed:
        _completed(telling, completed)
    for requeued in changes.requeued.values():
        _requeued(telling, requeued)
    for removed in changes.removed:
        was = "completed" if removed.was in ("succeeded", "failed") else removed.was
        telling.add(TaskDeleted(telling.name(removed.job_id), removed.id, now, was))
    for preparing in changes.preparing:
        node = telling.name(preparing.node_id)
        telling.add(TaskPreparing(telling.name(preparing.job_id), preparing.id, now, node))


def tell_job_tasks(telling: Telling, changes: Changes) -> None:
    """Before tasks: those that have waited for a preparation begin after it."""
    for task, found in (("preparation", changes.preparation_changed), ("release", changes.release_changed)):
        for one in found:
            telling.add(
                JobTaskChanged(
                    task,
                    telling.name(one.job_id),
                    telling.name(one.node_id),
                    one.started if one.ended is None else one.ended,
                    one.state,
                    one.exit_code,
                    None if one.failure is None else shortened(one.failure.code),
                )
            )


def _started(telling: Telling, task: Started | Completed | Requeued, at: int, node: str) -> None:
    telling.add(
        TaskStarted(telling.name(task.job_id), task.id, at, telling.name(node), task.was == "preparing")
    )


def _completed(telling: Telling, task: Completed) -> None:
    node = task.node_id
    if task.was != "running" and task.started is not None and node is not None:
        _started(telling, task, task.started, node)
    telling.add(
        TaskCompleted(
            telling.name(task.job_id),
            task.id,
            task.ended,
            task.previous_state,
            None if node is None else telling.name(node),
            task.exit_code,
            None if task.failure is None else shortened(task.failure.code),
        )
    )


def _requeued(telling: Telling, task: Requeued) -> None:
    """What never ran was active all the time, or has waited for a preparation."""
    if task.started is None and task.was != "preparing":
        return
    was: str = task.was
    if task.started is not None:
        if task.was != "running":
            _started(telling, task, task.started, task.node_id)
        was = "running"
    telling.add(TaskRequeued(telling.name(task.job_id), task.id, task.at, task.why, was))


def tell_nodes(telling: Telling, changes: Changes) -> None:
    """Of those that were there already, but for changes that the store may refuse."""
    anew: list[NodeReset | NodeRested] = [*changes.node_reset, *changes.node_rested]
    for node in anew:
        if node.was != node.phase:
            tell_node(telling, node, node.phase)
    for removed in changes.node_removed:
        tell_node(telling, removed, "deleted")


def tell_node(telling: Telling, node: NodeMoved, state: str) -> None:
    pool = telling.name(node.pool_id)
    telling.add(NodeChanged(pool, telling.name(node.id), node.at, state, node.was))
