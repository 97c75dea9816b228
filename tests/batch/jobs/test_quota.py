"""How many jobs and job schedules an account may have that are not completed."""

from __future__ import annotations

import asyncio

import msgspec
import pytest
from azure.batch import models
from azure.core.exceptions import HttpResponseError
from tests.batch.service import VERSION, Answer, Api, serving

from batchite.configuration.accounts import DEVELOPMENT_ACCOUNTS, Accounts
from batchite.store.batch import schema
from batchite.store.database import Database

(ACCOUNT,) = DEVELOPMENT_ACCOUNTS.batch
TWO = Accounts((msgspec.structs.replace(ACCOUNT, job_quota=2),), DEVELOPMENT_ACCOUNTS.storage)
REACHED = (409, "ActiveJobAndScheduleQuotaReached")


async def add_schedule(api: Api, id: str) -> Answer:
    spec = {"poolInfo": {"poolId": "pool"}}
    return await api.post("/jobschedules", {"id": id, "schedule": {}, "jobSpecification": spec})


async def test_jobs_and_schedules_that_are_not_completed_count_together(database: Database) -> None:
    async with serving(database, accounts=TWO) as api:
        assert (await add_schedule(api, "nightly")).status == 201
        assert (await api.add_job("a")).status == 201
        before = await api.content()
        refused = await api.add_job("b", jobManagerTask={"id": "m", "commandLine": "c"})
        assert refused.error == REACHED
        assert "Terminate or delete some" in refused.message
        assert {"key": "MaxLimit", "value": "2"} in refused.json["values"]
        assert (await add_schedule(api, "weekly")).error == REACHED
        assert (await api.add_job("A")).error == (409, "JobExists")
        assert (await add_schedule(api, "Nightly")).error == (409, "JobScheduleExists")
        assert await api.content() == before
        for state in ("disabled", "deleting"):
            for table in (schema.jobs, schema.job_schedules):
                await api.update(table, state=state)
            assert (await api.add_job("b")).error == REACHED
        await api.update(schema.jobs, state="completed")
        assert (await api.add_job("b")).status == 201
        assert (await add_schedule(api, "weekly")).error == REACHED
        await api.update(schema.job_schedules, state="completed")
        assert (await add_schedule(api, "weekly")).status == 201


async def test_a_quota_that_was_lowered_ends_nothing(database: Database) -> None:
    async with serving(database) as api:
        for name in ("a", "b", "c"):
            assert (await api.add_job(name)).status == 201
    async with serving(database, accounts=TWO) as api:
        assert (await api.add_job("d")).error == REACHED
        assert (await api.raw("PATCH", f"/jobs/a?{VERSION}", {"priority": 1})).status == 200
        assert (await api.get("/jobs/c")).json["state"] == "active"


async def test_the_official_client_hears_of_it(database: Database) -> None:
    def program(api: Api) -> None:
        pool = models.BatchPoolInfo(pool_id="pool")
        with api.client() as client:
            for name in ("a", "b"):
                client.create_job(models.BatchJobCreateOptions(id=name, pool_info=pool))
            with pytest.raises(HttpResponseError, match="ActiveJobAndScheduleQuotaReached"):
                client.create_job(models.BatchJobCreateOptions(id="c", pool_info=pool))

    async with serving(database, accounts=TWO) as api:
        await asyncio.to_thread(program, api)
