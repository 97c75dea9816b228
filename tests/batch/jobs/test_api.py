import asyncio
from collections.abc import Awaitable, Callable

import pytest
from azure.batch import models
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from tests.batch.service import VERSION, Answer, Api

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
        assert job.execution_info.termination_reason is None
        await api.update(schema.jobs, state="completed")
        job = await client.get_job("job")
        assert job.execution_info is not None
        assert job.execution_info.termination_reason == "done with it"
        await api.update(schema.jobs, state="terminating")
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
    await api.update(schema.jobs, state="completed")
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
        client._config.api_version = "1999-01-01"
        with pytest.raises(HttpResponseError, match="UnsupportedRequestVersion"):
            await client.get_job("job")


async def test_the_synchronous_client_changes_parts_of_a_job(api: Api) -> None:
    await api.add_job("Job", priority=5, metadata=[{"name": "a", "value": "1"}], displayName="shown")
    before = (await api.get("/jobs/job")).json
    api.owner.woken.clear()

    def program() -> None:
        with api.client() as client:
            constraints = models.BatchJobConstraints(max_task_retry_count=3)
            client.update_job(
                "job", models.BatchJobUpdateOptions(constraints=constraints, max_parallel_tasks=2)
            )
            client.update_job("job", models.BatchJobUpdateOptions(all_tasks_complete_mode="terminatejob"))

    await asyncio.to_thread(program)
    after = (await api.get("/jobs/job")).json
    assert after["eTag"] != before["eTag"]
    assert after["lastModified"] > before["lastModified"]
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"constraints", "maxParallelTasks", "onAllTasksComplete", "eTag", "lastModified"}
    infinite = before["constraints"]["maxWallClockTime"]
    assert after["constraints"] == {"maxWallClockTime": infinite, "maxTaskRetryCount": 3}
    assert (after["maxParallelTasks"], after["onAllTasksComplete"]) == (2, "terminatejob")
    assert api.owner.woken == ["devbatch/pool"] * 2
    assert [event[2] for event in (await api.content())["events"]] == ["job"] * 3


async def test_the_synchronous_client_replaces_what_can_be_of_a_job(api: Api) -> None:
    given = {"constraints": {"maxWallClockTime": "PT1H", "maxTaskRetryCount": 2}, "maxParallelTasks": 3}
    environment = [{"name": "A", "value": "1"}]
    await api.add_job(
        "Job", metadata=[{"name": "a", "value": "1"}], commonEnvironmentSettings=environment, **given
    )

    def program() -> models.BatchJob:
        with api.client() as client:
            job = client.get_job("job")
            job.priority = -7
            client.replace_job("job", job)
            return client.get_job("job")

    job = await asyncio.to_thread(program)
    assert (job.priority, job.max_parallel_tasks, job.constraints.max_task_retry_count) == (-7, 3, 2)
    assert [item.name for item in job.metadata] == ["a"]
    answer = await api.raw("PUT", f"/jobs/job?{VERSION}", {"poolInfo": {"poolId": "pool"}})
    assert (answer.status, answer.body) == (200, b"")
    found = await api.get("/jobs/job")
    assert answer.headers["ETag"] == found.headers["ETag"]
    assert answer.headers["DataServiceId"] == f"{api.url}/jobs/Job"
    await api.add_job("plain", commonEnvironmentSettings=environment)
    plain = (await api.get("/jobs/plain")).json
    own = {"id", "url", "eTag", "lastModified", "creationTime", "stateTransitionTime", "executionInfo"}
    assert {
        name: value for name, value in found.json.items() if name not in own | {"metadata", "odata.metadata"}
    } == {name: value for name, value in plain.items() if name not in own | {"odata.metadata"}}


async def patch(api: Api, **properties: object) -> Answer:
    return await api.raw("PATCH", f"/jobs/job?{VERSION}", properties)


async def put(api: Api, **properties: object) -> Answer:
    return await api.raw("PUT", f"/jobs/job?{VERSION}", {"poolInfo": {"poolId": "pool"}, **properties})


async def test_null_leaves_a_property_in_a_patch_and_resets_it_in_a_replacement(api: Api) -> None:
    await api.add_job(priority=5)
    assert (await patch(api, priority=None, maxParallelTasks=4, constraints=None)).status == 200
    assert (await api.get("/jobs/job")).json["priority"] == 5
    assert (await put(api, priority=None)).status == 200
    job = (await api.get("/jobs/job")).json
    assert (job["priority"], job["maxParallelTasks"]) == (0, -1)


async def test_a_new_retry_count_is_for_the_tasks_that_are_added_later(api: Api) -> None:
    await api.add_job(constraints={"maxTaskRetryCount": 5})
    await api.add_task("before")
    assert (await patch(api, constraints={"maxWallClockTime": "PT1H"})).status == 200
    await api.add_task("after")
    counts = [
        task["constraints"]["maxTaskRetryCount"] for task in (await api.get("/jobs/job/tasks")).json["value"]
    ]
    assert counts == [5, 0]


