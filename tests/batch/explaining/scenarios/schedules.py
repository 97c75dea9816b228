"""Situations of job schedules: when they make jobs."""

from __future__ import annotations

from tests.batch.explaining.scenarios.base import LATER, Scenarios, giving
from tests.batch.service import Api

from batchite.resources.rules import ScheduleRules, encode
from batchite.scheduling import reasons
from batchite.store.batch import schema

SCENARIOS: Scenarios = {}
gives = giving(SCENARIOS)


async def a_schedule(api: Api, **columns: object) -> str:
    body = {"id": "s", "schedule": {}, "jobSpecification": {"poolInfo": {"poolId": "pool"}}}
    assert (await api.post("/jobschedules", body)).status == 201
    if columns:
        await api.update(schema.job_schedules, **columns)
    return "/jobschedules/s"


async def its_job(api: Api) -> None:
    await api.add_job()
    await api.update(schema.jobs, schedule_no=1)


@gives(reasons.ScheduleDue)
async def _(api: Api) -> str:
    return await a_schedule(api)


@gives(reasons.ScheduleWaits)
async def _(api: Api) -> str:
    return await a_schedule(api, next_run=LATER)


@gives(reasons.ScheduleWaitsForJob)
async def _(api: Api) -> str:
    await its_job(api)
    return await a_schedule(api)


@gives(reasons.ScheduleJobActive)
async def _(api: Api) -> str:
    await its_job(api)
    return await a_schedule(api, next_run=LATER)


@gives(reasons.ScheduleDisabled)
async def _(api: Api) -> str:
    return await a_schedule(api, state="disabled")


@gives(reasons.ScheduleMakesNoMore)
async def _(api: Api) -> str:
    rules = ScheduleRules(do_not_run_after=LATER, recurrence_interval=1)
    return await a_schedule(api, next_run=None, rules=encode(rules))


@gives(reasons.ScheduleEnding)
async def _(api: Api) -> str:
    return await a_schedule(api, state="terminating")


@gives(reasons.ScheduleCompleted)
async def _(api: Api) -> str:
    return await a_schedule(api, state="completed", jobs_made=3)
