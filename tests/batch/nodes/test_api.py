import asyncio

import pytest
from azure.batch import models
from azure.core.exceptions import ResourceNotFoundError
from tests.batch.service import IMAGE, Api

from batchite.resources.rules import Ports, StartTaskRules, encode
from batchite.store.batch import inbound, schema
from batchite.wire.batch import versions

VERSIONS = [known.text for known in versions.REGISTRY]
VM = "virtualMachineConfiguration"


async def test_nodes_are_listed_by_the_synchronous_client(api: Api) -> None:
    await api.add_pool("Pool", startTask={"commandLine": "prepare"})
    own = encode(StartTaskRules(b'{"commandLine":"prepare"}'))
    numbers = {"tasks_run": 3, "tasks_succeeded": 2}
    await api.add_node("n1", "Pool", agent_version="1.0", booted=10**16, start_task=own, **numbers)
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


# -- how nodes are reached

WEB = {
    "name": "web",
    "protocol": "udp",
    "backendPort": 8080,
    "frontendPortRangeStart": 15000,
    "frontendPortRangeEnd": 15039,
}


async def reserve(api: Api, *node_nos: int) -> None:
    """As the owner does when it makes nodes."""
    await api.database.write(lambda c: inbound.reserve(c, 1, node_nos, [Ports("web", 15000, 15039)]))


async def a_pool_with_endpoints(api: Api, **properties: object) -> None:
    network = {"endpointConfiguration": {"inboundNATPools": [WEB]}}
    added = await api.add_pool(networkConfiguration=network, **properties)
    assert added.status == 201
    for name, address in (("n1", "127.0.0.1"), ("n2", "10.0.0.7")):
        await api.add_node(name, ip_address=address, booted=10**16)
    await reserve(api, 1, 2)


async def test_endpoints_and_where_to_log_in(api: Api) -> None:
    await a_pool_with_endpoints(api)

    def program() -> list[object]:
        with api.client() as client:
            found: list[object] = []
            for node in client.list_nodes("pool"):
                assert node.endpoint_configuration is not None
                for one in node.endpoint_configuration.inbound_endpoints:
                    place = (one.public_ip_address, one.public_fqdn, one.frontend_port, one.backend_port)
                    found.append((one.name, one.protocol, *place))
                settings = client.get_node_remote_login_settings("pool", node.id)
                found.append((settings.remote_login_ip_address, settings.remote_login_port))
            pool = client.get_pool("pool").network_configuration
            assert pool is not None
            assert pool.endpoint_configuration is not None
            found.append(pool.endpoint_configuration.inbound_nat_pools[0].name)
            return found

    assert await asyncio.to_thread(program) == [
        ("web.0", "udp", "127.0.0.1", "localhost", 15000, 8080),
        ("SSHRule.0", "tcp", "127.0.0.1", "localhost", 50000, 22),
        ("127.0.0.1", 50000),
        ("web.1", "udp", "10.0.0.7", "10.0.0.7", 15001, 8080),
        ("SSHRule.1", "tcp", "10.0.0.7", "10.0.0.7", 50001, 22),
        ("10.0.0.7", 50001),
        "web",
    ]


@pytest.mark.parametrize("version", [*VERSIONS])
async def test_how_nodes_are_reached_in_every_version(api: Api, version: str) -> None:
    if version >= "2017-06-01":
        await a_pool_with_endpoints(api)
    else:
        await api.add_pool()
        await api.add_node("n1")
        await reserve(api, 1)
    node = await api.raw("GET", f"/pools/pool/nodes/n1?api-version={version}")
    assert ("endpointConfiguration" in node.json) == (version >= "2017-06-01")
    settings = await api.raw("GET", f"/pools/pool/nodes/n1/remoteloginsettings?api-version={version}")
    newest = {"ipv6RemoteLoginIPAddress": "::1", "ipv6RemoteLoginPort": 50000} if version >= "2025" else {}
    body = {name: value for name, value in settings.json.items() if name != "odata.metadata"}
    assert body == {**newest, "remoteLoginIPAddress": "127.0.0.1", "remoteLoginPort": 50000}
    listed = await api.raw("GET", f"/pools/pool/nodes/n1/extensions?api-version={version}")
    assert (listed.status == 200) == (version >= "2021-06-01")


