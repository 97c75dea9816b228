"""Everything that is said of a job is kept and shown again, but for secrets."""

import copy
from typing import Any

import pytest
from azure.batch import models
from tests.batch.jobs.whole import JOB, OTHER_JOB, PAST_JOB
from tests.batch.service import VERSION, Api
from tests.batch.whole import SECRET, for_the_client, lowered, unsaid, without_secrets

from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.versions import NEWEST, OLDER

POOL = "poolInfo.autoPoolSpecification.pool."


def test_the_jobs_say_everything() -> None:
    left_out = unsaid(BatchJobCreateOptions, [JOB, OTHER_JOB])
    assert {name for name in left_out if not name.startswith(POOL)} == set()


@pytest.mark.parametrize("job", [JOB, OTHER_JOB], ids=["auto pool", "pool"])
async def test_all_of_it_comes_back(api: Api, job: dict[str, Any]) -> None:
    added = await api.post("/jobs", job)
    assert added.status == 201, added.message
    shown = (await api.get("/jobs/whole")).json
    assert {name: shown.get(name) for name in job} == without_secrets(job)
    listed = (await api.get("/jobs")).json["value"][0]
    assert listed == {name: value for name, value in shown.items() if name != "odata.metadata"}


async def test_secrets_are_not_stored(api: Api) -> None:
    assert (await api.post("/jobs", JOB)).status == 201
    assert SECRET not in str(await api.content())
    for verb in ("PUT", "PATCH"):
        answer = await api.raw(verb, f"/jobs/whole?{VERSION}", {"poolInfo": JOB["poolInfo"]})
        assert answer.status == 200, answer.message
        assert SECRET not in str(await api.content())


async def test_all_of_it_comes_back_to_the_official_client(api: Api) -> None:
    body = for_the_client(JOB)
    async with api.async_client() as client:
        await client.create_job(models.BatchJobCreateOptions(copy.deepcopy(body)))
        job = await client.get_job("whole")
    sent = without_secrets(body)
    assert {name: job.as_dict().get(name) for name in sent} == sent


async def test_all_of_it_comes_back_in_every_version(api: Api) -> None:
    for version in (*OLDER, NEWEST):
        id = f"of-{version}".replace(".", "-")
        whole = {**(JOB if version == NEWEST else PAST_JOB), "id": id}
        body = lowered(BatchJobCreateOptions, whole, version)
        added = await api.raw("POST", f"/jobs?api-version={version}", body)
        assert added.status == 201, (version, added.body)
        shown = (await api.raw("GET", f"/jobs/{id}?api-version={version}")).json
        assert {name: shown.get(name) for name in body} == without_secrets(body), version
