"""What can be done with a job, in every state that it may be in."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
import sqlalchemy as sa
from azure.batch import models
from azure.batch.aio import BatchClient
from azure.core.exceptions import HttpResponseError
from tests.batch.job_schedules.conftest import Clock, at_work
from tests.batch.service import Api
from tests.dispatch.support import until_stored

from batchite.resources.states import JOB
from batchite.store.batch import schema
from batchite.store.database import Database

POOL = models.BatchPoolInfo(pool_id="pool")
TASK = models.BatchTaskCreateOptions(id="another", command_line="true")

OPERATIONS: Mapping[str, Callable[[BatchClient], Awaitable[Any]]] = {
    "get": lambda client: client.get_job("job"),
    "count": lambda client: client.get_job_task_counts("job"),
    "add again": lambda client: client.create_job(models.BatchJobCreateOptions(id="job", pool_info=POOL)),
    "patch": lambda client: client.update_job("job", models.BatchJobUpdateOptions(priority=7)),
    "update": lambda client: client.replace_job("job", models.BatchJob(pool_info=POOL)),
    "add a task": lambda client: client.create_task("job", TASK),
    "add tasks": lambda client: client.create_task_collection(
        "job", models.BatchTaskGroup(task_values=[TASK])
    ),
    "terminate a task": lambda client: client.terminate_task("job", "task"),
    "delete a task": lambda client: client.delete_task("job", "task"),
    "disable": lambda client: client._disable_job_internal(
        "job", models.BatchJobDisableOptions(disable_tasks="wait")
    ),
    "enable": lambda client: client._enable_job_internal("job"),
    "terminate": lambda client: client._terminate_job_internal("job", {"terminateReason": "enough"}),
    "delete": lambda client: client._delete_job_internal("job"),
}
"""Without the client's waiting for what follows."""

TAKES_CHANGES = ("patch", "update", "add a task", "add tasks", "terminate")
ENDS = {
    "terminating": "JobBeingTerminated",
    "completed": "JobCompleted",
    "deleting": "JobBeingDeleted",
}
REFUSED: Mapping[str, Mapping[str, str]] = {
    "active": {"enable": "OperationInvalidForCurrentState"},
    "disabling": {"enable": "OperationInvalidForCurrentState"},
    "disabled": {},
    "enabling": {"enable": "OperationInvalidForCurrentState", "disable": "JobNotActive"},
    **{state: dict.fromkeys((*TAKES_CHANGES, "disable", "enable"), code) for state, code in ENDS.items()},
}
"""By state, the code of the 409; all else is possible."""
REFUSED["deleting"]["delete"] = "JobBeingDeleted"  # type: ignore[index]

BECOMES = {
    ("active", "disable"): "disabling",
    ("disabled", "enable"): "enabling",
    **{(state, "terminate"): "terminating" for state in JOB},
    **{(state, "delete"): "deleting" for state in JOB},
}


def code_of(state: str, name: str) -> str | None:
    if name == "add again":
        return "JobBeingDeleted" if state == "deleting" else "JobExists"
    return REFUSED[state].get(name)


@pytest.mark.parametrize("state", JOB)
async def test_every_operation(api: Api, state: str) -> None:
    """What is refused changes nothing; what is done to a job is a change of it, and its state one only where
    it is another."""
    async with api.async_client() as client:
        for name, operate in OPERATIONS.items():
            await api.database.write(lambda c: [c.execute(sa.delete(t)) for t in reversed(all_tables())])
            await api.add_job()
            await api.add_task("task")
            await api.update(schema.jobs, state=state, previous_state="active", modified=5)
            before = await api.content()
            code = code_of(state, name)
            if code is not None:
                with pytest.raises(HttpResponseError, match=rf"\({code}\)") as refused:
                    await operate(client)
                assert refused.value.status_code == 409, (state, name)
                assert await api.content() == before, (state, name)
                continue
            await operate(client)
            (job,) = await jobs(api)
            is_other = (state, name) in BECOMES
            assert job.state == BECOMES.get((state, name), state), name
            assert job.previous_state == (state if is_other else "active"), name
            is_change = is_other or name in ("patch", "update", "disable")
            assert (job.modified > 5) == is_change, (state, name)


def all_tables() -> list[sa.Table]:
    return list(schema.metadata.sorted_tables)


async def jobs(api: Api) -> list[Any]:
    return await api.database.read(lambda c: list(c.execute(sa.select(schema.jobs))))


async def test_disabling_and_enabling_as_the_protocol_has_it(api: Api) -> None:
    await api.add_job("Job")
    before = (await api.get("/jobs/job")).json
    answer = await api.post("/jobs/JOB/disable", {"disableTasks": "Terminate"})
    assert (answer.status, answer.body) == (202, b"")
    job = (await api.get("/jobs/job")).json
    assert answer.headers["ETag"] == job["eTag"] != before["eTag"]
    assert answer.headers["DataServiceId"] == f"{api.url}/jobs/Job/disable"
    assert (job["state"], job["previousState"]) == ("disabling", "active")
    assert job["previousStateTransitionTime"] == before["stateTransitionTime"]
    assert job["stateTransitionTime"] == job["lastModified"]
    (row,) = await jobs(api)
    assert row.tasks_option == "terminate"
    again = await api.post("/jobs/job/disable", {"disableTasks": "requeue"})
    assert again.status == 202
    later = (await api.get("/jobs/job")).json
    assert {name for name in later if later[name] != job[name]} == {"eTag", "lastModified"}
    assert [row.tasks_option for row in await jobs(api)] == ["requeue"]
    assert (await api.post("/jobs/job/enable")).error[1] == "OperationInvalidForCurrentState"
    await api.update(schema.jobs, state="disabled")
    enabled = await api.post("/jobs/job/enable")
    assert enabled.status == 202
    assert enabled.headers["DataServiceId"] == f"{api.url}/jobs/Job/enable"
    assert (await api.get("/jobs/job")).json["state"] == "enabling"
    assert (await api.post("/jobs/none/enable")).error == (404, "JobNotFound")
    assert (await api.post("/jobs/none/disable", {"disableTasks": "wait"})).error == (404, "JobNotFound")


