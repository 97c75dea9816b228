"""Failed tasks of a job, counted by their causes."""

from __future__ import annotations

from typing import Protocol

import sqlalchemy as sa

from batchite.resources.causes import CauseRow
from batchite.store.batch.schema import failure_causes, jobs

JOBS = 200
"""The newest, in which `latest` looks."""

_OF_JOB = (
    sa.select(failure_causes)
    .where(failure_causes.c.job_no == sa.bindparam("job"), failure_causes.c.tasks > 0)
    .order_by(failure_causes.c.tasks.desc(), failure_causes.c.latest.desc(), failure_causes.c.cause)
)


_LATEST_JOBS = (
    sa.select(jobs.c.job_no, jobs.c.id)
    .where(jobs.c.account == sa.bindparam("owner"), jobs.c.state != "deleting")
    .order_by(jobs.c.job_no.desc())
    .limit(JOBS)
    .subquery()
)
_LATEST = (
    sa.select(failure_causes, _LATEST_JOBS.c.id.label("job_id"))
    .join_from(failure_causes, _LATEST_JOBS, failure_causes.c.job_no == _LATEST_JOBS.c.job_no)
    .where(failure_causes.c.tasks > 0)
    .order_by(failure_causes.c.latest.desc(), failure_causes.c.job_no.desc())
    .limit(sa.bindparam("most"))
)


class JobCauseRow(CauseRow, Protocol):
    """A cause with the job that it is of."""

    job_id: str


def latest(connection: sa.Connection, account: str, most: int) -> list[JobCauseRow]:
    """Those causes of the account's newest jobs of which tasks failed last, the latest first."""
    return list(connection.execute(_LATEST, {"owner": account, "most": most}))


def of_job(connection: sa.Connection, job_no: int) -> list[CauseRow]:
    """The most frequent first; at most `resources.causes.MOST` and the rest."""
    return list(connection.execute(_OF_JOB, {"job": job_no}))
