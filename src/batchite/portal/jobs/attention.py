"""What of jobs needs attention: tasks that failed lately, each cause once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchite.batch.jobs import actions
from batchite.portal.visit import Visit
from batchite.wire.ticks import Timestamp

MOST = 8
"""causes of an account"""


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
    """In the account of the page, the latest first."""
    return [_failed(visit, row) for row in await actions.latest_failures(visit.acting, MOST)]


def _failed(visit: Visit, row: actions.JobCauseRow) -> Failed:
    query, job = f"cause:{row.cause}", ("jobs", row.job_id)
    return Failed(
        job_id=row.job_id,
        count=row.tasks,
        code=row.code,
        exit_code=row.exit_code,
        line=row.line,
        ended=Timestamp(row.latest),
        job=visit.url(*job),
        tasks=visit.url(*job, q=query),
        newest=visit.url(*job, "newest", q=query),
    )