@pytest.mark.parametrize(
    "body",
    [
        None,
        {},
        {"disableTasks": None},
        {"disableTasks": "gently"},
        {"disableTasks": 1},
        {"disableTask": "wait"},
    ],
)
async def test_a_job_is_not_disabled_without_saying_how(api: Api, body: object) -> None:
    await api.add_job()
    before = await api.content()
    answer = await api.post("/jobs/job/disable", body)
    assert answer.status == 400
    assert await api.content() == before


@pytest.mark.parametrize("what", ["disable", "enable"])
async def test_conditions(api: Api, what: str) -> None:
    await api.add_job()
    await api.update(schema.jobs, state="disabled")
    before = await api.content()
    body = {"disableTasks": "wait"} if what == "disable" else None
    target = f"/jobs/job/{what}?api-version=2024-07-01.20.0"
    refused = await api.raw("POST", target, body, headers={"If-Match": "0x1"})
    assert refused.error == (412, "ConditionNotMet")
    assert await api.content() == before
    etag = (await api.get("/jobs/job")).json["eTag"]
    assert (await api.raw("POST", target, body, headers={"If-Match": etag})).status == 202


async def test_the_synchronous_client_waits_until_a_job_is_disabled(api: Api) -> None:
    """The owner does its part meanwhile."""
    await api.add_job()

    def program(what: str) -> None:
        with api.client() as client:
            if what == "disable":
                options = models.BatchJobDisableOptions(disable_tasks="requeue")
                client.begin_disable_job("job", options, polling_interval=0.01).wait()
            else:
                client.begin_enable_job("job", polling_interval=0.01).wait()

    for what, then in (("disable", "disabled"), ("enable", "active")):
        waiting = asyncio.create_task(asyncio.to_thread(program, what))
        await until_stored(api.database, schema.jobs, lambda rows: rows[0].state in ("disabling", "enabling"))
        await api.update(schema.jobs, state=then)
        await waiting


FORCED = "force=true&api-version=2024-07-01.20.0"


@pytest.mark.parametrize(("verb", "target", "state"), [
    ("POST", "/jobs/job/terminate", "terminating"),
    ("DELETE", "/jobs/job", "deleting"),
])  # fmt: skip
async def test_an_end_that_waits_for_no_node(api: Api, verb: str, target: str, state: str) -> None:
    """At once, or for a job that waits for nodes already, and only once; from the version on that has it."""
    await api.add_job()
    assert (await api.raw(verb, f"{target}?force=true&api-version=2024-02-01.19.0")).error == (
        400,
        "UnsupportedQueryParameter",
    )
    await api.raw(verb, f"{target}?api-version=2024-07-01.20.0")
    (waits,) = await jobs(api)
    assert (waits.state, waits.tasks_option) == (state, None)
    assert (await api.raw(verb, f"{target}?{FORCED}")).status == 202
    (forced,) = await jobs(api)
    assert (forced.state, forced.tasks_option, forced.previous_state) == (state, "force", "active")
    assert (forced.terminate_reason, forced.state_time) == (waits.terminate_reason, waits.state_time)
    again = await api.raw(verb, f"{target}?{FORCED}")
    assert again.error == (409, "JobBeingTerminated" if state == "terminating" else "JobBeingDeleted")


async def test_a_job_is_given_another_pool_while_it_is_disabled(api: Api) -> None:
    """One that is not there will do, as when it is added; its owner is the one to move it."""
    await api.add_job()
    other = {"poolInfo": {"poolId": "Other"}}
    target = "/jobs/job?api-version=2025-06-01"
    for state in ("active", "disabling", "enabling"):
        await api.update(schema.jobs, state=state)
        before = await api.content()
        refused = await api.raw("PATCH", target, other)
        assert refused.error == (409, "OperationInvalidForCurrentState")
        assert "disable the job first" in refused.message
        assert await api.content() == before
        assert (await api.raw("PATCH", target, {"poolInfo": {"poolId": "POOL"}})).status == 200
    await api.update(schema.jobs, state="disabled")
    api.owner.woken.clear()
    assert (await api.raw("PUT", target, other)).status == 200
    job = (await api.get("/jobs/job")).json
    assert (job["poolInfo"], job["executionInfo"]["poolId"]) == (other["poolInfo"], "Other")
    assert [one["id"] for one in (await api.get(f"/jobs?$filter={OTHERS}")).json["value"]] == ["job"]
    assert (job["state"], api.owner.woken) == ("disabled", ["devbatch/pool"])
    (row,) = await jobs(api)
    assert row.shard == "devbatch/pool"


OTHERS = "executionInfo/poolId%20eq%20'other'"


async def test_a_job_without_tasks_is_enabled_as_soon_as_it_is_disabled(database: Database) -> None:
    """As by clients that ask for no state between."""
    async with at_work(database, Clock()) as world:
        await world.api.add_job()
        for _ in range(3):
            assert (await world.api.post("/jobs/job/disable", {"disableTasks": "requeue"})).status == 202
            assert (await world.api.post("/jobs/job/enable")).status == 202
            assert (await world.api.get("/jobs/job")).json["state"] == "active"
