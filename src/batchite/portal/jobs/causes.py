"""Failed tasks of a job by their cause, as pages show them."""

from __future__ import annotations

from dataclasses import dataclass

from batchite.portal.visit import Visit
from batchite.resources.causes import CauseRow
from batchite.wire.ticks import Timestamp


@dataclass(frozen=True, slots=True)
class Cause:
    """`job`, `tasks` and `newest` are the URLs of the job, of all of these tasks and of the newest."""

    id: str
    job_id: str
    count: int
    code: str | None
    exit_code: int | None
    line: str
    ended: Timestamp
    """when the newest did"""
    job: str
    tasks: str
    newest: str


def of(visit: Visit, job_id: str, row: CauseRow) -> Cause:
    query = f"cause:{row.cause}"
    return Cause(
        id=row.cause,
        job_id=job_id,
        count=row.tasks,
        code=row.code,
        exit_code=row.exit_code,
        line=row.line,
        ended=Timestamp(row.latest),
        job=visit.url("jobs", job_id),
        tasks=visit.url("jobs", job_id, q=query),
        newest=visit.url("jobs", job_id, "newest", q=query),
    )
