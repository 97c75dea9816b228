"""What of jobs needs attention: tasks that failed lately, each cause once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from batchite.batch.acting import Acting
from batchite.batch.jobs import actions
from batchite.portal.visit import Visit, address
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
    """In all accounts that whoever looks may see, the latest first."""
    found: list[Failed] = []
    for account in visit.batch_accounts:
        acting = Acting(visit.services, account.name, visit.now)
        for row in await actions.latest_failures(acting, MOST):
            query, job = f"cause:{row.cause}", ("batch", account.name, "jobs", row.job_id)
            found.append(
                Failed(
                    job_id=row.job_id,
                    count=row.tasks,
                    code=row.code,
                    exit_code=row.exit_code,
                    line=row.line,
                    ended=Timestamp(row.latest),
                    job=address(*job),
                    tasks=address(*job, q=query),
                    newest=address(*job, "newest", q=query),
                )
            )
    return sorted(found, key=lambda failed: failed.ended.ticks, reverse=True)[:MOST]
