"""Failed tasks of a job, counted by their causes."""

from __future__ import annotations

import sqlalchemy as sa

from batchite.resources.causes import CauseRow
from batchite.store.batch.schema import failure_causes

_OF_JOB = (
    sa.select(failure_causes)
    .where(failure_causes.c.job_no == sa.bindparam("job"), failure_causes.c.tasks > 0)
    .order_by(failure_causes.c.tasks.desc(), failure_causes.c.latest.desc(), failure_causes.c.cause)
)


def of_job(connection: sa.Connection, job_no: int) -> list[CauseRow]:
    """The most frequent first; at most `resources.causes.MOST` and the rest."""
    return list(connection.execute(_OF_JOB, {"job": job_no}))
