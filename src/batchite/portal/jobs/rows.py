"""A job as a row of a list."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.portal import shares
from batchite.portal.shares import Shares
from batchite.portal.visit import Visit
from batchite.resources.jobs import JobRow, shown
from batchite.wire.batch.models.counts import BatchTaskCounts
from batchite.wire.batch.models.jobs import BatchJob


@dataclass(frozen=True, slots=True)
class JobLine:
    """With its tasks by state."""

    job: BatchJob
    tasks: Shares
    total: int


def job_line(visit: Visit, job: JobRow, counts: BatchTaskCounts) -> JobLine:
    tasks = shares.of_tasks(counts)
    return JobLine(shown(job, visit.url), tasks, shares.total(tasks))
