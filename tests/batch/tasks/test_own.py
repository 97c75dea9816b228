"""Tasks of a job that words find, over HTTP."""

from __future__ import annotations

import pytest
from tests.batch.service import Api

TASKS = "/-/jobs/films/tasks"


@pytest.fixture
async def films(api: Api) -> Api:
    await api.add_job("films")
    for number in range(5):
        await api.add_task(f"render-{number}", "films")
    over = {"state": "completed", "result": "failure", "exit_code": 3, "started": 30, "ended": 40}
    await api.update_task("render-3", **over, node_id="tvm-1", cause="ab12")
    return api


async def test_tasks_by_words(films: Api) -> None:
    found = await films.raw("GET", f"{TASKS}?search=state:failed")
    assert found.status == 200
    (task,) = found.json["value"]
    assert (task["id"], task["state"], task["exitCode"]) == ("render-3", "failed", 3)
    assert (task["nodeId"], task["cause"]) == ("tvm-1", "ab12")
    assert task["endTime"] == "1970-01-01T00:00:00.000004Z"


async def test_pages(films: Api) -> None:
    first = (await films.raw("GET", f"{TASKS}?maxresults=3")).json
    assert [task["id"] for task in first["value"]] == ["render-4", "render-3", "render-2"]
    assert first["count"] == 5
    second = (await films.raw("GET", f"{TASKS}?maxresults=3&after={first['after']}")).json
    assert [task["id"] for task in second["value"]] == ["render-1", "render-0"]
    assert "after" not in second
    assert "exitCode" not in second["value"][0]


@pytest.mark.parametrize(
    ("query", "code", "said"),
    [
        ("search=a%20stat:x", "InvalidQueryParameterValue", "position 3"),
        ("after=x", "InvalidQueryParameterValue", "is no number"),
        ("after=-1", "InvalidQueryParameterValue", "is no number"),
        ("maxresults=0", "OutOfRangeQueryParameterValue", "maxresults"),
        ("maxresults=1001", "OutOfRangeQueryParameterValue", "1000"),
        ("$filter=x", "UnsupportedQueryParameter", "filter"),
    ],
)
async def test_refusals(films: Api, query: str, code: str, said: str) -> None:
    answer = await films.raw("GET", f"{TASKS}?{query}")
    assert answer.error == (400, code)
    assert said in answer.json["message"]["value"]


async def test_a_job_that_is_not_there(api: Api) -> None:
    assert (await api.raw("GET", TASKS)).error == (404, "JobNotFound")
