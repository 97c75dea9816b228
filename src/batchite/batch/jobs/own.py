"""Endpoints of ours about jobs."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from msgspec import UNSET
from starlette.responses import Response

from batchite.batch import refusals
from batchite.batch.acting import Acting
from batchite.batch.jobs import actions
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.services import Services
from batchite.resources.causes import CauseRow
from batchite.resources.showing import given
from batchite.resources.usage import JobSums, of_jobs
from batchite.wire.batch import codec
from batchite.wire.batch.models.fields import Given, Model
from batchite.wire.batch.models.statistics import BatchJobStatistics
from batchite.wire.ticks import Duration, Timestamp


class FailureCause(Model, frozen=True, kw_only=True):
    """`count` tasks failed for the same reason; `line` is what the first of them printed last, or what its
    failure says. The rest, of jobs with very many causes, has neither code nor line."""

    cause: str
    count: int
    latest_time: Timestamp
    category: Given[str] = UNSET
    code: Given[str] = UNSET
    exit_code: Given[int] = UNSET
    line: Given[str] = UNSET


class JobFailures(Model, frozen=True, kw_only=True):
    """Of a job, the most frequent first; `count` is the sum."""

    job_id: str
    count: int
    causes: tuple[FailureCause, ...]


class JobStatistics(BatchJobStatistics, frozen=True, kw_only=True):
    """As the API has them, and `slotTime`: the time of all runs by the slots that each of them took."""

    job_id: str
    slot_time: Duration


def shown(row: CauseRow) -> FailureCause:
    return FailureCause(
        cause=row.cause,
        count=row.tasks,
        latest_time=Timestamp(row.latest),
        category=given(row.category),
        code=given(row.code),
        exit_code=given(row.exit_code),
        line=row.line or UNSET,
    )


def endpoints(services: Services) -> Sequence[Endpoint]:
    async def failures(call: OwnCall) -> Response:
        """The failed tasks of the job, grouped by cause."""
        acting = Acting(services, call.account.name, call.now)
        job, rows = await actions.failures(acting, call.params["jobId"])
        body = JobFailures(
            job_id=job.id, count=sum(row.tasks for row in rows), causes=tuple(map(shown, rows))
        )
        headers = refusals.answer_headers(call.request)
        return Response(codec.encode(body), 200, headers, refusals.CONTENT_TYPE)

    async def stats(call: OwnCall) -> Response:
        """What the job's tasks have used."""
        acting = Acting(services, call.account.name, call.now)
        job = await actions.find(acting, call.params["jobId"])
        sums = (await actions.sums(acting, [job])).get(job.job_no, JobSums())
        url = f"{call.request.base_url}/-/jobs/{quote(job.id, safe='')}/stats"
        known = of_jobs(sums, url, job.created, acting.now)
        of_job = {name: getattr(known, name) for name in known.__struct_fields__}
        body = JobStatistics(job_id=job.id, slot_time=Duration(sums.slot_time), **of_job)
        headers = refusals.answer_headers(call.request)
        return Response(codec.encode(body), 200, headers, refusals.CONTENT_TYPE)

    return (
        Endpoint("GET", "/-/jobs/{jobId}/failures", failures),
        Endpoint("GET", "/-/jobs/{jobId}/stats", stats),
    )
