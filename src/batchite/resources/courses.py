"""How a task came to where it is: when it was added, given to a node, taken up there, and over.

Only the present attempt is told; what came of earlier ones stands in the counts of retries and requeues.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from batchite.resources.tasks import TaskRow, has_run
from batchite.wire.ticks import Duration, Timestamp

StepName = Literal["added", "retried", "requeued", "assigned", "started", "staged", "ended"]


class Step(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """`assigned`: the node has it. `started`: the node has taken it up, and fetches its files. `staged`: they
    are there, so the command runs; a task without resource files has no such step."""

    step: StepName
    time: Timestamp
    duration: Duration | None = None
    """since the step before"""


def course(task: TaskRow) -> list[Step]:
    """The steps that it has come to and of which the time is known."""
    steps: list[Step] = []
    before: int | None = None
    for name, at in _reached(task):
        steps.append(Step(name, Timestamp(at), None if before is None else Duration(at - before)))
        before = at
    return steps


def _reached(task: TaskRow) -> Iterator[tuple[StepName, int]]:
    yield "added", task.created
    again: tuple[tuple[StepName, int | None], ...] = (
        ("retried", task.last_retry),
        ("requeued", task.last_requeue),
    )
    yield from sorted(((name, at) for name, at in again if at is not None), key=lambda step: step[1])
    is_over = task.state == "completed"
    of_attempt: tuple[tuple[StepName, int | None], ...] = (
        ("assigned", task.assigned),
        ("started", task.started if has_run(task) else None),
        ("staged", task.staged if is_over else None),
        ("ended", task.ended if is_over else None),
    )
    yield from ((name, at) for name, at in of_attempt if at is not None)
