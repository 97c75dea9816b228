"""The manager task of a job: an ordinary task that is added with the job, and has rules of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict, replace

from batchite.resources import ranks, tasks
from batchite.resources.rules import ManagerRules, TaskRules, encode
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions

_OF_MANAGERS = ("kill_job_on_completion", "run_exclusive", "allow_low_priority_node")


def row(job: BatchJobCreateOptions, now: int) -> Mapping[str, Any] | None:
    """Of the manager task of an accepted job, but for the number of that, which the store gives; None if it
    has none."""
    manager = job.job_manager_task
    if not manager:
        return None
    given = asdict(manager)
    for name in _OF_MANAGERS:
        del given[name]
    task = BatchTaskCreateOptions(**given)
    rules = replace(TaskRules.of(task), manager=ManagerRules.of(manager))
    depends = bool(job.uses_task_dependencies)
    made = tasks.row(task, 0, now, uses_dependencies=depends, rank=ranks.OF_MANAGER)
    return {**made, "rules": encode(rules)}
