"""What of jobs needs attention: tasks that failed lately, each cause once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchite.batch.jobs import actions
from batchite.batch.jobs.actions import JobCauseRow
from batchite.portal.visit import Visit
from batchite.wire.ticks import Timestamp

MOST = 8
"""causes"""


@dataclass(frozen=True, slots=True)
class Failed:
    """Tasks of a job that failed for the same cause; `tasks` and `newest` are URLs."""

    job_id: str
    count: int
    code: str | None
    exit_code: int | None
    line: str
    ended: Timestamp
    job: str
    tasks: str
    newest: str


async def lately(visit: Visit) -> Sequence[Failed]:
    """In the account that is looked at, the latest first."""
    return [_failed(visit, row) for row in await actions.latest_failures(visit.acting, MOST)]


def _failed(visit: Visit, row: JobCauseRow) -> Failed:
    query = f"cause:{row.cause}"
    return Failed(
        job_id=row.job_id,
        count=row.tasks,
        code=row.code,
        exit_code=row.exit_code,
        line=row.line,
        ended=Timestamp(row.latest),
        job=visit.url("jobs", row.job_id),
        tasks=visit.url("jobs", row.job_id, q=query),
        newest=visit.url("jobs", row.job_id, "newest", q=query),
    )
