"""An older API version, known to these tests only, beside the newest."""

import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.batch.service import Api, serving

from batchite.batch.operations import Operation
from batchite.store.database import Database
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.jobs import BatchJobExecutionInfo, JobChange, JobShape
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.models.transfers import ResourceFile
from batchite.wire.batch.versions.changes import New, Renamed
from batchite.wire.batch.versions.registry import Registry

OLD = "2001-01-01.1.0"
CHANGES = (
    Renamed(JobShape, title="displayName"),
    New(JobChange, "metadata"),
    Renamed(BatchJobExecutionInfo, began="startTime"),
    Renamed(ResourceFile, blobSource="httpUrl"),
    Renamed(BatchNode, lately="recentTasks"),
)
POOL = {"poolId": "p"}


@pytest.fixture
async def old(database: Database) -> AsyncIterator[Api]:
    async with serving(database, known_versions=Registry("2025-06-01", {OLD: CHANGES})) as api:
        yield api


async def ask(api: Api, verb: str, target: str, body: object = None) -> Any:
    joint = "&" if "?" in target else "?"
    return await api.raw(verb, f"{target}{joint}api-version={OLD}", body)


async def test_requests_are_lifted_and_answers_lowered(old: Api) -> None:
    body = {"id": "j", "poolInfo": POOL, "title": "First"}
    assert (await ask(old, "POST", "/jobs", body)).status == 201
    job = (await ask(old, "GET", "/jobs/j")).json
    assert job["title"] == "First"
    assert "displayName" not in job
    assert next(iter(job)) == "odata.metadata"
    listed = (await ask(old, "GET", "/jobs")).json
    assert [job["title"] for job in listed["value"]] == ["First"]
    assert (await old.get("/jobs/j")).json["displayName"] == "First"


async def test_what_is_selected_has_the_names_of_the_version(old: Api) -> None:
    await ask(old, "POST", "/jobs", {"id": "j", "poolInfo": POOL, "title": "First"})
    for answer in (
        (await ask(old, "GET", "/jobs/j?$select=id,title")).json,
        (await ask(old, "GET", "/jobs?$select=id,title")).json["value"][0],
    ):
        answer.pop("odata.metadata", None)
        assert answer == {"id": "j", "title": "First"}
    newest = await ask(old, "GET", "/jobs/j?$select=displayName")
    assert newest.error == (400, "InvalidQueryParameterValue")
    assert 'names "displayName"' in newest.message or "names 'displayName'" in newest.message
    near = await ask(old, "GET", "/jobs/j?$select=tittle")
    assert "did you mean title" in near.message
    assert (await ask(old, "GET", "/jobs/j?$expand=stats")).status == 200


async def test_what_is_filtered_by_has_the_names_of_the_version(old: Api) -> None:
    await ask(old, "POST", "/jobs", {"id": "j", "poolInfo": POOL})
    past, future = "DateTime'2001-01-01T00:00:00Z'", "DateTime'2999-01-01T00:00:00Z'"
    found = f"$filter=executionInfo/began gt {past} and (id eq 'j' or startswith(id,'x'))"
    assert len((await ask(old, "GET", f"/jobs?{quoted(found)}")).json["value"]) == 1
    none = f"$filter=executionInfo/began gt {future}"
    assert (await ask(old, "GET", f"/jobs?{quoted(none)}")).json["value"] == []
    newest = await ask(old, "GET", f"/jobs?{quoted(f'$filter=executionInfo/startTime gt {past}')}")
    assert newest.error == (400, "InvalidQueryParameterValue")
    assert "executionInfo/began" in newest.message


def quoted(query: str) -> str:
    return query.replace(" ", "%20").replace("'", "%27")


@pytest.mark.parametrize(
    ("body", "code", "name"),
    [
        ({"title": 7}, "InvalidRequestBody", "title"),
        ({"title": "x" * 2000}, "InvalidPropertyValue", "title"),
        ({"displayName": "new"}, "InvalidRequestBody", "displayName"),
        ({"metadata": []}, "InvalidRequestBody", "metadata"),
        ({"poolInfo": None}, "MissingRequiredProperty", "poolInfo"),
        ({"priority": 5000}, "InvalidPropertyValue", "priority"),
    ],
)
async def test_refusals_name_properties_as_the_version_does(
    old: Api, body: dict[str, object], code: str, name: str
) -> None:
    answer = await ask(old, "POST", "/jobs", {"id": "j", "poolInfo": POOL, **body})
    assert answer.error == (400, code)
    assert {"key": "PropertyName", "value": name} in answer.json["values"]
    assert f" {name}" in answer.message


