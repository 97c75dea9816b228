"""Other sizes of pools, as the API takes and stores them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa
from azure.batch import models
from azure.core.exceptions import HttpResponseError
from tests.batch.service import Api

from batchite.store.batch import schema

RESIZE, STOP, REMOVE = "/pools/pool/resize", "/pools/pool/stopresize", "/pools/pool/removenodes"
REFUSED = [
    (RESIZE, {}, "MissingRequiredProperty", "targetDedicatedNodes"),
    (RESIZE, {"targetDedicatedNodes": None}, "MissingRequiredProperty", "targetDedicatedNodes"),
    (RESIZE, {"resizeTimeout": "PT5M"}, "MissingRequiredProperty", "targetDedicatedNodes"),
    (RESIZE, {"targetDedicatedNodes": -1}, "InvalidPropertyValue", "targetDedicatedNodes"),
    (RESIZE, {"targetDedicatedNodes": 2**31}, "InvalidPropertyValue", "targetDedicatedNodes"),
    (RESIZE, {"targetDedicatedNodes": 1.5}, "InvalidRequestBody", "targetDedicatedNodes"),
    (RESIZE, {"targetLowPriorityNodes": -1}, "InvalidPropertyValue", "targetLowPriorityNodes"),
    (
        RESIZE,
        {"targetDedicatedNodes": 1, "resizeTimeout": "PT4M59S"},
        "InvalidPropertyValue",
        "resizeTimeout",
    ),
    (RESIZE, {"targetDedicatedNodes": 1, "resizeTimeout": "soon"}, "InvalidRequestBody", "resizeTimeout"),
    (
        RESIZE,
        {"targetDedicatedNodes": 1, "nodeDeallocationOption": "gently"},
        "InvalidPropertyValue",
        "nodeDeallocationOption",
    ),
    (RESIZE, {"targetDedicatedNodes": 1, "nodes": 2}, "InvalidRequestBody", "nodes"),
    (RESIZE, [], "InvalidRequestBody", None),
    (REMOVE, {}, "MissingRequiredProperty", "nodeList"),
    (REMOVE, {"nodeList": None}, "MissingRequiredProperty", "nodeList"),
    (REMOVE, {"nodeList": []}, "InvalidPropertyValue", "nodeList"),
    (REMOVE, {"nodeList": [f"n{number}" for number in range(101)]}, "InvalidPropertyValue", "nodeList"),
    (REMOVE, {"nodeList": ["a", 7]}, "InvalidRequestBody", "nodeList[1]"),
    (REMOVE, {"nodeList": ["a"], "resizeTimeout": "PT1S"}, "InvalidPropertyValue", "resizeTimeout"),
    (
        REMOVE,
        {"nodeList": ["a"], "nodeDeallocationOption": "TERMINATED"},
        "InvalidPropertyValue",
        "nodeDeallocationOption",
    ),
]


async def steady(api: Api, **properties: object) -> None:
    """A pool with two dedicated nodes, a and b, and one of low priority, c."""
    assert (await api.add_pool(targetDedicatedNodes=2, targetLowPriorityNodes=1, **properties)).status == 201
    await api.update(schema.pools, allocation_state="steady")
    await api.add_node("a")
    await api.add_node("b")
    await api.add_node("c", dedicated=False)


async def pool(api: Api) -> Any:
    return (await api.get("/pools/pool")).json


async def row(api: Api, table: sa.Table = schema.pools) -> Any:
    return await api.database.read(lambda c: c.execute(sa.select(table)).one())


async def wishes(api: Api) -> dict[str, tuple[str | None, str | None]]:
    """What nodes are to be vacated for, and how."""
    query = sa.select(schema.nodes.c.id, schema.nodes.c.vacating, schema.nodes.c.vacating_option)
    found = await api.database.read(lambda c: c.execute(query).all())
    return {node_id: (purpose, option) for node_id, purpose, option in found}


async def test_a_pool_is_resized_as_the_answer_goes_out(api: Api) -> None:
    """The official client's poller takes the first steady state that it sees for the end."""
    await steady(api)
    await api.update(schema.pools, resize_errors=b'[{"code":"AllocationFailed"}]', kept_dedicated=1)
    api.owner.woken.clear()
    etag = (await pool(api))["eTag"]

    def program() -> models.BatchPool:
        with api.client() as client:
            content = models.BatchPoolResizeOptions(
                target_dedicated_nodes=5, target_low_priority_nodes=0, node_deallocation_option="terminate"
            )
            client._resize_pool_internal("pool", content)
            return client.get_pool("pool")

    found = await asyncio.to_thread(program)
    assert found.allocation_state == "resizing"
    assert (found.target_dedicated_nodes, found.target_low_priority_nodes) == (5, 0)
    assert found.resize_errors is None
    assert found.resize_timeout is not None
    assert found.resize_timeout.total_seconds() == 900
    assert found.etag != etag
    stored = await row(api)
    assert (stored.resize_option, stored.kept_dedicated, stored.kept_low_priority) == (
        "terminate",
        None,
        None,
    )
    assert api.owner.woken == ["devbatch/pool"]


