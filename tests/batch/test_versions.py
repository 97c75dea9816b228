"""An older API version, known to these tests only, is lifted to the newest and lowered again."""

from collections.abc import AsyncIterator

import pytest
from tests.batch.service import Api, serving

from batchite.store.database import Database
from batchite.wire.batch.versions.registry import Change, Json, Registry

OLD = "2001-01-01.1.0"


def lift_job(request: Json) -> Json:
    return {("displayName" if name == "title" else name): value for name, value in request.items()}


def lower_job(answer: Json) -> Json:
    return {("title" if name == "displayName" else name): value for name, value in answer.items()}


def lower_jobs(answer: Json) -> Json:
    return {**answer, "value": [lower_job(job) for job in answer["value"]]}


CHANGE = Change(OLD, lift={"Job_Add": lift_job}, lower={"Job_Get": lower_job, "Job_List": lower_jobs})


@pytest.fixture
async def old_api(database: Database) -> AsyncIterator[Api]:
    async with serving(database, known_versions=Registry("2025-06-01", (CHANGE,))) as api:
        yield api


async def test_requests_are_lifted_and_answers_lowered(old_api: Api) -> None:
    body = {"id": "j", "poolInfo": {"poolId": "p"}, "title": "First"}
    assert (await old_api.raw("POST", f"/jobs?api-version={OLD}", body)).status == 201
    old = (await old_api.raw("GET", f"/jobs/j?api-version={OLD}")).json
    assert old["title"] == "First"
    assert "displayName" not in old
    assert next(iter(old)) == "odata.metadata"
    listed = (await old_api.raw("GET", f"/jobs?api-version={OLD}")).json
    assert [job["title"] for job in listed["value"]] == ["First"]
    assert (await old_api.get("/jobs/j")).json["displayName"] == "First"


@pytest.mark.parametrize(
    ("verb", "target"),
    [
        ("GET", "/jobs/j"),
        ("GET", "/nothing/of/this/shape"),
        ("PATCH", "/jobs"),
        ("POST", "/jobs/j/disable"),
        ("GET", "/jobs/j?$select=nothing&colour=red"),
    ],
)
async def test_the_version_is_looked_at_before_anything_else_of_the_request(
    api: Api, verb: str, target: str
) -> None:
    old = await api.raw(verb, f"{target}{'&' if '?' in target else '?'}api-version=2024-02-01.19.0")
    assert old.error == (400, "UnsupportedRequestVersion")
    assert "2024-02-01.19.0 (azure-batch 14.2 for Python)" in old.message
    assert "this service speaks 2025-06-01 (azure-batch 15.1 for Python)" in old.message
    none = await api.raw(verb, target)
    assert none.error == (400, "MissingRequiredQueryParameter")
    assert "Add api-version=2025-06-01" in none.message
    unsigned = await api.raw(verb, target, signed=False)
    assert unsigned.error == (403, "AuthenticationFailed")


async def test_the_newest_version_does_not_know_the_old_name(old_api: Api) -> None:
    body = {"id": "j", "poolInfo": {"poolId": "p"}, "title": "First"}
    assert (await old_api.post("/jobs", body)).error == (400, "InvalidRequestBody")
    malformed = await old_api.raw("POST", f"/jobs?api-version={OLD}", b"[1]")
    assert malformed.error == (400, "InvalidRequestBody")
