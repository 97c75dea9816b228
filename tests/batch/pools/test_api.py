import asyncio

import pytest
from azure.batch import models
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from tests.batch.service import Api

from batchite.store.batch import schema

POOL = models.BatchPoolCreateOptions(
    id="MyPool",
    vm_size="STANDARD_D2S_V3",
    virtual_machine_configuration=models.VirtualMachineConfiguration(
        image_reference=models.BatchVmImageReference(
            publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
        ),
        node_agent_sku_id="batch.node.ubuntu 22.04",
    ),
    target_dedicated_nodes=2,
    task_slots_per_node=4,
    metadata=[models.BatchMetadataItem(name="team", value="blue")],
    start_task=models.BatchStartTask(command_line="/bin/true", wait_for_success=True),
)


async def test_a_pool_lives_with_the_synchronous_client(api: Api) -> None:
    def program() -> models.BatchPool:
        with api.client() as client:
            client.create_pool(POOL)
            assert client.pool_exists("mypool")
            with pytest.raises(ResourceExistsError, match="PoolExists"):
                client.create_pool(POOL)
            assert [pool.id for pool in client.list_pools()] == ["MyPool"]
            return client.get_pool("MYPOOL")

    pool = await asyncio.to_thread(program)
    assert pool.id == "MyPool"
    assert pool.state == "active"
    assert pool.allocation_state == "resizing"
    assert (pool.target_dedicated_nodes, pool.target_low_priority_nodes) == (2, 0)
    assert (pool.current_dedicated_nodes, pool.current_low_priority_nodes) == (0, 0)
    assert pool.task_slots_per_node == 4
    assert pool.resize_timeout is not None
    assert pool.resize_timeout.total_seconds() == 900
    assert pool.metadata is not None
    assert pool.metadata[0].value == "blue"
    assert pool.url == f"{api.url}/pools/MyPool"
    assert pool.start_task is not None
    assert api.owner.woken == ["devbatch/mypool"]


async def test_a_pool_is_deleted_once(api: Api) -> None:
    async with api.async_client() as client:
        await client.create_pool(POOL)
        etag = (await client.get_pool("MyPool")).etag
        await client._delete_pool_internal("MyPool")
        pool = await client.get_pool("MyPool")
        assert pool.state == "deleting"
        assert pool.etag != etag
        with pytest.raises(ResourceExistsError, match="PoolBeingDeleted"):
            await client._delete_pool_internal("MyPool")
        with pytest.raises(ResourceExistsError, match="PoolBeingDeleted"):
            await client.create_pool(POOL)
        with pytest.raises(ResourceNotFoundError, match="The specified pool does not exist"):
            await client.get_pool("other")


async def test_conditions_decide_over_deletion_and_reading(api: Api) -> None:
    async with api.async_client() as client:
        await client.create_pool(POOL)
        etag = (await client.get_pool("MyPool")).etag
        wrong = {"etag": "0x1234", "match_condition": MatchConditions.IfNotModified}
        with pytest.raises(HttpResponseError) as caught:
            await client._delete_pool_internal("MyPool", **wrong)
        assert caught.value.status_code == 412
        with pytest.raises(HttpResponseError) as caught:
            await client.get_pool("MyPool", etag=etag, match_condition=MatchConditions.IfModified)
        assert caught.value.status_code == 304
        await client._delete_pool_internal("MyPool", etag=etag, match_condition=MatchConditions.IfNotModified)


async def test_nodes_are_counted(api: Api) -> None:
    await api.add_pool()
    await api.add_node("a")
    await api.add_node("b", dedicated=False, state="starttaskfailed")
    pool = (await api.get("/pools/pool")).json
    assert (pool["currentDedicatedNodes"], pool["currentLowPriorityNodes"]) == (1, 1)
    counts = (await api.get("/nodecounts?$filter=poolId eq 'POOL'".replace(" ", "%20"))).json["value"]
    assert counts[0]["dedicated"]["idle"] == counts[0]["dedicated"]["total"] == 1
    assert counts[0]["lowPriority"]["startTaskFailed"] == 1


async def test_resize_errors_are_shown(api: Api) -> None:
    await api.add_pool()
    stored = b'[{"code":"AccountCoreQuotaReached","message":"full"}]'
    await api.update(schema.pools, allocation_state="steady", resize_errors=stored)
    pool = (await api.get("/pools/pool")).json
    assert pool["resizeErrors"] == [{"code": "AccountCoreQuotaReached", "message": "full"}]


async def test_a_pool_on_its_way_out_shrinks_to_nothing(api: Api) -> None:
    await api.add_pool(targetDedicatedNodes=2, targetLowPriorityNodes=1)
    await api.update(schema.pools, allocation_state="steady", resize_errors=b"[]")
    assert (await api.delete("/pools/pool")).status == 202
    pool = (await api.get("/pools/pool")).json
    assert (pool["state"], pool["allocationState"]) == ("deleting", "resizing")
    assert pool["allocationStateTransitionTime"] == pool["stateTransitionTime"]
    assert (pool["targetDedicatedNodes"], pool["targetLowPriorityNodes"]) == (0, 0)
    assert "resizeErrors" not in pool


async def test_a_pool_that_is_not_there_has_no_head(api: Api) -> None:
    answer = await api.raw("HEAD", "/pools/none?api-version=2025-06-01")
    assert (answer.status, answer.body) == (404, b"")
    assert not {"Content-Type", "Content-Length"} & answer.headers.keys()


async def test_images_can_be_filtered(api: Api) -> None:
    async with api.async_client() as client:
        everything = [image async for image in client.list_supported_images()]
        chosen = [
            image
            async for image in client.list_supported_images(
                filter="osType eq 'linux' and nodeAgentSKUId ne 'batch.node.ubuntu 22.04'"
            )
        ]
        pages = client.list_supported_images(max_results=3).by_page()
        first = [image async for image in await anext(pages)]
    assert {image.node_agent_sku_id for image in everything} > {image.node_agent_sku_id for image in chosen}
    assert len(first) == 3