async def test_refusals_of_single_tasks_of_a_collection_do_so_too(old: Api) -> None:
    await ask(old, "POST", "/jobs", {"id": "j", "poolInfo": POOL})
    good = {"id": "a", "commandLine": "x", "resourceFiles": [{"blobSource": "http://h/f", "filePath": "f"}]}
    bad = {"id": "b", "commandLine": "x", "resourceFiles": [{"blobSource": "ftp://h/f", "filePath": "f"}]}
    answer = (await ask(old, "POST", "/jobs/j/addtaskcollection", {"value": [good, bad]})).json
    assert [one["status"] for one in answer["value"]] == ["success", "clienterror"]
    error = answer["value"][1]["error"]
    assert error["values"][0] == {"key": "PropertyName", "value": "value[1].resourceFiles[0].blobSource"}
    task = (await ask(old, "GET", "/jobs/j/tasks/a")).json
    assert task["resourceFiles"] == good["resourceFiles"]


async def test_the_last_tasks_of_nodes_are_looked_for_only_if_they_are_selected(old: Api) -> None:
    await old.add_pool("p")
    await old.add_node("n", "p")
    answer = await ask(old, "GET", "/pools/p/nodes?$select=id,lately")
    assert [node["id"] for node in answer.json["value"]] == ["n"]


async def test_operations_belong_to_versions() -> None:
    operation = Operation(
        "X", "GET", "/x", run_nothing, frozenset({"a", "b"}),
        since="2016-01-01", until="2018-01-01", later={"b": "2017-01-01"},
    )  # fmt: skip
    operation.check("2016-01-01")
    operation.check("2018-01-01")
    with pytest.raises(BatchError, match=r"X is no operation of API version 2015-12-31; it is one from 2016"):
        operation.check("2015-12-31")
    with pytest.raises(
        BatchError, match=r"X is no operation of API version 2018-01-02; it is one from 2016-01-01 to 2018"
    ):
        operation.check("2018-01-02")
    assert operation.parameters("2016-06-01") == {"a"}
    assert operation.parameters("2017-01-01") == {"a", "b"}


async def run_nothing(call: object) -> Any:
    raise AssertionError("not to be run")


async def test_a_later_version_is_served_as_the_newest_and_told_once(
    old: Api, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "batchite.batch")
    for _ in range(3):
        answer = await old.raw("GET", "/jobs?api-version=2031-02-03.4.0")
        assert answer.status == 200
    assert [record.getMessage() for record in caplog.records] == [
        "a client speaks version 2031-02-03.4.0; what is new in it since 2025-06-01 is not known here"
    ]


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
    old: Api, verb: str, target: str
) -> None:
    unknown = await old.raw(verb, f"{target}{'&' if '?' in target else '?'}api-version=2024-02-01.19.0")
    assert unknown.error == (400, "UnsupportedRequestVersion")
    assert "2024-02-01.19.0 (azure-batch 14.2 for Python)" in unknown.message
    assert f"this service speaks 2025-06-01 (azure-batch 15.1 for Python), {OLD}" in unknown.message
    none = await old.raw(verb, target)
    assert none.error == (400, "MissingRequiredQueryParameter")
    assert "Add api-version=2025-06-01" in none.message
    unsigned = await old.raw(verb, target, signed=False)
    assert unsigned.error == (403, "AuthenticationFailed")


async def test_the_newest_version_does_not_know_the_old_name(old: Api) -> None:
    body = {"id": "j", "poolInfo": POOL, "title": "First"}
    assert (await old.post("/jobs", body)).error == (400, "InvalidRequestBody")
    malformed = await ask(old, "POST", "/jobs", b"[1]")
    assert malformed.error == (400, "InvalidRequestBody")
