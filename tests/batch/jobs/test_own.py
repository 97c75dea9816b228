"""Failed tasks of a job by cause, over HTTP."""

from __future__ import annotations

import sqlalchemy as sa
from tests.batch.service import Api

from batchite.store.batch import schema

ROW = {"category": "usererror", "code": "FailureExitCode", "exit_code": 100}


async def test_failures_by_cause(api: Api) -> None:
    await api.add_job("Job")
    (job_no,) = await api.database.read(lambda c: c.execute(sa.select(schema.jobs.c.job_no)).scalars().all())
    rows = [
        {"job_no": job_no, "cause": "a1", "line": "<b>gone</b>", "tasks": 37, "latest": 20, **ROW},
        {"job_no": job_no, "cause": "b2", "line": "", "tasks": 2, "latest": 10, **ROW},
    ]
    await api.database.write(lambda c: c.execute(sa.insert(schema.failure_causes), rows))
    answer = await api.raw("GET", "/-/jobs/job/failures")
    assert answer.status == 200
    assert (answer.json["jobId"], answer.json["count"]) == ("Job", 39)
    first, second = answer.json["causes"]
    assert (first["cause"], first["count"], first["exitCode"]) == ("a1", 37, 100)
    assert first["line"] == "<b>gone</b>"
    assert first["latestTime"] == "1970-01-01T00:00:00.000002Z"
    assert "line" not in second


async def test_refusals(api: Api) -> None:
    assert (await api.raw("GET", "/-/jobs/job/failures")).error == (404, "JobNotFound")
    assert (await api.raw("GET", "/-/jobs/job/failures", signed=False)).status == 403
    assert (await api.raw("GET", "/-/jobs/job/failures?x=1")).error == (400, "UnsupportedQueryParameter")
