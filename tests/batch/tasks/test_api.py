import asyncio
import json

import pytest
from azure.batch import models
from azure.core.exceptions import ResourceExistsError, ResourceNotFoundError
from tests.batch.service import Api

from batchite.store.batch import schema


def task(name: str) -> models.BatchTaskCreateOptions:
    return models.BatchTaskCreateOptions(id=name, command_line=f"echo {name}")


async def test_tasks_are_added_in_bulk_by_the_synchronous_client(api: Api) -> None:
    await api.add_job(constraints={"maxTaskRetryCount": 2})

    def program() -> tuple[list[str], models.BatchTask]:
        with api.client() as client:
            result = client.create_tasks("job", [task(f"t{i}") for i in range(250)])
            assert {entry.status for entry in result.result_values} == {"success"}
            listed = [found.id for found in client.list_tasks("job", max_results=99)]
            return listed, client.get_task("job", "T7")

    listed, found = await asyncio.to_thread(program)
    assert sorted(listed) == sorted(f"t{i}" for i in range(250))
    assert found.command_line == "echo t7"
    assert (found.state, found.previous_state, found.required_slots) == ("active", None, 1)
    assert found.constraints is not None
    assert found.constraints.max_task_retry_count == 2
    assert found.execution_info is not None
    assert (found.execution_info.retry_count, found.execution_info.requeue_count) == (0, 0)
    assert found.node_info is None
    assert found.user_identity is not None
    assert found.user_identity.auto_user is not None
    assert found.user_identity.auto_user.scope == "pool"
    stored = await api.content()
    assert [row[1:3] for row in stored["task_counts"]] == [(1, 250)]
    assert [event[2] for event in stored["events"]] == ["job", "tasks", "tasks", "tasks"]


async def test_each_task_of_a_collection_has_its_own_result(api: Api) -> None:
    await api.add_job("Job")
    await api.add_task("old")
    answer = await api.post(
        "/jobs/job/addtaskcollection",
        {
            "value": [
                {"id": "new", "commandLine": "a"},
                {"id": "OLD", "commandLine": "b"},
                {"id": "bad id", "commandLine": "c"},
                {"id": "NEW", "commandLine": "d"},
            ]
        },
    )
    assert answer.status == 200
    assert list(answer.json) == ["odata.metadata", "value"]
    assert answer.json["odata.metadata"] == f"{api.url}/$metadata#taskaddresult"
    new, old, bad, twice = answer.json["value"]
    assert (new["status"], new["location"]) == ("success", f"{api.url}/jobs/Job/tasks/new")
    assert new["eTag"] == (await api.get("/jobs/job/tasks/new")).json["eTag"]
    assert [entry["error"]["code"] for entry in (old, bad, twice)] == [
        "TaskExists",
        "InvalidPropertyValue",
        "TaskExists",
    ]
    assert {entry["status"] for entry in (old, bad, twice)} == {"clienterror"}
    assert "value[2].id" in bad["error"]["message"]["value"]
    stored = [row[4] for row in (await api.content())["tasks"]]
    assert [json.loads(definition) for definition in stored[1:]] == [
        {
            "id": "new",
            "commandLine": "a",
            "constraints": {
                "maxWallClockTime": "P10675199DT2H48M5.4775807S",
                "retentionTime": "P7D",
                "maxTaskRetryCount": 0,
            },
            "requiredSlots": 1,
            "userIdentity": {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}},
        }
    ]


async def test_a_collection_that_adds_nothing_stores_nothing(api: Api) -> None:
    await api.add_job()
    await api.add_task("old")
    before = await api.content()
    group = [{"id": "old", "commandLine": "a"}, {"id": "", "commandLine": "b"}]
    answer = await api.post("/jobs/job/addtaskcollection", {"value": group})
    assert [entry["status"] for entry in answer.json["value"]] == ["clienterror", "clienterror"]
    assert await api.content() == before


@pytest.mark.parametrize(
    ("state", "code"),
    [("completed", "JobCompleted"), ("terminating", "JobBeingTerminated"), ("deleting", "JobBeingDeleted")],
)
async def test_a_job_that_ends_takes_no_tasks(api: Api, state: str, code: str) -> None:
    await api.add_job()
    await api.update(schema.jobs, state=state)
    before = await api.content()
    assert (await api.add_task("t")).error == (409, code)
    collection = {"value": [{"id": "t", "commandLine": "true"}]}
    assert (await api.post("/jobs/job/addtaskcollection", collection)).error == (409, code)
    assert await api.content() == before


