"""What a task waits for that depends on others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import sqlalchemy as sa

from batchite.batch.explaining import failures
from batchite.resources import states
from batchite.resources.dependencies import Range, range_of
from batchite.resources.keys import folded
from batchite.resources.tasks import TaskRow
from batchite.scheduling import reasons
from batchite.scheduling.explaining import Finding
from batchite.store.batch import circles, dependencies, satisfied
from batchite.store.batch import tasks as stored_tasks

MOST = 10
"""Things that are told of those that it waits for."""


def why(connection: sa.Connection, job: int, task: TaskRow) -> Iterator[Finding]:
    """One finding at least; what it waits for first comes first."""
    words = dependencies.left(task.awaits, task.dependencies)
    circle = circles.circle(connection, job, task.id)
    own = _own(task, words) if len(circle) == 1 else None
    if own is not None:
        yield Finding(own, True)
    elif circle:
        yield Finding(reasons.DependencyCircle(_shown(circle)), True)
    unmet = satisfied.unmet(connection, job, words, MOST)
    for word in unmet:
        if (reason := _of(connection, job, task, word)) != own:
            yield Finding(reason, True)
    if not unmet:
        yield Finding(reasons.TaskReleased(), False)


def _own(task: TaskRow, words: Sequence[str]) -> reasons.Reason:
    """Of a task that waits for itself."""
    if folded(task.id) in words:
        return reasons.DependencyOnItself()
    ranges = (wanted for word in words if (wanted := range_of(word)) is not None)
    return reasons.DependencyOnItself(next((_told(one) for one in ranges if one.has(task.id)), ""))


def _told(wanted: Range) -> str:
    return f"{wanted.first} to {wanted.last}"


def _shown(circle: tuple[str, ...]) -> str:
    """At most `MOST` of them, and that it closes."""
    told = circle if len(circle) <= MOST else (*circle[: MOST - 1], "...", circle[-1])
    return ", ".join((*told, circle[0]))


def _of(connection: sa.Connection, job: int, task: TaskRow, word: str) -> reasons.Reason:
    wanted, key, told = range_of(word), word, ""
    if wanted is not None:
        missing = satisfied.highest_missing(connection, job, wanted)
        key, told = str(missing), _told(wanted)
    parent = stored_tasks.find(connection, job, key)
    if parent is None and wanted is not None:
        parent = dependencies.of_number(connection, job, int(key))
    if parent is None:
        return reasons.DependencyMissing(key, told)
    if parent.task_no == task.task_no:
        return reasons.DependencyOnItself(told)
    if parent.state == "completed":
        return reasons.DependencyFailed(parent.id, parent.exit_code or None, told, failures.said(parent))
    return reasons.DependencyUnfinished(parent.id, states.shown(parent.state).value, told)