async def test_the_answer_says_what_was_changed(api: Api) -> None:
    await steady(api)
    answer = await api.post(RESIZE, {"targetDedicatedNodes": 3, "resizeTimeout": "PT1H"})
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["DataServiceId"] == f"{api.url}/pools/pool"
    found = await pool(api)
    assert answer.headers["ETag"] == found["eTag"]
    assert found["resizeTimeout"] == "PT1H"


@pytest.mark.parametrize(
    ("given", "targets"),
    [
        ({"targetDedicatedNodes": 0}, (0, 1)),
        ({"targetLowPriorityNodes": 7}, (2, 7)),
        ({"targetDedicatedNodes": 3, "targetLowPriorityNodes": None}, (3, 1)),
        ({"targetDedicatedNodes": 0, "targetLowPriorityNodes": 0}, (0, 0)),
    ],
)
async def test_a_target_that_is_not_given_stays(
    api: Api, given: dict[str, object], targets: tuple[int, int]
) -> None:
    await steady(api)
    assert (await api.post(RESIZE, given)).status == 202
    found = await pool(api)
    assert (found["targetDedicatedNodes"], found["targetLowPriorityNodes"]) == targets


@pytest.mark.parametrize("option", ["taskcompletion", "taskCompletion", "TASKCOMPLETION"])
async def test_options_are_read_as_all_clients_write_them(api: Api, option: str) -> None:
    await steady(api)
    body = {"targetDedicatedNodes": 0, "nodeDeallocationOption": option}
    assert (await api.post(RESIZE, body)).status == 202
    assert (await row(api)).resize_option == "taskcompletion"


@pytest.mark.parametrize(("path", "body", "code", "name"), REFUSED)
async def test_what_is_wrong_is_named_and_changes_nothing(
    api: Api, path: str, body: object, code: str, name: str | None
) -> None:
    await steady(api)
    before = await api.content()
    answer = await api.post(path, body)
    assert answer.error == (400, code), answer.body
    if name is not None:
        named = {pair["key"]: pair["value"] for pair in answer.json["values"]}
        assert named["PropertyName"] == name
    assert await api.content() == before


@pytest.mark.parametrize("state", ["resizing", "stopping"])
@pytest.mark.parametrize(
    ("path", "body"), [(RESIZE, {"targetDedicatedNodes": 1}), (REMOVE, {"nodeList": ["a"]})]
)
async def test_one_thing_at_a_time(api: Api, state: str, path: str, body: object) -> None:
    await steady(api)
    await api.update(schema.pools, allocation_state=state)
    before = await api.content()
    answer = await api.post(path, body)
    assert answer.error == (409, "PoolBeingResized")
    assert state in answer.message
    assert await api.content() == before


@pytest.mark.parametrize(
    ("path", "body"),
    [(RESIZE, {"targetDedicatedNodes": 1}), (STOP, None), (REMOVE, {"nodeList": ["a"]})],
)
async def test_pools_that_go_or_are_not_there(api: Api, path: str, body: object) -> None:
    assert (await api.post(path, body)).error == (404, "PoolNotFound")
    await steady(api)
    assert (await api.delete("/pools/pool")).status == 202
    before = await api.content()
    assert (await api.post(path, body)).error == (409, "PoolBeingDeleted")
    assert await api.content() == before


async def test_a_pool_that_scales_itself_is_not_resized(api: Api) -> None:
    await steady(api)
    await api.update(schema.pools, auto_scale=True)
    answer = await api.post(RESIZE, {"targetDedicatedNodes": 1})
    assert answer.error == (409, "OperationNotValidOnPool")
    assert "Disable autoscale" in answer.message
    assert (await api.post(REMOVE, {"nodeList": ["a"]})).status == 202


@pytest.mark.parametrize(
    ("path", "body"),
    [(RESIZE, {"targetDedicatedNodes": 1}), (STOP, None), (REMOVE, {"nodeList": ["a"]})],
)
async def test_conditions_hold_for_all_of_it(api: Api, path: str, body: object) -> None:
    await steady(api)
    if path == STOP:
        await api.update(schema.pools, allocation_state="resizing")
    before = await api.content()
    target = f"{path}?api-version=2025-06-01"
    wrong = await api.raw("POST", target, body, {"If-Match": '"0x1234"'})
    assert wrong.error == (412, "ConditionNotMet")
    assert await api.content() == before
    right = {"If-Match": (await pool(api))["eTag"]}
    assert (await api.raw("POST", target, body, right)).status == 202