async def test_tasks_need_a_job(api: Api) -> None:
    async with api.async_client() as client:
        with pytest.raises(ResourceNotFoundError, match="JobNotFound"):
            await client.create_task("none", task("t"))
        with pytest.raises(ResourceNotFoundError, match="JobNotFound"):
            await client.get_task("none", "t")
        await api.add_job()
        await client.create_task("job", task("t"))
        with pytest.raises(ResourceExistsError, match="TaskExists"):
            await client.create_task("job", task("T"))
        with pytest.raises(ResourceNotFoundError, match="TaskNotFound"):
            await client.get_task("job", "other")


async def test_terminating_a_task_stores_the_intent_and_waits_for_the_owner(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    async with api.async_client() as client:
        await client.terminate_task("job", "T")
    stored = await api.content()
    assert [task.intent for task in await api.rows(schema.tasks)] == ["terminate"]
    sequence, shard, kind, subject = stored["events"][-1]
    assert (kind, subject) == ("task", stored["tasks"][0][0])
    assert api.owner.awaited == [(shard, sequence)]
    assert api.owner.woken[-1] == shard


async def test_a_completed_task_cannot_be_terminated(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    await api.update(schema.tasks, state="completed")
    assert (await api.post("/jobs/job/tasks/t/terminate")).error == (409, "TaskCompleted")
    assert (await api.post("/jobs/job/tasks/none/terminate")).error == (404, "TaskNotFound")


async def test_a_deleted_task_is_gone_at_once(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    async with api.async_client() as client:
        await client.delete_task("job", "t")
        with pytest.raises(ResourceNotFoundError):
            await client.get_task("job", "t")
        with pytest.raises(ResourceNotFoundError):
            await client.delete_task("job", "t")
        assert [found async for found in client.list_tasks("job")] == []


async def test_a_task_that_ran_shows_its_course_and_its_node(api: Api) -> None:
    await api.add_job("Job", "Pool")
    await api.add_task("t")
    await api.update(
        schema.tasks,
        state="completed",
        previous_state="running",
        previous_state_time=10**16,
        node_id="node-1",
        started=10**16,
        ended=10**16 + 5,
        exit_code=3,
        result="failure",
        failure=b'{"category":"usererror","code":"FailureExitCode"}',
        retry_count=1,
        last_retry=10**16 - 7,
    )
    found = (await api.get("/jobs/job/tasks/t")).json
    assert (found["state"], found["previousState"]) == ("completed", "running")
    assert found["previousStateTransitionTime"] == "2001-09-09T01:46:40Z"
    assert found["executionInfo"] == {
        "startTime": "2001-09-09T01:46:40Z",
        "endTime": "2001-09-09T01:46:40.0000005Z",
        "exitCode": 3,
        "failureInfo": {"category": "usererror", "code": "FailureExitCode"},
        "retryCount": 1,
        "lastRetryTime": "2001-09-09T01:46:40Z",
        "requeueCount": 0,
        "result": "failure",
    }
    assert found["nodeInfo"] == {
        "affinityId": "TVM:node-1",
        "nodeUrl": f"{api.url}/pools/Pool/nodes/node-1",
        "poolId": "Pool",
        "nodeId": "node-1",
        "taskRootDirectory": "workitems/Job/job-1/t",
        "taskRootDirectoryUrl": f"{api.url}/pools/Pool/nodes/node-1/files/workitems/Job/job-1/t",
    }


async def test_a_leased_task_is_shown_as_active(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    await api.update(schema.tasks, state="leased", node_id="n", node_no=1)
    found = (await api.get("/jobs/job/tasks/t")).json
    assert found["state"] == "active"
    assert "nodeInfo" not in found
    for filter_, count in (("state%20eq%20'Active'", 1), ("state%20ne%20'active'", 0)):
        assert len((await api.get(f"/jobs/job/tasks?$filter={filter_}")).json["value"]) == count
