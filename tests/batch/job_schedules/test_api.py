"""The operations on job schedules, by the official client and as they are written."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
from azure.batch import models
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from tests.batch.job_schedules.conftest import World, at, specification
from tests.batch.service import VERSION

from batchite.store.batch import schema

HOURLY = {"recurrenceInterval": "PT1H"}


async def test_a_schedule_lives_with_the_official_client(world: World) -> None:
    """Every operation there is, by the client for programs that wait."""

    def program() -> None:
        options = models.BatchJobScheduleCreateOptions(
            id="Nightly",
            display_name="every hour",
            schedule=models.BatchJobScheduleConfiguration(
                do_not_run_until=datetime(2025, 1, 1, tzinfo=UTC), recurrence_interval=timedelta(hours=1)
            ),
            job_specification=models.BatchJobSpecification(
                pool_info=models.BatchPoolInfo(pool_id="pool"), priority=5
            ),
            metadata=[models.BatchMetadataItem(name="a", value="b")],
        )
        with world.api.client() as client:
            client.create_job_schedule(options)
            with pytest.raises(ResourceExistsError, match=r"The specified job schedule already exists\."):
                client.create_job_schedule(options)
            assert client.job_schedule_exists("nightly")
            with pytest.raises(ResourceNotFoundError):
                client.job_schedule_exists("other")
            with pytest.raises(ResourceNotFoundError, match="JobScheduleNotFound"):
                client.get_job_schedule("other")
            found = client.get_job_schedule("nightly")
            assert (found.id, found.state, found.display_name) == ("Nightly", "active", "every hour")
            assert found.schedule is not None
            assert found.schedule.recurrence_interval == timedelta(hours=1)
            assert found.job_specification.max_parallel_tasks == -1
            assert found.execution_info.recent_job is not None
            assert found.execution_info.recent_job.id == "Nightly:job-1"
            assert [one.id for one in client.list_job_schedules()] == ["Nightly"]
            (job,) = client.list_jobs_from_schedule("nightly")
            assert (job.id, job.priority) == ("Nightly:job-1", 5)
            client.create_task("Nightly:job-1", models.BatchTaskCreateOptions(id="t", command_line="true"))
            assert [task.id for task in client.list_tasks("nightly:JOB-1")] == ["t"]

            found.job_specification.priority = 7
            client.replace_job_schedule("nightly", found)
            options_ = models.BatchJobScheduleUpdateOptions(
                metadata=[models.BatchMetadataItem(name="c", value="d")]
            )
            client.update_job_schedule("nightly", options_)
            found = client.get_job_schedule("nightly")
            assert found.job_specification.priority == 7
            assert [item.name for item in found.metadata or ()] == ["c"]

            client.disable_job_schedule("nightly")
            with pytest.raises(ResourceExistsError, match="JobScheduleDisabled"):
                client.disable_job_schedule("nightly")
            assert client.get_job_schedule("nightly").state == "disabled"
            client.enable_job_schedule("nightly")
            client._terminate_job_schedule_internal("nightly", force=True)
            client._delete_job_schedule_internal("nightly", force=True)

    await asyncio.to_thread(program)
    await world.gone("/jobschedules/nightly")


async def test_what_is_over_changes_no_more(world: World) -> None:
    await world.add()
    await world.end_job(1)
    for word in ("disable", "enable", "terminate"):
        assert (await world.have(word)).error == (409, "JobScheduleCompleted")
    assert (await world.patch({})).error == (409, "JobScheduleCompleted")
    assert (await world.api.delete("/jobschedules/nightly")).status == 202
    assert (await world.api.delete("/jobschedules/nightly")).status in (404, 409)


async def test_what_ends_changes_no_more(world: World) -> None:
    await world.add(schedule={"doNotRunUntil": at(9)})
    assert (await world.have("enable")).error == (409, "OperationInvalidForCurrentState")
    for state, code in (
        ("terminating", "JobScheduleBeingTerminated"),
        ("deleting", "JobScheduleBeingDeleted"),
    ):
        await world.api.update(schema.job_schedules, state=state)
        for word in ("disable", "enable", "terminate"):
            assert (await world.api.post(f"/jobschedules/nightly/{word}")).error == (409, code)
        answer = await world.api.raw("PATCH", f"/jobschedules/nightly?{VERSION}", {})
        assert answer.error == (409, code)
    body = {"id": "nightly", "schedule": {}, "jobSpecification": specification()}
    assert (await world.api.post("/jobschedules", body)).error == (409, "JobScheduleBeingDeleted")
    assert (await world.api.delete("/jobschedules/nightly")).error == (409, "JobScheduleBeingDeleted")


async def test_an_end_that_waits_for_no_node_is_that_of_the_job(world: World) -> None:
    async def option(job_id: str) -> str | None:
        (found,) = await world.api.database.read(
            lambda c: [one for one in c.execute(sa.select(schema.jobs)) if one.id == job_id]
        )
        return cast("str | None", found.tasks_option)

    for name, query in (("forced", "force=true&"), ("patient", "")):
        await world.add(name)
        answer = await world.api.raw("POST", f"/jobschedules/{name}/terminate?{query}{VERSION}")
        assert answer.status == 202
        await world.settle()
        assert (await world.get(name))["state"] == "completed"
    assert [await option(f"{name}:job-1") for name in ("forced", "patient")] == ["force", None]
    await world.add(schedule={"doNotRunUntil": at(9)})
    await world.api.update(schema.job_schedules, state="terminating")
    target = f"/jobschedules/nightly/terminate?force=true&{VERSION}"
    assert (await world.api.raw("POST", target)).status == 202
    await world.settle()
    await world.api.update(schema.job_schedules, state="terminating", forced=True)
    assert (await world.api.raw("POST", target)).error == (409, "JobScheduleBeingTerminated")


async def test_jobs_and_schedules_have_their_ids_out_of_one_hat(world: World) -> None:
    await world.add("Nightly")
    await world.api.add_job("daily")
    for answer, kind, id in (
        (await world.api.add_job("nightly"), "JobSchedule", "nightly"),
        (await world.add("DAILY"), "Job", "DAILY"),
    ):
        assert answer.error == (409, f"{kind}WithSameIdExists")
        assert f'id is "{id}": it is taken' in answer.message
        assert {"key": "PropertyName", "value": "id"} in answer.json["values"]
    assert (await world.api.add_job("nightly:job-7")).error == (400, "InvalidPropertyValue")


async def test_conditions_go_by_what_is_defined(world: World) -> None:
    """Each change has an ETag of its own; what the schedule does by itself is no change of it."""
    await world.add(schedule=HOURLY)
    path = f"/jobschedules/nightly?{VERSION}"
    tags = [(await world.get())["eTag"]]
    await world.end_job(1)
    await world.pass_(60)
    assert (await world.get())["eTag"] == tags[0]
    for word in ("disable", "enable"):
        await world.have(word)
        tags.append((await world.get())["eTag"])
    await world.patch({"metadata": []})
    tags.append((await world.get())["eTag"])
    assert len(set(tags)) == 4
    old = {"If-Match": tags[0]}
    for verb, target, body in (
        ("PATCH", path, {}),
        ("PUT", path, {"schedule": {}, "jobSpecification": specification()}),
        ("POST", f"/jobschedules/nightly/disable?{VERSION}", None),
        ("POST", f"/jobschedules/nightly/terminate?{VERSION}", None),
        ("DELETE", path, None),
    ):
        assert (await world.api.raw(verb, target, body, old)).error == (412, "ConditionNotMet")
    assert (await world.api.raw("GET", path, headers={"If-None-Match": tags[-1]})).status == 304
    assert (await world.api.raw("HEAD", path, headers={"If-Match": tags[-1]})).status == 200
    assert (await world.get())["state"] == "active"


FILTERS = {
    "id eq 'LATER'": ["later"],
    "startswith(id,'n')": ["nightly"],
    "state eq 'completed'": ["once"],
    "state ne 'completed'": ["nightly", "later"],
    f"schedule/doNotRunUntil gt DateTime'{at(1)}'": ["later"],
    f"schedule/doNotRunAfter le DateTime'{at(1000)}'": ["nightly"],
    f"executionInfo/endTime lt DateTime'{at(1)}'": ["once"],
    f"creationTime lt DateTime'{at(0)}'": [],
    f"stateTransitionTime ge DateTime'{at(0)}' and lastModified ge DateTime'{at(0)}'": [
        "once",
        "nightly",
        "later",
    ],
}


async def test_schedules_are_found_by_filters(world: World) -> None:
    await world.add("once")
    await world.end_job(1, "once")
    await world.add(schedule={**HOURLY, "doNotRunAfter": at(1000)})
    await world.add("later", schedule={"doNotRunUntil": at(90)})
    async with world.api.async_client() as client:
        for expression, expected in FILTERS.items():
            found = [one.id async for one in client.list_job_schedules(filter=expression)]
            assert found == expected, expression


async def test_jobs_of_a_schedule_are_found_by_filters_but_not_by_ids(world: World) -> None:
    await world.add(schedule=HOURLY)
    await world.api.add_job("other")
    await world.end_job(1)
    await world.pass_(60)
    async with world.api.async_client() as client:
        listed = client.list_jobs_from_schedule("nightly", filter="state eq 'active'", select=["id"])
        assert [job.id async for job in listed] == ["nightly:job-2"]
        paged = client.list_jobs_from_schedule("nightly", max_results=1).by_page()
        assert [[job.id async for job in page] async for page in paged] == [
            ["nightly:job-1"],
            ["nightly:job-2"],
        ]
        assert len([job async for job in client.list_jobs()]) == 3
    answer = await world.api.get("/jobschedules/nightly/jobs?$filter=id%20eq%20'x'")
    assert answer.error == (400, "InvalidQueryParameterValue")
    assert (await world.api.get("/jobschedules/none/jobs")).error == (404, "JobScheduleNotFound")


async def test_statistics_are_those_of_all_jobs_that_there_ever_were(world: World) -> None:
    await world.add(schedule=HOURLY)
    for number in (1, 2):
        await world.api.add_task("t", f"nightly:job-{number}")
        await world.api.update(schema.task_counts, succeeded=number, active=0, kernel_time=10_000_000)
        await world.end_job(number)
        await world.pass_(60)
    assert (await world.api.delete("/jobs/nightly:job-1")).status == 202
    await world.gone("/jobs/nightly:job-1")
    found = (await world.api.get("/jobschedules/nightly?$expand=stats")).json
    stats = found["stats"]
    assert stats["numSucceededTasks"] == "4"  # both counters were made 2 by the second round
    assert stats["kernelCPUTime"] == "PT2S"
    assert stats["url"] == f"{found['url']}?$expand=stats"
    assert "stats" not in await world.get()
    (listed,) = (await world.api.get("/jobschedules?$expand=stats&$select=id,stats")).json["value"]
    assert listed["stats"]["numSucceededTasks"] == "4"


BAD: list[tuple[dict[str, Any], str]] = [
    ({"schedule": {}, "jobSpecification": specification()}, "MissingRequiredProperty"),
    ({"id": "a", "jobSpecification": specification()}, "MissingRequiredProperty"),
    ({"id": "a", "schedule": {}}, "MissingRequiredProperty"),
    ({"id": "a b", "schedule": {}, "jobSpecification": specification()}, "InvalidPropertyValue"),
    ({"id": "a", "schedule": {}, "jobSpecification": {}}, "MissingRequiredProperty"),
    ({"id": "a", "schedule": {"every": 1}, "jobSpecification": specification()}, "InvalidRequestBody"),
    ({"id": "a", "schedule": {}, "jobSpecification": specification(id="job")}, "InvalidRequestBody"),
    (
        {"id": "a", "schedule": {"startWindow": "PT1S"}, "jobSpecification": specification()},
        "InvalidPropertyValue",
    ),
]


async def test_bad_input_changes_nothing(world: World) -> None:
    for body, code in BAD:
        assert (await world.api.post("/jobschedules", body)).error == (400, code), body
    assert (await world.api.content())["job_schedules"] == []


async def test_what_older_versions_did_otherwise(world: World) -> None:
    await world.add(jobSpecification=specification(onAllTasksComplete="noaction"))
    path = "/jobschedules/nightly"
    old = (await world.api.raw("GET", f"{path}?api-version=2016-07-01.3.1")).json
    assert "onAllTasksComplete" not in old["jobSpecification"]
    newer = (await world.api.raw("GET", f"{path}?api-version=2017-01-01.4.0")).json
    assert newer["jobSpecification"]["onAllTasksComplete"] == "noaction"
    body = {"jobSpecification": specification()}
    refused = await world.api.raw("PUT", f"{path}?api-version=2024-02-01.19.0", body)
    assert refused.error == (400, "MissingRequiredProperty")
    forced = await world.api.raw("DELETE", f"{path}?api-version=2024-02-01.19.0&force=true")
    assert forced.error == (400, "UnsupportedQueryParameter")
    assert (await world.api.raw("PUT", f"{path}?{VERSION}", body)).status == 200


async def test_what_happens_is_told_in_the_feed(world: World) -> None:
    await world.add(schedule=HOURLY)
    await world.have("terminate")
    found = await world.api.raw("GET", "/-/events?kinds=schedule&cursor=begin")
    told = [(one["state"], one.get("previousState"), one.get("jobId")) for one in found.json["events"]]
    assert told == [
        ("active", None, None),
        ("active", "active", "nightly:job-1"),
        ("terminating", "active", None),
        ("completed", "terminating", None),
    ]
    assert {one["scheduleId"] for one in found.json["events"]} == {"nightly"}
    of_job = await world.api.raw("GET", "/-/events?job=Nightly:job-1&pool=pool&cursor=begin")
    assert [one["state"] for one in of_job.json["events"]] == ["active", "terminating", "completed"]