async def test_a_resize_is_stopped_and_the_tag_stays(api: Api) -> None:
    await steady(api)
    assert (await api.post(RESIZE, {"targetDedicatedNodes": 5})).status == 202
    etag = (await pool(api))["eTag"]
    answer = await api.post(STOP)
    assert (answer.status, answer.headers["ETag"]) == (202, etag)
    found = await pool(api)
    assert (found["allocationState"], found["targetDedicatedNodes"]) == ("stopping", 5)
    assert found["eTag"] == etag
    again = await api.post(STOP)
    assert again.error == (409, "OperationInvalidForCurrentState")
    assert "stopping" in again.message


async def test_what_does_not_move_cannot_be_stopped(api: Api) -> None:
    await steady(api)
    before = await api.content()
    assert (await api.post(STOP)).error == (409, "OperationInvalidForCurrentState")
    assert await api.content() == before


async def test_the_official_client_stops_and_removes(api: Api) -> None:
    await api.add_pool(targetDedicatedNodes=2)
    async with api.async_client() as client:
        await client._stop_pool_resize_internal("pool")
        assert (await client.get_pool("pool")).allocation_state == "stopping"
        await api.update(schema.pools, allocation_state="steady")
        await api.add_node("a")
        await api.add_node("b")
        wanted = models.BatchNodeRemoveOptions(node_ids=["b"], node_deallocation_option="retaineddata")
        await client._remove_nodes_internal("pool", wanted)
        found = await client.get_pool("pool")
        assert (found.allocation_state, found.target_dedicated_nodes) == ("resizing", 1)
        with pytest.raises(HttpResponseError) as caught:
            await client._remove_nodes_internal("pool", wanted)
        assert caught.value.status_code == 409
    assert await wishes(api) == {"a": (None, None), "b": ("remove", "retaineddata")}


async def test_nodes_leave_and_the_targets_with_them(api: Api) -> None:
    await steady(api)
    body = {"nodeList": ["a", "c", "a"], "resizeTimeout": "PT20M"}
    assert (await api.post(REMOVE, body)).status == 202
    found = await pool(api)
    assert (found["targetDedicatedNodes"], found["targetLowPriorityNodes"]) == (1, 0)
    assert (found["allocationState"], found["resizeTimeout"]) == ("resizing", "PT20M")
    assert await wishes(api) == {"a": ("remove", "requeue"), "b": (None, None), "c": ("remove", "requeue")}


async def test_a_pool_that_never_got_all_has_no_more_to_want_after_a_removal(api: Api) -> None:
    await steady(api)
    await api.update(schema.pools, target_dedicated=9, kept_dedicated=2)
    assert (await api.post(REMOVE, {"nodeList": ["a"]})).status == 202
    found = await pool(api)
    assert (found["targetDedicatedNodes"], found["targetLowPriorityNodes"]) == (1, 1)
    assert (await row(api)).kept_dedicated is None


@pytest.mark.parametrize("other", ["elsewhere", "A", "", "a\0", "x" * 5000])
async def test_a_node_of_another_pool_leaves_no_pool(api: Api, other: str) -> None:
    await steady(api)
    await api.add_pool("other")
    await api.add_node("elsewhere", "other")
    before = await api.content()
    answer = await api.post(REMOVE, {"nodeList": ["a", other]})
    assert answer.error == (404, "NodeNotFound")
    assert len(answer.message) < 1000
    assert await api.content() == before


async def test_a_hundred_nodes_leave_at_once(api: Api) -> None:
    await api.add_pool(targetDedicatedNodes=100)
    await api.update(schema.pools, allocation_state="steady")
    names = [f"n{number}" for number in range(100)]
    for name in names:
        await api.add_node(name)
    assert (await api.post(REMOVE, {"nodeList": names})).status == 202
    assert (await pool(api))["targetDedicatedNodes"] == 0


async def test_the_feed_tells_of_it(api: Api) -> None:
    await steady(api)
    cursor = (await api.get("/-/events")).json["cursor"]
    await api.post(RESIZE, {"targetDedicatedNodes": 5})
    await api.post(STOP)
    told = (await api.get(f"/-/events?cursor={cursor}")).json["events"]
    assert [one["allocationState"] for one in told] == ["resizing", "stopping"]


OLD = "2016-07-01.3.1"


async def test_pools_are_resized_at_an_old_version(api: Api) -> None:
    await steady(api)
    target = f"{RESIZE}?api-version={OLD}"
    missing = await api.raw("POST", target, {})
    assert missing.error == (400, "MissingRequiredProperty")
    assert {"key": "PropertyName", "value": "targetDedicated"} in missing.json["values"]
    assert (await api.raw("POST", target, {"targetDedicatedNodes": 1})).error == (400, "InvalidRequestBody")
    assert (await api.raw("POST", target, {"targetDedicated": 1})).status == 202
    assert (await row(api)).target_dedicated == 1