@pytest.mark.parametrize("change", [patch, put])
async def test_a_job_that_ends_with_its_tasks_goes_on_doing_so(
    api: Api, change: Callable[..., Awaitable[Answer]]
) -> None:
    await api.add_job(onAllTasksComplete="terminatejob")
    refused = await change(api, onAllTasksComplete="NoAction", priority=3)
    assert refused.error == (400, "InvalidPropertyValue")
    assert "onAllTasksComplete" in refused.message
    if change is put:
        assert (await put(api)).error == (400, "InvalidPropertyValue")
    assert (await change(api, onAllTasksComplete="terminatejob", priority=3)).status == 200
    assert (await api.get("/jobs/job")).json["priority"] == 3


@pytest.mark.parametrize("change", [patch, put])
async def test_a_job_stays_with_its_pool(api: Api, change: Callable[..., Awaitable[Answer]]) -> None:
    await api.add_job()
    assert (await change(api, poolInfo={"poolId": "POOL"})).status == 200
    refused = await change(api, poolInfo={"poolId": "other"}, priority=3)
    assert refused.error == (409, "OperationInvalidForCurrentState")
    assert "poolInfo.poolId" in refused.message
    assert (await api.get("/jobs/job")).json["priority"] == 0


async def test_the_network_of_a_job_is_kept(api: Api) -> None:
    network = {"subnetId": "/subscriptions/s/subnets/n", "skipWithdrawFromVNet": True}
    assert (await api.add_job(networkConfiguration=network)).status == 201
    assert (await api.get("/jobs/job")).json["networkConfiguration"] == network


@pytest.mark.parametrize(
    ("verb", "body", "error"),
    [
        ("PATCH", {"priority": 1001}, "InvalidPropertyValue"),
        ("PATCH", {"maxParallelTasks": 0}, "InvalidPropertyValue"),
        ("PATCH", {"constraints": {"maxTaskRetryCount": -2}}, "InvalidPropertyValue"),
        ("PATCH", {"metadata": [{"name": "", "value": ""}]}, "EmptyMetadataKey"),
        ("PATCH", {"allowTaskPreemption": "often"}, "InvalidRequestBody"),
        (
            "PATCH",
            {"networkConfiguration": {"subnetId": " ", "skipWithdrawFromVNet": False}},
            "InvalidPropertyValue",
        ),
        ("PATCH", {"poolInfo": {}}, "MissingRequiredProperty"),
        ("PATCH", {"displayName": "other"}, "InvalidRequestBody"),
        ("PATCH", [], "InvalidRequestBody"),
        ("PUT", {"priority": 3}, "MissingRequiredProperty"),
        ("PUT", {"poolInfo": None}, "MissingRequiredProperty"),
        ("PUT", {"poolInfo": {"poolId": "pool"}, "state": "active"}, "InvalidRequestBody"),
    ],
)
async def test_a_change_that_is_refused_changes_nothing(
    api: Api, verb: str, body: object, error: str
) -> None:
    await api.add_job()
    before = await api.content()
    assert (await api.raw(verb, f"/jobs/job?{VERSION}", body)).error == (400, error)
    assert await api.content() == before


@pytest.mark.parametrize(
    ("state", "code"),
    [("terminating", "JobBeingTerminated"), ("completed", "JobCompleted"), ("deleting", "JobBeingDeleted")],
)
async def test_a_job_that_ends_takes_no_change(api: Api, state: str, code: str) -> None:
    assert (await patch(api, priority=1)).error == (404, "JobNotFound")
    await api.add_job()
    await api.update(schema.jobs, state=state)
    assert (await patch(api, priority=1)).error == (409, code)
    assert (await put(api)).error == (409, code)


@pytest.mark.parametrize("verb", ["PATCH", "PUT"])
async def test_conditions_on_changing(api: Api, verb: str) -> None:
    await api.add_job()
    body = {"poolInfo": {"poolId": "pool"}}
    old = "Mon, 01 Jan 2001 00:00:00 GMT"
    late = "Mon, 01 Jan 2601 00:00:00 GMT"
    for name, failing, holding in (
        ("If-Match", "0x1", "the tag"),
        ("If-None-Match", "the tag", "0x1"),
        ("If-Modified-Since", late, old),
        ("If-Unmodified-Since", old, late),
    ):
        etag = (await api.get("/jobs/job")).headers["ETag"]
        before = await api.content()
        values = [etag if value == "the tag" else value for value in (failing, holding)]
        refused = await api.raw(verb, f"/jobs/job?{VERSION}", body, {name: values[0]})
        assert refused.error == (412, "ConditionNotMet")
        assert await api.content() == before
        assert (await api.raw(verb, f"/jobs/job?{VERSION}", body, {name: values[1]})).status == 200
