"""The list of nodes on which a job was prepared and released."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from tests.batch.service import Api

from batchite.store.batch import schema

LIST = "/jobs/job/jobpreparationandreleasetaskstatus"
PREPARED = {"jobPreparationTask": {"commandLine": "true"}}
RELEASED = {**PREPARED, "jobReleaseTask": {"commandLine": "true"}}


async def a_node(api: Api, number: int, **columns: object) -> None:
    row = {
        "job_no": 1,
        "node_no": number,
        "node_id": f"n{number}",
        "pool_id": "Pool",
        "standing": "over",
        "reruns": True,
        **columns,
    }
    await api.database.write(lambda c: c.execute(sa.insert(schema.job_nodes), row))


async def some_nodes(api: Api) -> None:
    """One that failed, one that was released, and one that has not begun."""
    await api.add_job(**RELEASED)
    failed = {"preparation_exit_code": 3, "preparation_result": "failure"}
    done = {"preparation_state": "completed", "preparation_start": 10_000_000, "preparation_end": 20_000_000}
    await a_node(api, 1, **done, **failed)
    fine = {"preparation_exit_code": 0, "preparation_result": "success"}
    released = {"release_state": "running", "release_start": 40_000_000, "release": "wanted"}
    await a_node(api, 2, **done, **fine, **released)
    await a_node(api, 3, standing="wanted")


@pytest.mark.parametrize(
    ("job", "target", "error"),
    [
        (None, LIST, (404, "JobNotFound")),
        ({}, LIST, (409, "JobPreparationTaskNotSpecified")),
        (
            PREPARED,
            f"{LIST}?$filter=jobReleaseTaskExecutionInfo/exitCode eq 1",
            (409, "JobReleaseTaskNotSpecified"),
        ),
        (PREPARED, f"{LIST}?$filter=state eq 'running'", (400, "InvalidQueryParameterValue")),
        (
            PREPARED,
            f"{LIST}?$filter=jobPreparationTaskExecutionInfo/state eq 'active'",
            (400, "InvalidQueryParameterValue"),
        ),
        (PREPARED, f"{LIST}?$select=nothing", (400, "InvalidQueryParameterValue")),
        (PREPARED, f"{LIST}?maxresults=1001", (400, "OutOfRangeQueryParameterValue")),
        (PREPARED, f"{LIST}?$expand=stats", (400, "UnsupportedQueryParameter")),
    ],
)
async def test_what_is_refused(
    api: Api, job: dict[str, object] | None, target: str, error: tuple[int, str]
) -> None:
    if job is not None:
        assert (await api.add_job(**job)).status == 201
    assert (await api.get(target.replace(" ", "%20"))).error == error


async def test_nodes_are_listed_that_have_begun(api: Api) -> None:
    await some_nodes(api)
    first, second = (await api.get(LIST)).json["value"]
    root = "workitems/job/job-1"
    url = f"{api.url}/pools/Pool/nodes/n1"
    assert first == {
        "poolId": "Pool",
        "nodeId": "n1",
        "nodeUrl": url,
        "jobPreparationTaskExecutionInfo": {
            "startTime": "1970-01-01T00:00:01Z",
            "endTime": "1970-01-01T00:00:02Z",
            "taskRootDirectory": f"{root}/jobpreparation",
            "taskRootDirectoryUrl": f"{url}/files/{root}/jobpreparation",
            "exitCode": 3,
            "result": "failure",
            "state": "completed",
            "retryCount": 0,
        },
    }
    assert second["jobReleaseTaskExecutionInfo"] == {
        "startTime": "1970-01-01T00:00:04Z",
        "taskRootDirectory": f"{root}/jobrelease",
        "taskRootDirectoryUrl": f"{api.url}/pools/Pool/nodes/n2/files/{root}/jobrelease",
        "state": "running",
    }


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("poolId eq 'POOL'", ["n1", "n2"]),
        ("nodeId ne 'N1'", ["n2"]),
        ("jobPreparationTaskExecutionInfo/exitCode gt 0", ["n1"]),
        ("jobPreparationTaskExecutionInfo/result eq 'Success'", ["n2"]),
        ("jobPreparationTaskExecutionInfo/endTime ge DateTime'1970-01-01T00:00:03Z'", []),
        ("jobReleaseTaskExecutionInfo/state eq 'running'", ["n2"]),
        (
            "jobReleaseTaskExecutionInfo/startTime lt DateTime'2000-01-01T00:00:00Z' or nodeId eq 'n1'",
            ["n1", "n2"],
        ),
    ],
)
async def test_they_are_filtered(api: Api, expression: str, found: list[str]) -> None:
    await some_nodes(api)
    answer = await api.get(f"{LIST}?$filter={expression.replace(' ', '%20')}")
    assert [one["nodeId"] for one in answer.json["value"]] == found


async def test_they_come_in_pages(api: Api) -> None:
    await some_nodes(api)
    first = (await api.get(f"{LIST}?maxresults=1")).json
    assert [one["nodeId"] for one in first["value"]] == ["n1"]
    second = (await api.raw("GET", first["odata.nextLink"].removeprefix(api.url))).json
    assert [one["nodeId"] for one in second["value"]] == ["n2"]
    assert "odata.nextLink" not in second
