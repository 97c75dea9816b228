"""What runs on a node, and what ran there last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from batchite.resources import states
from batchite.resources.nodes import RecentTask
from batchite.wire.ticks import Duration, Timestamp


@dataclass(frozen=True, slots=True)
class Ran:
    """A task; `why` says in short why it failed."""

    job_id: str
    id: str
    state: str
    exit_code: int | None
    started: Timestamp | None
    ended: Timestamp | None
    took: Duration | None
    why: str


def recent(tasks: Sequence[RecentTask]) -> Sequence[Ran]:
    """Those that run first, otherwise in their order."""
    return sorted(map(_ran, tasks), key=lambda task: task.state != "running")


def _ran(task: RecentTask) -> Ran:
    started, ended = task.started, task.ended
    failure = msgspec.json.decode(task.failure) if task.failure else {}
    return Ran(
        job_id=task.job_id,
        id=task.id,
        state=states.counted(task.state, task.result),
        exit_code=task.exit_code,
        started=None if started is None else Timestamp(started),
        ended=None if ended is None else Timestamp(ended),
        took=None if started is None or ended is None else Duration(ended - started),
        why=str(failure.get("message", "")),
    )
