"""Changes of what a job's preparation and release do on nodes."""

from __future__ import annotations

from typing import Literal

import msgspec

from batchite.scheduling.state import JobState, NodeState, Release, Standing
from batchite.wire.batch.outcome import Exit, Failure, Result, result

_Ran = tuple[int, str, int, str, Literal["running", "completed"], int, int | None, int | None, Failure | None]


class PreparationWanted(msgspec.Struct, frozen=True):
    """A job's preparation is to run on a node, before a task of the job there."""

    job: int
    node: int
    node_id: str
    pool_id: str
    attempt: int
    reruns: bool


class OfJobTask(msgspec.Struct, frozen=True):
    """How a job's preparation or release runs on a node."""

    job: int
    job_id: str
    node: int
    node_id: str
    state: Literal["running", "completed"]
    started: int
    ended: int | None
    exit_code: int | None
    failure: Failure | None

    @property
    def result(self) -> Result | None:
        return result(self.exit_code, self.failure) if self.state == "completed" else None


def ran(job: JobState, node: NodeState, started: int, exit_: Exit | None) -> _Ran:
    """What every change of how they run begins with; `exit_`: None while it runs."""
    of = job.number, job.id, node.number, node.id
    if exit_ is None:
        return *of, "running", started, None, None, None
    return *of, "completed", started, exit_.ended, exit_.exit_code, exit_.failure


class PreparationChanged(OfJobTask, frozen=True):
    standing: Standing
    has_completed: bool
    attempt: int
    retries: int
    last_retry: int | None
    """None: as before"""


class PreparationRetried(msgspec.Struct, frozen=True):
    """A run has failed and another is to follow: it is shown as running all the while."""

    job: int
    node: int
    attempt: int
    retries: int


class PreparationDropped(msgspec.Struct, frozen=True):
    """It is not wanted any more, and has not begun in its last attempt."""

    job: int
    node: int
    at: int


class NodeUsed(msgspec.Struct, frozen=True):
    """A task of a job has begun to run on a node that is prepared for it."""

    job: int
    node: int


class ReleaseWanted(msgspec.Struct, frozen=True):
    """A job's release is to run on a node."""

    job: int
    node: int
    attempt: int


class ReleaseChanged(OfJobTask, frozen=True):
    @property
    def release(self) -> Release:
        """It is not run again for how it ended."""
        return "wanted" if self.state == "running" else "over"


class ReleaseDropped(msgspec.Struct, frozen=True):
    """A job's release is not to run on a node any more, which cannot."""

    job: int
    node: int
    at: int
