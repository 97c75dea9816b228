"""Tasks that depend on others, as clients add and see them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from azure.batch import models
from tests.batch.service import Api

from batchite.store.batch import schema

SATISFY = {"dependencyAction": "satisfy"}


async def states(api: Api) -> dict[str, str]:
    """As they are stored."""
    return {row.id: row.state for row in await api.rows(schema.tasks)}


async def test_clients_see_a_task_that_depends_on_others_as_active_with_all_that_they_said(api: Api) -> None:
    def program() -> tuple[models.BatchTask, models.BatchTaskCountsResult, list[str]]:
        with api.client() as client:
            pool = models.BatchPoolInfo(pool_id="pool")
            client.create_job(
                models.BatchJobCreateOptions(id="job", pool_info=pool, uses_task_dependencies=True)
            )
            assert client.get_job("job").uses_task_dependencies
            conditions = models.ExitConditions(
                exit_codes=[
                    models.ExitCodeMapping(
                        code=3, exit_options=models.ExitOptions(dependency_action="satisfy")
                    )
                ],
                default=models.ExitOptions(dependency_action="block"),
            )
            depends_on = models.BatchTaskDependencies(
                task_ids=["Parent", "not-yet"], task_id_ranges=[models.BatchTaskIdRange(start=1, end=9)]
            )
            tasks = [
                models.BatchTaskCreateOptions(
                    id="parent", command_line="true", exit_conditions=conditions, required_slots=2
                ),
                models.BatchTaskCreateOptions(
                    id="child", command_line="true", depends_on=depends_on, required_slots=2
                ),
            ]
            client.create_tasks("job", tasks)
            listed = [str(task.id) for task in client.list_tasks("job", filter="state eq 'active'")]
            assert client.get_task("job", "parent").exit_conditions == conditions
            return client.get_task("job", "child"), client.get_job_task_counts("job"), listed

    child, counts, listed = await asyncio.to_thread(program)
    assert (child.state, child.previous_state) == ("active", None)
    assert child.depends_on is not None
    assert child.depends_on.task_ids == ["Parent", "not-yet"]
    assert [(one.start, one.end) for one in child.depends_on.task_id_ranges or ()] == [(1, 9)]
    assert (counts.task_counts.active, counts.task_slot_counts.active) == (2, 4)
    assert sorted(listed) == ["child", "parent"]
    assert await states(api) == {"parent": "active", "child": "blocked"}


async def test_what_is_satisfied_already_blocks_nobody(api: Api) -> None:
    await api.add_job(usesTaskDependencies=True)
    await api.add_task("a")
    await api.update_task("a", state="completed", result="success", satisfied=True)
    await api.add_task("b", dependsOn={"taskIds": ["A"]})
    await api.add_task("c", dependsOn={"taskIds": [], "taskIdRanges": []})
    assert await states(api) == {"a": "completed", "b": "active", "c": "active"}


@pytest.mark.parametrize(
    ("job", "task", "error", "named"),
    [
        ({}, {"dependsOn": {"taskIds": ["a"]}}, "TaskDependenciesNotSpecifiedOnJob", "usesTaskDependencies"),
        ({}, {"dependsOn": {}}, "TaskDependenciesNotSpecifiedOnJob", "usesTaskDependencies"),
        (
            {"usesTaskDependencies": True},
            {"dependsOn": {"taskIds": ["a" * 64] * 1001}},
            "TaskDependencyListTooLong",
            "64064 characters",
        ),
        (
            {"usesTaskDependencies": True},
            {"dependsOn": {"taskIdRanges": [{"start": 10_000, "end": 10_001}] * 6401}},
            "TaskDependencyRangesTooLong",
            "64010 characters",
        ),
        (
            {"usesTaskDependencies": True},
            {"dependsOn": {"taskIds": ["a", "a b"]}},
            "InvalidPropertyValue",
            "dependsOn.taskIds[1]",
        ),
        (
            {"usesTaskDependencies": True},
            {"dependsOn": {"taskIdRanges": [{"start": 2, "end": 1}]}},
            "InvalidPropertyValue",
            "dependsOn.taskIdRanges[0].start",
        ),
        (
            {},
            {"exitConditions": {"exitCodes": [{"code": 1, "exitOptions": SATISFY}]}},
            "InvalidPropertyValue",
            "exitConditions.exitCodes[0].exitOptions.dependencyAction",
        ),
        (
            {},
            {"exitConditions": {"default": SATISFY}},
            "InvalidPropertyValue",
            "exitConditions.default.dependencyAction",
        ),
        (
            {"usesTaskDependencies": True},
            {"exitConditions": {"preProcessingError": {"jobAction": "terminate"}}},
            "InvalidPropertyValue",
            "exitConditions.preProcessingError.jobAction",
        ),
        (
            {"usesTaskDependencies": True},
            {"exitConditions": {"exitCodeRanges": [{"start": 5, "end": 4, "exitOptions": SATISFY}]}},
            "InvalidPropertyValue",
            "exitConditions.exitCodeRanges[0].start",
        ),
    ],
)
async def test_what_cannot_be_is_refused_and_leaves_nothing(
    api: Api, job: dict[str, Any], task: dict[str, Any], error: str, named: str
) -> None:
    assert (await api.add_job(**job)).status == 201
    before = await api.content()
    answer = await api.add_task("t", **task)
    assert answer.error == (400, error)
    assert named in answer.message
    assert await api.content() == before
    of_many = await api.post(
        "/jobs/job/addtaskcollection", {"value": [{"id": "t", "commandLine": "a", **task}]}
    )
    assert of_many.json["value"][0]["error"]["code"] == error
    assert await api.content() == before


async def test_what_a_task_does_to_its_job_can_be_said_where_the_job_acts_on_that(api: Api) -> None:
    await api.add_job(onTaskFailure="performexitoptionsjobaction")
    conditions = {"default": {"jobAction": "disable"}, "fileUploadError": {"jobAction": "none"}}
    assert (await api.add_task("t", exitConditions=conditions)).status == 201
    assert (await api.get("/jobs/job/tasks/t")).json["exitConditions"] == conditions


async def test_a_job_keeps_its_tasks_dependencies_when_it_is_defined_anew(api: Api) -> None:
    await api.add_job(usesTaskDependencies=True)
    body = {"poolInfo": {"poolId": "pool"}, "priority": 7}
    answer = await api.raw("PUT", "/jobs/job?api-version=2025-06-01", body)
    assert answer.status == 200
    assert (await api.get("/jobs/job")).json["usesTaskDependencies"] is True


async def test_a_task_that_was_ended_while_it_waited_for_others_waits_for_them_again(api: Api) -> None:
    await api.add_job(usesTaskDependencies=True)
    await api.add_task("a")
    for task_id in ("b", "c"):
        await api.add_task(task_id, dependsOn={"taskIds": ["a"], "taskIdRanges": [{"start": 1, "end": 2}]})
        await api.update_task(task_id, state="completed", result="failure", awaits=None, dependencies=None)
    await api.update(schema.task_counts, active=1, blocked=0, failed=2)
    assert (await api.post("/jobs/job/tasks/b/reactivate")).status == 204
    await api.update_task("a", state="completed", result="success", satisfied=True)
    stretch = {"job_no": 1, "first": 0, "last": 2}
    await api.database.write(lambda c: c.execute(sa.insert(schema.satisfied_numbers), stretch))
    assert (await api.post("/jobs/job/tasks/c/reactivate")).status == 204
    assert await states(api) == {"a": "completed", "b": "blocked", "c": "active"}
    (counts,) = await api.rows(schema.task_counts)
    assert (counts.active, counts.blocked, counts.failed) == (3, 1, 0)
