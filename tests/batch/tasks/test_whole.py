"""Everything that is said of a task is kept and shown again."""

import copy
from typing import Any

import pytest
from azure.batch import models
from tests.batch.service import Api
from tests.batch.tasks.whole import OTHER_TASK, TASK
from tests.batch.whole import check_shape, lowered, unsaid

from batchite.wire.batch.models.tasks import BatchTaskCreateOptions, BatchTaskCreateResult
from batchite.wire.batch.versions import NEWEST, OLDER

OF_JOB = {"usesTaskDependencies": True, "onTaskFailure": "performexitoptionsjobaction"}


def test_the_tasks_say_everything() -> None:
    assert unsaid(BatchTaskCreateOptions, [TASK, OTHER_TASK]) == set()


@pytest.mark.parametrize("task", [TASK, OTHER_TASK])
async def test_all_of_it_comes_back(api: Api, task: dict[str, Any]) -> None:
    await api.add_job(**OF_JOB)
    added = await api.post("/jobs/job/tasks", task)
    assert added.status == 201, added.message
    shown = (await api.get("/jobs/job/tasks/whole")).json
    assert {name: shown.get(name) for name in task} == task
    listed = (await api.get("/jobs/job/tasks")).json["value"][0]
    assert listed == {name: value for name, value in shown.items() if name != "odata.metadata"}


async def test_all_of_it_comes_back_to_the_official_client(api: Api) -> None:
    await api.add_job(**OF_JOB)
    async with api.async_client() as client:
        await client.create_task("job", models.BatchTaskCreateOptions(copy.deepcopy(TASK)))
        task = await client.get_task("job", "whole")
    assert {name: task.as_dict().get(name) for name in TASK} == TASK


async def test_all_of_it_comes_back_in_every_version(api: Api) -> None:
    for version in (*OLDER, NEWEST):
        await api.add_job(version.replace(".", "-"), **OF_JOB)
        body = lowered(BatchTaskCreateOptions, TASK, version)
        tasks, query = f"/jobs/{version.replace('.', '-')}/tasks", f"api-version={version}"
        added = await api.raw("POST", f"{tasks}?{query}", body)
        assert added.status == 201, (version, added.body)
        together = {"value": [{**body, "id": "two"}]}
        path = tasks.removesuffix("/tasks") + "/addtaskcollection"
        (result,) = (await api.raw("POST", f"{path}?{query}", together)).json["value"]
        assert result["status"] == "success", (version, result)
        check_shape(BatchTaskCreateResult, result, version)
        listed = (await api.raw("GET", f"{tasks}?{query}")).json["value"]
        for shown, id in zip(listed, ("Whole", "two"), strict=True):
            assert {name: shown.get(name) for name in body} == {**body, "id": id}, version
        one = (await api.raw("GET", f"{tasks}/whole?{query}")).json
        assert {name: one.get(name) for name in body} == body, version
