import asyncio

import pytest
from azure.batch import models
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from tests.batch.service import Api

from batchite.store.batch import schema


async def test_a_job_lives_with_the_synchronous_client(api: Api) -> None:
    def program() -> models.BatchJob:
        options = models.BatchJobCreateOptions(
            id="Nightly",
            pool_info=models.BatchPoolInfo(pool_id="not-there-yet"),
            priority=100,
            constraints=models.BatchJobConstraints(max_task_retry_count=2),
            common_environment_settings=[models.EnvironmentSetting(name="A", value="1")],
        )
        with api.client() as client:
            client.create_job(options)
            with pytest.raises(ResourceExistsError, match=r"The specified job already exists\."):
                client.create_job(options)
            with pytest.raises(ResourceNotFoundError, match="JobNotFound"):
                client.get_job("other")
            assert [job.id for job in client.list_jobs()] == ["Nightly"]
            return client.get_job("nightly")

    job = await asyncio.to_thread(program)
    assert (job.id, job.state, job.priority, job.max_parallel_tasks) == ("Nightly", "active", 100, -1)
    assert job.previous_state is None
    assert job.execution_info is not None
    assert job.execution_info.start_time == job.creation_time
    assert job.execution_info.pool_id == "not-there-yet"
    assert job.all_tasks_complete_mode == "noaction"
    assert api.owner.woken == ["devbatch/not-there-yet"]


async def test_terminating_and_deleting_a_job(api: Api) -> None:
    await api.add_job()
    assert (await api.post("/jobs/JOB/terminate", {"terminateReason": "done with it"})).status == 202
    async with api.async_client() as client:
        job = await client.get_job("job")
        assert (job.state, job.previous_state) == ("terminating", "active")
        assert job.previous_state_transition_time == job.creation_time
        assert job.execution_info is not None
        assert job.execution_info.termination_reason == "done with it"
        assert (await api.post("/jobs/job/terminate")).error == (409, "JobBeingTerminated")
        await client._delete_job_internal("job", force=True)
        with pytest.raises(ResourceExistsError, match="JobBeingDeleted"):
            await client._delete_job_internal("job")
        assert (await api.post("/jobs/job/terminate")).error == (409, "JobBeingDeleted")
    stored = await api.content()
    assert [event[2] for event in stored["events"]] == ["job", "job", "job"]


async def test_a_termination_without_body_has_the_documented_reason(api: Api) -> None:
    await api.add_job()
    answer = await api.post("/jobs/Job/terminate")
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["DataServiceId"] == f"{api.url}/jobs/job/terminate"
    job = (await api.get("/jobs/job")).json
    assert job["executionInfo"]["terminateReason"] == "UserTerminate"
    assert answer.headers["ETag"] == job["eTag"]


async def test_completed_jobs_take_no_end(api: Api) -> None:
    await api.add_job()
    await api.update(schema.jobs, state="completed")
    assert (await api.post("/jobs/job/terminate")).error == (409, "JobCompleted")
    assert (await api.delete("/jobs/job")).status == 202


async def test_counts_weigh_slots(api: Api) -> None:
    await api.add_job()
    for task, slots in (("a", 1), ("b", 3), ("c", 3)):
        await api.add_task(task, requiredSlots=slots)
    await api.update(schema.task_counts, running=1, failed=2)
    async with api.async_client() as client:
        counted = await client.get_job_task_counts("job")
    assert counted.task_counts.active == 3
    assert counted.task_slot_counts.active == 7
    assert (counted.task_counts.running, counted.task_slot_counts.running) == (2, 4)
    assert (counted.task_counts.completed, counted.task_slot_counts.completed) == (4, 8)
    assert counted.task_counts.succeeded == 0


@pytest.mark.parametrize(
    ("header", "value"),
    [("If_Match", "0x1"), ("If_Unmodified_Since", "Mon, 01 Jan 2001 00:00:00 GMT"), ("If_None_Match", "*")],
)
async def test_a_condition_that_does_not_hold_changes_nothing(api: Api, header: str, value: str) -> None:
    await api.add_job()
    before = await api.content()
    answer = await api.delete("/jobs/job", **{header: value})
    assert answer.error == (412, "ConditionNotMet")
    assert await api.content() == before


async def test_conditions_on_reading(api: Api) -> None:
    await api.add_job()
    job = await api.get("/jobs/job")
    etag, changed = job.headers["ETag"], job.headers["Last-Modified"]
    assert etag == job.json["eTag"]
    unchanged = await api.get("/jobs/job", If_None_Match=f'"{etag}"')
    assert (unchanged.status, unchanged.body) == (304, b"")
    assert (await api.get("/jobs/job", If_Modified_Since=changed)).status == 304
    assert (await api.get("/jobs/job", If_Unmodified_Since=changed)).status == 200
    assert (await api.get("/jobs/job", If_Match=f"0x1, {etag}")).status == 200
    mixed = await api.get("/jobs/job", If_Match=etag, If_None_Match="0x1")
    assert mixed.error == (400, "MultipleConditionHeadersNotSupported")
    assert (await api.get("/jobs/job", If_Modified_Since="yesterday")).error == (400, "InvalidHeaderValue")
    assert (await api.get("/jobs", If_Match=etag)).error == (400, "UnsupportedHeader")


async def test_a_job_for_a_missing_api_version(api: Api) -> None:
    async with api.async_client() as client:
        client._config.api_version = "2099-01-01"
        with pytest.raises(HttpResponseError, match="UnsupportedRequestVersion"):
            await client.get_job("job")
