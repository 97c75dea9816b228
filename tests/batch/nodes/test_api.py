import asyncio

import pytest
from azure.batch import models
from azure.core.exceptions import ResourceNotFoundError
from tests.batch.service import Api

from batchite.store.batch import schema


async def test_nodes_are_listed_by_the_synchronous_client(api: Api) -> None:
    await api.add_pool("Pool", startTask={"commandLine": "prepare"})
    await api.add_node("n1", "Pool", agent_version="1.0", booted=10**16, tasks_run=3, tasks_succeeded=2)
    await api.add_node("n2", "Pool", state="creating", dedicated=False)

    def program() -> list[models.BatchNode]:
        with api.client() as client:
            return [client.get_node("pool", node.id) for node in client.list_nodes("pool")]

    first, second = await asyncio.to_thread(program)
    assert (first.id, first.state, first.is_dedicated) == ("n1", "idle", True)
    assert (first.total_tasks_run, first.total_tasks_succeeded, first.running_tasks_count) == (3, 2, 0)
    assert first.affinity_id == "TVM:n1"
    assert (first.ip_address, first.ipv6_address) == ("127.0.0.1", "::1")
    assert first.vm_size == "Standard_D2s_v3"
    assert first.url == f"{api.url}/pools/Pool/nodes/n1"
    assert first.node_agent_info is not None
    assert first.node_agent_info.version == "1.0"
    assert first.virtual_machine_info is not None
    assert first.start_task is not None
    assert first.start_task.command_line == "prepare"
    assert (second.state, second.is_dedicated, second.last_boot_time) == ("creating", False, None)


async def test_running_tasks_are_counted_per_node(api: Api) -> None:
    await api.add_pool()
    await api.add_node("n1")
    await api.add_node("n2")
    await api.add_job("a")
    await api.add_job("b", "elsewhere")
    for job in ("a", "b"):
        await api.add_task("t", job, requiredSlots=2)
        await api.add_task("u", job)
    await api.update(schema.tasks, state="running", node_no=1)
    nodes = (await api.get("/pools/pool/nodes?$select=id,runningTasksCount,runningTaskSlotsCount")).json
    assert nodes["value"] == [
        {"id": "n1", "runningTasksCount": 2, "runningTaskSlotsCount": 3},
        {"id": "n2", "runningTasksCount": 0, "runningTaskSlotsCount": 0},
    ]


async def test_the_last_tasks_of_a_node_are_shown_latest_first(api: Api) -> None:
    await api.add_pool()
    await api.add_node("n1")
    await api.add_node("n2")
    await api.add_job("Job")
    for number in range(12):
        await api.add_task(f"t{number}", "Job")
    assert "recentTasks" not in (await api.get("/pools/pool/nodes/n1")).json
    task = schema.tasks.c
    await api.update(schema.tasks, node_no=1, started=10, state="completed", state_time=task.task_no)
    last = {"state": "running", "state_time": 50, "started": 50}
    await api.update_task("t3", **last)
    await api.update_task("t4", intent="delete", **last)
    await api.update_task("t5", node_no=None, started=None, state="active")
    first, second = (await api.get("/pools/pool/nodes")).json["value"]
    assert "recentTasks" not in second
    recent = first["recentTasks"]
    assert [one["taskId"] for one in recent] == ["t3", *(f"t{i}" for i in (11, 10, 9, 8, 7, 6, 2, 1, 0))]
    assert recent[0] == {
        "taskUrl": f"{api.url}/jobs/Job/tasks/t3",
        "jobId": "Job",
        "taskId": "t3",
        "taskState": "running",
        "executionInfo": {"startTime": "1970-01-01T00:00:00.000005Z", "retryCount": 0, "requeueCount": 0},
    }
    assert (await api.get("/pools/pool/nodes/n1?$select=recentTasks")).json["recentTasks"] == recent
    assert "recentTasks" not in (await api.get("/pools/pool/nodes/n1?$select=id")).json


async def test_a_start_task_that_failed_is_shown_and_found(api: Api) -> None:
    await api.add_pool()
    info = (
        b'{"state":"completed","startTime":"2026-01-01T00:00:00Z","exitCode":1,"retryCount":0,'
        b'"result":"failure","failureInfo":{"category":"usererror","code":"FailureExitCode"}}'
    )
    errors = b'[{"code":"StartTaskFailed","message":"it failed","errorDetails":[]}]'
    await api.add_node(
        "bad", state="starttaskfailed", start_task_info=info, start_task_result="failure", errors=errors
    )
    await api.add_node("good")
    async with api.async_client() as client:
        found = [node async for node in client.list_nodes("pool", filter="startTaskInfo/result eq 'failure'")]
    assert [node.id for node in found] == ["bad"]
    assert found[0].start_task_info is not None
    assert found[0].start_task_info.exit_code == 1
    assert found[0].errors is not None
    assert found[0].errors[0].code == "StartTaskFailed"


async def test_nodes_of_other_pools_are_not_found(api: Api) -> None:
    await api.add_pool("one")
    await api.add_pool("two")
    await api.add_node("n", "one")
    async with api.async_client() as client:
        with pytest.raises(ResourceNotFoundError, match="NodeNotFound"):
            await client.get_node("two", "n")
        with pytest.raises(ResourceNotFoundError, match="PoolNotFound"):
            await client.get_node("three", "n")
        with pytest.raises(ResourceNotFoundError, match="PoolNotFound"):
            _ = [node async for node in client.list_nodes("three")]


async def test_a_node_elsewhere_shows_the_address_that_it_is_reached_by(api: Api) -> None:
    await api.add_pool("far")
    await api.add_node("far-away", "far", ip_address="10.0.0.7")
    node = (await api.get("/pools/far/nodes/far-away")).json
    assert node["ipAddress"] == "10.0.0.7"
    assert "ipv6Address" not in node
