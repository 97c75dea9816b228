"""Changes of jobs: how they end, rest, and go to other shards."""

from __future__ import annotations

from typing import Literal

import msgspec

from batchite.resources.job_options import DisableOption

ALL_TASKS_COMPLETE = "AllTasksComplete"


class JobTerminating(msgspec.Struct, frozen=True):
    """If the reason is that all tasks are complete, only as long as they are."""

    job: int
    reason: str
    at: int

    @property
    def only_if_done(self) -> bool:
        return self.reason == ALL_TASKS_COMPLETE


class JobDisabling(msgspec.Struct, frozen=True):
    """As long as it is active."""

    job: int
    option: DisableOption
    at: int


class JobDisabled(msgspec.Struct, frozen=True):
    """Nothing of it is on nodes any more."""

    job: int
    at: int


class JobEnabled(msgspec.Struct, frozen=True):
    job: int
    at: int


class JobMoved(msgspec.Struct, frozen=True):
    """To the shard of another pool, whose owner hears of it by an event."""

    job: int
    to: str


class Strayed(msgspec.Struct, frozen=True):
    """An event of a job, or of a task, that is not of the shard: gone, or moved to another."""

    kind: Literal["job", "tasks", "task", "task-changed", "dependants"]
    subject: int


class JobCompleted(msgspec.Struct, frozen=True):
    """Files of its preparation and release are kept on nodes for so many ticks after these have run, and not
    before the job is over; None: for ever, or there are none."""

    job: int
    at: int
    preparation_kept: int | None = None
    release_kept: int | None = None
