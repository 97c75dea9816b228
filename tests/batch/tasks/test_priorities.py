"""A priority of tasks within their job, where an operator has named a variable for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.batch.service import Api, serving

from batchite.configuration.scheduling import Scheduling
from batchite.store.batch import schema
from batchite.store.database import Database

NAME = "BATCHITE_PRIORITY"
RULE = "it must be a whole number from -1000 to 1000, since it is the task's priority here"


@pytest.fixture
async def with_priorities(database: Database) -> AsyncIterator[Api]:
    async with serving(database, scheduling=Scheduling(task_priority=NAME)) as api:
        yield api


def of(*values: str, name: str = NAME) -> list[dict[str, str]]:
    return [{"name": name, "value": value} for value in values]


async def ranks(api: Api) -> dict[str, int]:
    return {row.id: row.rank for row in await api.rows(schema.tasks)}


@pytest.mark.parametrize(
    ("settings", "rank"),
    [
        ([], 0),
        (of("7"), -7),
        (of("-1000"), 1000),
        (of("+1000"), -1000),
        (of("1", "2"), -2),
        (of("x", name="PRIORITY"), 0),
    ],
)
async def test_a_variable_is_the_priority(with_priorities: Api, settings: list[Any], rank: int) -> None:
    api = with_priorities
    await api.add_job()
    assert (await api.add_task("t", environmentSettings=settings)).status == 201
    assert await ranks(api) == {"t": rank}
    shown = (await api.get("/jobs/job/tasks/t")).json
    assert shown.get("environmentSettings", []) == settings


@pytest.mark.parametrize("value", ["", "high", "1001", "-1001", "1.5", " 1", "１", "10000000000"])
async def test_what_is_no_priority_is_refused_and_changes_nothing(with_priorities: Api, value: str) -> None:
    api = with_priorities
    await api.add_job()
    before = await api.content()
    answer = await api.add_task("t", environmentSettings=of("1", value))
    assert (answer.status, answer.json["code"]) == (400, "InvalidPropertyValue")
    told = {one["key"]: one["value"] for one in answer.json["values"]}
    assert told["PropertyName"] == "environmentSettings[1].value"
    assert RULE in told["Reason"]
    assert await api.content() == before


async def test_of_a_collection_the_others_are_added(with_priorities: Api) -> None:
    api = with_priorities
    await api.add_job()
    tasks = [
        {"id": str(number), "commandLine": "true", "environmentSettings": of(value)}
        for number, value in enumerate(("3", "many", "-3"))
    ]
    answer = await api.post("/jobs/job/addtaskcollection", {"value": tasks})
    assert [one["status"].lower() for one in answer.json["value"]] == ["success", "clienterror", "success"]
    (refusal,) = [one["error"] for one in answer.json["value"] if "error" in one]
    assert "value[1].environmentSettings[0].value" in str(refusal)
    assert await ranks(api) == {"0": -3, "2": 3}


async def test_unless_it_is_configured_it_is_a_variable_like_others(api: Api) -> None:
    await api.add_job()
    assert (await api.add_task("t", environmentSettings=of("high"))).status == 201
    assert await ranks(api) == {"t": 0}


async def test_who_waits_behind_others_of_the_job_is_told_so(with_priorities: Api) -> None:
    api = with_priorities
    await api.add_pool(targetDedicatedNodes=0)
    await api.add_job()
    for name, value, slots in (("a", "0", 1), ("b", "1", 1), ("c", "2", 4), ("d", "0", 1)):
        await api.add_task(name, environmentSettings=of(value), requiredSlots=slots)
    waits = {}
    for name in "abcd":
        reasons = (await api.get(f"/-/explain/jobs/job/tasks/{name}")).json["reasons"]
        waits[name] = [one["tasks"] for one in reasons if one["code"] == "TasksAhead"]
    assert waits == {"a": [2], "b": [1], "c": [], "d": [3]}


async def test_a_manager_goes_before_every_priority(with_priorities: Api) -> None:
    api = with_priorities
    await api.add_job(jobManagerTask={"id": "m", "commandLine": "true"})
    assert (await ranks(api))["m"] < -1000