async def test_no_node_and_no_port(api: Api) -> None:
    await api.add_pool()
    await api.add_node("n1")
    place = "/pools/pool/nodes/n1/remoteloginsettings"
    assert (await api.get(place)).error == (409, "OperationNotValidOnNode")
    assert (await api.get(place.replace("n1", "n2"))).error == (404, "NodeNotFound")
    assert (await api.get(place.replace("pool/", "none/"))).error == (404, "PoolNotFound")
    assert "endpointConfiguration" not in (await api.get("/pools/pool/nodes/n1")).json


async def test_a_file_for_remote_desktops_of_cloud_services_only(api: Api) -> None:
    old = "api-version=2019-06-01.9.0"
    body = {"id": "pool", "vmSize": "small", "cloudServiceConfiguration": {"osFamily": "5"}}
    assert (await api.raw("POST", f"/pools?{old}", body)).status == 201
    await api.add_pool("linux")
    await api.add_node("n1")
    await api.add_node("n2", "linux")
    await reserve(api, 1, 2)
    file = await api.raw("GET", f"/pools/pool/nodes/n1/rdp?{old}")
    assert (file.status, file.body) == (200, b"full address:s:127.0.0.1:50000")
    assert file.headers["Content-Type"] == "application/octet-stream"
    refused = await api.raw("GET", f"/pools/linux/nodes/n2/rdp?{old}")
    assert refused.error == (409, "OperationNotValidOnNode")
    assert (await api.get("/pools/pool/nodes/n1/rdp")).error == (404, "ResourceNotFound")
    node = (await api.get("/pools/pool/nodes/n1")).json
    *_, endpoint = node["endpointConfiguration"]["inboundEndpoints"]
    assert (endpoint["name"], endpoint["backendPort"]) == ("SSHRule.0", 3389)


# -- extensions


async def test_extensions_of_a_node(api: Api) -> None:
    own = {"name": "Keys", "publisher": "Contoso", "type": "KeyVault"}
    secret = {**own, "protectedSettings": {"password": "hush"}}
    await api.add_pool(**{VM: {**IMAGE, "extensions": [secret]}})
    await api.add_node("n1", booted=10**16)
    await api.add_node("n2", state="starting")

    def program() -> list[object]:
        with api.client() as client:
            found: list[object] = []
            for one in client.list_node_extensions("pool", "n1"):
                assert one.vm_extension is not None
                again = client.get_node_extension("pool", "n1", one.vm_extension.name.upper())
                assert again.vm_extension == one.vm_extension
                found.append((one.vm_extension.name, one.vm_extension.type, one.provisioning_state))
            with pytest.raises(ResourceNotFoundError):
                client.get_node_extension("pool", "n1", "none")
            return found

    assert await asyncio.to_thread(program) == [
        ("batchNodeExtension", "CustomScript", "Succeeded"),
        ("Keys", "KeyVault", "Succeeded"),
    ]
    first, second = (await api.get("/pools/pool/nodes/n1/extensions")).json["value"]
    assert b"hush" not in (await api.get("/pools/pool/nodes/n1/extensions")).body
    assert second["vmExtension"] == own
    assert "installs no extensions" in second["instanceView"]["statuses"][0]["message"]
    page = (await api.get("/pools/pool/nodes/n1/extensions?maxresults=1&$select=vmExtension")).json
    assert page["value"] == [{"vmExtension": first["vmExtension"]}]
    rest = await api.raw("GET", page["odata.nextLink"].removeprefix(api.url))
    assert rest.json["value"] == [{"vmExtension": own}]
    assert (await api.get("/pools/pool/nodes/n1/extensions/none")).error == (404, "ResourceNotFound")
    assert (await api.get("/pools/pool/nodes/n3/extensions")).error == (404, "NodeNotFound")
    young = (await api.get("/pools/pool/nodes/n2/extensions/keys")).json
    assert young["provisioningState"] == "Creating"
