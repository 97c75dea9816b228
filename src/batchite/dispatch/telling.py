"""What clients see of the reactor's changes, as the feed keeps it.

A run of a task that is over before its start was stored by itself is told with its start: of every run
there are two changes.
"""

from __future__ import annotations

from batchite.resources.feed import (
    NodeChanged,
    TaskCompleted,
    TaskDeleted,
    TaskRequeued,
    TaskStarted,
    Telling,
)
from batchite.scheduling.changes import Changes, Completed, NodeMoved, Requeued, Started
from batchite.wire.batch.outcome import shortened


def tell_tasks(telling: Telling, changes: Changes, now: int) -> None:
    """In the order in which they are written."""
    for started in changes.started.values():
        _started(telling, started, started.started, started.node_id)
    for completed in changes.completed:
        _completed(telling, completed)
    for requeued in changes.requeued.values():
        _requeued(telling, requeued)
    for removed in changes.removed:
        was = removed.was if removed.was in ("active", "running") else "completed"
        telling.add(TaskDeleted(telling.name(removed.job_id), removed.id, now, was))


def _started(telling: Telling, task: Started | Completed | Requeued, at: int, node: str) -> None:
    telling.add(TaskStarted(telling.name(task.job_id), task.id, at, telling.name(node)))


def _completed(telling: Telling, task: Completed) -> None:
    node = task.node_id
    if task.was == "active" and task.started is not None and node is not None:
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
    """What never ran was active all the time."""
    if task.started is None:
        return
    if task.was == "active":
        _started(telling, task, task.started, task.node_id)
    telling.add(TaskRequeued(telling.name(task.job_id), task.id, task.at, task.why))


def tell_nodes(telling: Telling, changes: Changes) -> None:
    """Of those that were there already."""
    for changed in changes.node_changed:
        _node(telling, changed, changed.phase)
    for sent in changes.node_sent_home:
        if sent.was != "creating":
            _node(telling, sent, "creating")
    for removed in changes.node_removed:
        _node(telling, removed, "deleted")


def _node(telling: Telling, node: NodeMoved, state: str) -> None:
    pool = telling.name(node.pool_id)
    telling.add(NodeChanged(pool, telling.name(node.id), node.at, state, node.was))
