"""What nodes are told, as clients see it at once: the owner of the shard is not there."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from tests.batch.service import IMAGE, Answer, Api, serving

from batchite.configuration.fidelity import Fidelity
from batchite.resources.states import NODE
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.batch import codec
from batchite.wire.batch.models.enums import BatchNodeState
from batchite.wire.batch.models.nodes import BatchNode
from batchite.wire.batch.versions import NEWEST, OLDER

DEALLOCATED_SINCE = "2024-07-01.20.0"
OPTIONS = {
    "reboot": ("nodeRebootOption", "rebooting"),
    "reimage": ("nodeReimageOption", "reimaging"),
    "deallocate": ("nodeDeallocateOption", "deallocating"),
}
BY_STATE = {
    "creating": "NodeBeingCreated",
    "starting": "NodeBeingStarted",
    "waitingforstarttask": "NodeBeingStarted",
    "rebooting": "NodeBeingRebooted",
    "reimaging": "NodeBeingReimaged",
}
PERMITTED = {"idle", "running", "starttaskfailed", "unusable"}
CLOUD_SERVICE = {
    "imageReference": {
        "publisher": "microsoft-azure-batch",
        "offer": "cloud-services",
        "sku": "5",
        "version": "*",
    },
    "nodeAgentSKUId": "batch.node.windows amd64",
}


async def tell(api: Api, what: str, body: object = None, node: str = "n") -> Answer:
    return await api.post(f"/pools/pool/nodes/{node}/{what}", body)


async def row(api: Api) -> Mapping[str, Any]:
    (found,) = (await api.content())["nodes"]
    return dict(zip(schema.nodes.columns.keys(), found, strict=True))


async def with_node(api: Api, state: str = "idle", **values: object) -> None:
    await api.add_pool(virtualMachineConfiguration=CLOUD_SERVICE)
    await api.add_node("n", state=state, **values)


@pytest.mark.parametrize("option", ["requeue", "TERMINATE", "taskCompletion", "retaineddata", None])
@pytest.mark.parametrize("what", OPTIONS)
async def test_the_state_is_set_before_the_answer_and_the_wish_is_on_disk(
    api: Api, what: str, option: str | None
) -> None:
    await with_node(api)
    name, state = OPTIONS[what]
    before = (await api.get("/-/events")).json["cursor"]
    answer = await tell(api, what, {name: option})
    assert (answer.status, answer.body) == (202, b"")
    assert answer.headers["DataServiceId"] == f"{api.url}/pools/pool/nodes/n/{what}"
    node = (await api.get("/pools/pool/nodes/n")).json
    assert (node["state"], node["schedulingState"]) == (state, "enabled")
    stored = await row(api)
    assert (stored["vacating"], stored["vacating_option"]) == (what, (option or "requeue").lower())
    (event,) = (await api.get(f"/-/events?cursor={before}")).json["events"]
    assert (event["nodeId"], event["state"], event["previousState"]) == ("n", state, "idle")
    ((_, shard, kind, _),) = [one for one in (await api.content())["events"] if one[2] == "node"]
    assert (kind, api.owner.woken[-1]) == ("node", shard)


@pytest.mark.parametrize("what", OPTIONS)
async def test_a_body_is_not_needed(api: Api, what: str) -> None:
    await with_node(api)
    assert (await tell(api, what)).status == 202
    assert (await row(api))["vacating_option"] == "requeue"


@pytest.mark.parametrize("state", NODE)
@pytest.mark.parametrize("what", OPTIONS)
async def test_it_is_done_to_nodes_that_are_up_or_could_not_be_made_ready(
    api: Api, what: str, state: str
) -> None:
    await with_node(api, state)
    before = await api.content()
    answer = await tell(api, what)
    if state in PERMITTED:
        assert answer.status == 202
        return
    assert answer.error == (409, BY_STATE.get(state, "OperationInvalidForCurrentState"))
    assert f"It is {state}, and" in answer.message
    assert await api.content() == before


@pytest.mark.parametrize(
    ("state", "what", "step"),
    [
        ("offline", "reboot", "Enable its scheduling first."),
        ("deallocated", "reboot", "Start it instead."),
        ("deallocating", "reboot", "Wait until it is deallocated, and start it."),
        ("deallocating", "start", "Wait until it is."),
        ("leavingpool", "deallocate", "Name another node"),
        ("leavingpool", "start", "Name another node"),
        ("idle", "start", "reboot it."),
        ("starting", "reboot", "Wait for that."),
    ],
)
async def test_a_refusal_names_a_step_that_helps_in_that_state(
    api: Api, state: str, what: str, step: str
) -> None:
    await with_node(api, state)
    answer = await tell(api, what)
    assert answer.status == 409
    assert step in answer.message


@pytest.mark.parametrize("what", OPTIONS)
async def test_nothing_keeps_a_node_that_is_being_preempted(api: Api, what: str) -> None:
    await with_node(api, "running", dedicated=False, vacating="preempt", vacating_option="requeue")
    before = await api.content()
    answer = await tell(api, what)
    assert answer.error == (409, "OperationInvalidForCurrentState")
    assert "being preempted. Wait until it is back" in answer.message
    assert await api.content() == before


@pytest.mark.parametrize("state", NODE)
async def test_only_what_is_deallocated_is_started(api: Api, state: str) -> None:
    await with_node(api, state, booted=7, boot_ready=8, start_task_state="completed", start_task_attempt=2)
    answer = await tell(api, "start")
    if state == "deallocated":
        assert answer.status == 202
        stored = await row(api)
        assert (stored["state"], stored["booted"], stored["boot_ready"]) == ("starting", 7, None)
        assert (stored["start_task_state"], stored["start_task_attempt"]) == (None, 0)
    else:
        assert answer.error == (409, BY_STATE.get(state, "OperationInvalidForCurrentState"))


@pytest.mark.parametrize("state", NODE)
async def test_scheduling_is_disabled_and_enabled_in_every_state(api: Api, state: str) -> None:
    await with_node(api, state)
    assert (await tell(api, "enablescheduling")).error == (409, "NodeAlreadyInTargetSchedulingState")
    disabled = await tell(api, "disablescheduling", {"nodeDisableSchedulingOption": "taskcompletion"})
    assert (disabled.status, disabled.body) == (200, b"")
    assert (await api.get("/pools/pool/nodes/n")).json["schedulingState"] == "disabled"
    stored = await row(api)
    leaves = state == "leavingpool"  # and goes on to
    wanted = (None, None) if leaves else ("disable", "taskcompletion")
    assert (stored["vacating"], stored["vacating_option"]) == wanted
    assert (await tell(api, "disablescheduling")).error == (409, "NodeAlreadyInTargetSchedulingState")
    assert (await tell(api, "enablescheduling")).status == 200
    node = (await api.get("/pools/pool/nodes/n")).json
    assert (node["schedulingState"], node["state"]) == ("enabled", state)
    assert (await row(api))["vacating"] is None


async def test_to_take_no_tasks_changes_nothing_of_what_a_node_is_about_to_do(api: Api) -> None:
    await with_node(api)
    await tell(api, "reboot", {"nodeRebootOption": "taskcompletion"})
    await tell(api, "disablescheduling", {"nodeDisableSchedulingOption": "terminate"})
    await tell(api, "enablescheduling")
    stored = await row(api)
    assert (stored["vacating"], stored["vacating_option"]) == ("reboot", "taskcompletion")


async def test_reimaging_is_for_cloud_services_unless_it_is_asked_for_otherwise(database: Database) -> None:
    async with serving(database, fidelity=Fidelity(reimages_all=True)) as willing, serving(database) as api:
        await api.add_pool(virtualMachineConfiguration=IMAGE)
        await api.add_node("n")
        refused = await tell(api, "reimage")
        assert refused.error == (409, "OperationNotValidOnNode")
        assert "batchite node reimage" in refused.message
        assert (await row(api))["state"] == "idle"
        assert (await tell(willing, "reimage")).status == 202
        assert (await row(api))["state"] == "reimaging"


async def test_an_endpoint_of_ours_reimages_nodes_of_any_pool(api: Api) -> None:
    await api.add_pool(virtualMachineConfiguration=IMAGE)
    await api.add_node("n")
    path = "/-/pools/pool/nodes/n/reimage"
    assert (await api.raw("POST", path, signed=False)).status in (401, 403)
    answer = await api.raw("POST", path, {"nodeReimageOption": "terminate"})
    assert (answer.status, answer.body) == (202, b"")
    stored = await row(api)
    assert (stored["state"], stored["vacating_option"]) == ("reimaging", "terminate")
    assert (await api.raw("POST", path)).error == (409, "NodeBeingReimaged")
    assert (await api.raw("POST", "/-/pools/pool/nodes/other/reimage")).error == (404, "NodeNotFound")
    wrong = await api.raw("POST", path, {"nodeReimageOption": "gently"})
    assert wrong.error == (400, "InvalidPropertyValue")
    api.owner.is_stopping = True
    assert (await api.raw("POST", path)).error == (503, "ServerBusy")


@pytest.mark.parametrize("state", NODE)
async def test_a_node_of_low_priority_is_preempted_while_it_is_there(api: Api, state: str) -> None:
    await with_node(api, state, dedicated=False)
    before = await api.content()
    answer = await api.raw("POST", "/-/pools/pool/nodes/n/preempt")
    stored = await row(api)
    if state in ("unusable", "deallocated", "preempted"):
        assert answer.error == (409, BY_STATE.get(state, "OperationInvalidForCurrentState"))
        assert await api.content() == before
    else:
        assert (answer.status, stored["state"], stored["vacating"]) == (202, state, "preempt")
        again = await api.raw("POST", "/-/pools/pool/nodes/n/preempt")
        assert again.error == (409, BY_STATE.get(state, "OperationInvalidForCurrentState"))


async def test_what_is_not_preempted(api: Api) -> None:
    await with_node(api)
    path = "/-/pools/pool/nodes/n/preempt"
    before = await api.content()
    dedicated = await api.raw("POST", path)
    assert dedicated.error == (409, "OperationNotValidOnNode")
    assert "isDedicated" in dedicated.message
    assert (await api.raw("POST", "/-/pools/pool/nodes/other/preempt")).error == (404, "NodeNotFound")
    assert (await api.raw("POST", path, signed=False)).status in (401, 403)
    api.owner.is_stopping = True
    assert (await api.raw("POST", path)).error == (503, "ServerBusy")
    assert await api.content() == before


@pytest.mark.parametrize(
    "what", ["reboot", "reimage", "deallocate", "start", "disablescheduling", "enablescheduling"]
)
async def test_what_is_not_there(api: Api, what: str) -> None:
    await with_node(api)
    assert (await tell(api, what, node="other")).error == (404, "NodeNotFound")
    assert (await api.post(f"/pools/elsewhere/nodes/n/{what}")).error == (404, "PoolNotFound")
    await api.delete("/pools/pool")
    assert (await tell(api, what)).error == (409, "PoolBeingDeleted")


@pytest.mark.parametrize(
    ("what", "body", "code"),
    [
        ("reboot", {"nodeRebootOption": "gently"}, "InvalidPropertyValue"),
        ("reboot", {"nodeRebootOption": 5}, "InvalidRequestBody"),
        ("reboot", {"nodeReimageOption": "requeue"}, "InvalidRequestBody"),
        ("reboot", b"{", "InvalidRequestBody"),
        ("reboot", [], "InvalidRequestBody"),
        ("disablescheduling", {"nodeDisableSchedulingOption": "retaineddata"}, "InvalidPropertyValue"),
        ("deallocate", {"nodeDeallocateOption": ""}, "InvalidPropertyValue"),
    ],
)
async def test_bad_input_changes_nothing(api: Api, what: str, body: object, code: str) -> None:
    await with_node(api)
    before = await api.content()
    answer = await tell(api, what, body)
    assert answer.error == (400, code)
    assert await api.content() == before


@pytest.mark.parametrize("version", [*OLDER, NEWEST])
async def test_every_version_tells_nodes_what_it_knows(api: Api, version: str) -> None:
    await with_node(api)
    for what in ("reboot", "disablescheduling", "enablescheduling", "deallocate", "start"):
        await api.update(schema.nodes, state="deallocated" if what == "start" else "idle", vacating=None)
        answer = await api.raw("POST", f"/pools/pool/nodes/n/{what}?api-version={version}")
        is_there = version >= DEALLOCATED_SINCE or what not in ("deallocate", "start")
        expected = 200 if what.endswith("scheduling") else 202
        assert answer.status == (expected if is_there else 404), (what, answer.body)


@pytest.mark.parametrize("state", NODE)
async def test_a_node_is_shown_as_the_model_has_it_in_every_state(api: Api, state: str) -> None:
    """And is found by it, and counted."""
    errors = b'[{"code":"NodeBootFailed","message":"m","errorDetails":[{"name":"Reason","value":"r"}]}]'
    await api.add_pool(startTask={"commandLine": "c"})
    await api.add_node("n", state=state, disabled=True, errors=errors, booted=10**16, agent_version="1")
    await api.add_node("other", state="idle" if state != "idle" else "running")
    shown = await api.get("/pools/pool/nodes/n")
    body = {name: value for name, value in shown.json.items() if name != "odata.metadata"}
    node = codec.convert(body, BatchNode)
    assert (node.state, node.running_tasks_count, node.running_task_slots_count) == (state, 0, 0)
    assert json.loads(codec.encode(node)) == body
    listed = await api.get(
        f"/pools/pool/nodes?$filter=state eq '{state}'&$select=id,state".replace(" ", "%20")
    )
    assert listed.json["value"] == [{"id": "n", "state": state}]
    (counted,) = (await api.get("/nodecounts")).json["value"]
    numbers = {name.lower(): number for name, number in counted["dedicated"].items()}
    assert (numbers[state], numbers["total"]) == (1, 2)
    assert numbers.keys() - {"total"} == {one.value for one in BatchNodeState}


@pytest.mark.parametrize("version", [*OLDER, NEWEST])
async def test_states_that_a_version_does_not_know_are_in_its_totals_alone(api: Api, version: str) -> None:
    if version < "2018-03-01":
        pytest.skip("it counts no nodes")
    await api.add_pool()
    for number, state in enumerate(("deallocated", "deallocating", "upgradingos", "offline")):
        await api.add_node(f"n{number}", state=state)
    (counted,) = (await api.raw("GET", f"/nodecounts?api-version={version}")).json["value"]
    dedicated = counted["dedicated"]
    assert (dedicated["total"], dedicated["offline"]) == (4, 1)
    assert ("deallocated" in dedicated) == ("deallocating" in dedicated) == (version >= DEALLOCATED_SINCE)
    assert ("upgradingOS" in dedicated) == (version >= "2024-02-01.19.0")
