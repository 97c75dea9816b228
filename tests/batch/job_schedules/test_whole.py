"""Everything that is said of a job schedule is kept and shown again, but for secrets."""

import copy
from typing import Any

import pytest
from azure.batch import models
from tests.batch.job_schedules.conftest import World
from tests.batch.job_schedules.whole import OTHER_SCHEDULE, PAST_SCHEDULE, SCHEDULE
from tests.batch.service import VERSION, Api
from tests.batch.whole import SECRET, for_the_client, lowered, unsaid, without_secrets

from batchite.wire.batch.models.job_schedules import BatchJobScheduleCreateOptions
from batchite.wire.batch.versions import NEWEST, OLDER

POOL = "jobSpecification.poolInfo.autoPoolSpecification.pool."


def test_the_schedules_say_everything() -> None:
    left_out = unsaid(BatchJobScheduleCreateOptions, [SCHEDULE, OTHER_SCHEDULE])
    assert {name for name in left_out if not name.startswith(POOL)} == set()


@pytest.mark.parametrize("schedule", [SCHEDULE, OTHER_SCHEDULE], ids=["auto pool", "pool"])
async def test_all_of_it_comes_back(api: Api, schedule: dict[str, Any]) -> None:
    added = await api.post("/jobschedules", schedule)
    assert added.status == 201, added.message
    shown = (await api.get("/jobschedules/whole")).json
    assert {name: shown.get(name) for name in schedule} == without_secrets(schedule)
    listed = (await api.get("/jobschedules")).json["value"][0]
    assert listed == {name: value for name, value in shown.items() if name != "odata.metadata"}


async def test_secrets_are_not_stored(api: Api) -> None:
    assert (await api.post("/jobschedules", SCHEDULE)).status == 201
    assert SECRET not in str(await api.content())
    change = {name: SCHEDULE[name] for name in ("schedule", "jobSpecification", "metadata")}
    for verb in ("PUT", "PATCH"):
        answer = await api.raw(verb, f"/jobschedules/whole?{VERSION}", change)
        assert answer.status == 200, answer.message
        assert SECRET not in str(await api.content())


@pytest.mark.parametrize("schedule", [SCHEDULE, OTHER_SCHEDULE], ids=["auto pool", "pool"])
async def test_its_jobs_are_made_of_all_of_it(world: World, schedule: dict[str, Any]) -> None:
    said = without_secrets(schedule["jobSpecification"])
    added = await world.add("whole", jobSpecification=schedule["jobSpecification"])
    assert added.status == 201, added.message
    job = (await world.api.get("/jobs/whole:job-1")).json
    assert {name: job.get(name) for name in said} == said
    assert (await world.api.get("/jobschedules/whole/jobs")).json["value"][0]["id"] == job["id"]
    assert SECRET not in str(await world.api.content())


async def test_all_of_it_comes_back_to_the_official_client(api: Api) -> None:
    body = for_the_client(SCHEDULE)
    async with api.async_client() as client:
        await client.create_job_schedule(models.BatchJobScheduleCreateOptions(copy.deepcopy(body)))
        schedule = await client.get_job_schedule("whole")
    sent = without_secrets(body)
    assert {name: schedule.as_dict().get(name) for name in sent} == sent


async def test_all_of_it_comes_back_in_every_version(api: Api) -> None:
    for version in (*OLDER, NEWEST):
        id = f"of-{version}".replace(".", "-")
        whole = {**(SCHEDULE if version == NEWEST else PAST_SCHEDULE), "id": id}
        body = lowered(BatchJobScheduleCreateOptions, whole, version)
        added = await api.raw("POST", f"/jobschedules?api-version={version}", body)
        assert added.status == 201, (version, added.body)
        answer = await api.raw("GET", f"/jobschedules/{id}?api-version={version}")
        assert answer.status == 200, (version, answer)
        shown = answer.json
        assert {name: shown.get(name) for name in body} == without_secrets(body), version
