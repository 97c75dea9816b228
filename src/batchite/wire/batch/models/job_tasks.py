"""The tasks that belong to a job itself: manager, preparation, release."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.commands import CommandShape, TaskShape
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.task_rules import BatchTaskConstraints
from batchite.wire.ticks import Duration


class BatchJobManagerTask(TaskShape, frozen=True, kw_only=True):
    """A task that steers its job and is started with it."""

    kill_job_on_completion: Maybe[bool] = UNSET
    run_exclusive: Maybe[bool] = UNSET
    allow_low_priority_node: Maybe[bool] = UNSET


class BatchJobPreparationTask(CommandShape, frozen=True, kw_only=True):
    """Runs once per node before the first task of the job there."""

    id: Maybe[str] = UNSET
    constraints: Maybe[BatchTaskConstraints] = UNSET
    wait_for_success: Maybe[bool] = UNSET
    rerun_on_node_reboot_after_success: Maybe[bool] = UNSET


class BatchJobReleaseTask(CommandShape, frozen=True, kw_only=True):
    """Runs on the nodes of a job when the job ends."""

    id: Maybe[str] = UNSET
    max_wall_clock_time: Maybe[Duration] = UNSET
    retention_time: Maybe[Duration] = UNSET
