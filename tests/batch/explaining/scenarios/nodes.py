"""Situations of nodes: why they take no tasks."""

from __future__ import annotations

from tests.batch.explaining.scenarios.base import (
    NODE,
    POOL,
    TASK,
    Scenarios,
    a_pool,
    a_prepared_job,
    a_task,
    giving,
    on_node,
)
from tests.batch.service import Api

from batchite.scheduling import reasons
from batchite.scheduling.reasons import Reason
from batchite.store.batch import schema

SCENARIOS: Scenarios = {}
gives = giving(SCENARIOS)


@gives(reasons.NodeUnusable)
async def _(api: Api) -> str:
    await a_pool(api, 2, "unusable")
    errors = b'[{"code":"NodeBootFailed","message":"m","errorDetails":[{"name":"Reason","value":"no disk"}]}]'
    await api.update(schema.nodes, errors=errors)
    return POOL


@gives(reasons.NodeRebooting)
async def _(api: Api) -> str:
    await a_pool(api)
    assert (await api.post(f"{NODE}/reboot")).status == 202
    return NODE


@gives(reasons.NodeReimaging)
async def _(api: Api) -> str:
    await a_pool(api)
    assert (await api.raw("POST", f"/-{NODE}/reimage")).status == 202
    return NODE


@gives(reasons.NodeDisabled)
async def _(api: Api) -> str:
    await a_pool(api, state="offline")
    await api.update(schema.nodes, disabled=True)
    await a_task(api)
    return TASK


@gives(reasons.NodeDeallocating)
async def _(api: Api) -> str:
    await a_pool(api)
    assert (await api.post(f"{NODE}/deallocate")).status == 202
    return NODE


@gives(reasons.NodeDeallocated)
async def _(api: Api) -> str:
    await a_pool(api, state="deallocated")
    await a_task(api)
    return TASK


@gives(reasons.NodePreempting)
async def _(api: Api) -> str:
    await a_pool(api)
    await api.update(schema.nodes, dedicated=False)
    await a_task(api)
    assert (await api.raw("POST", f"/-{NODE}/preempt")).status == 202
    return TASK


@gives(reasons.NodePreempted)
async def _(api: Api) -> str:
    await a_pool(api, state="preempted")
    await a_task(api)
    return TASK


@gives(reasons.NodePreparationFailed)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_prepared_job(api, standing="barred", preparation_exit_code=3)
    return TASK


@gives(reasons.NodeLowPriority)
async def _(api: Api) -> str:
    await a_pool(api)
    await api.add_node("cheap", dedicated=False)
    await api.update(schema.nodes, dedicated=False)
    await api.add_job(jobManagerTask={"id": "t", "commandLine": "true", "allowLowPriorityNode": False})
    return TASK


def _in_state(kind: type[Reason], state: str) -> None:
    @gives(kind)
    async def _(api: Api) -> str:
        await a_pool(api, state=state)
        return NODE


_in_state(reasons.NodeCreating, "creating")


_in_state(reasons.NodeStarting, "starting")


_in_state(reasons.NodeWaitsForStartTask, "waitingforstarttask")


_in_state(reasons.NodeLeaving, "leavingpool")


_in_state(reasons.NodeReady, "idle")


@gives(reasons.NodePreparing)
async def _(api: Api) -> str:
    await a_pool(api, state="starting")
    api.owner.preparing = {"n"}
    return NODE


@gives(reasons.NodeStartFails)
async def _(api: Api) -> str:
    await a_pool(api, state="creating")
    await api.update(schema.nodes, errors=b'[{"code":"NodeStartFailed","message":"There is no memory."}]')
    return NODE


@gives(reasons.NodeStartTaskFailed)
async def _(api: Api) -> str:
    await a_pool(api, state="starttaskfailed")
    await api.update(schema.nodes, start_task_exit_code=3)
    return NODE


@gives(reasons.NodeVacating)
async def _(api: Api) -> str:
    await a_pool(api, state="leavingpool")
    await a_task(api)
    await on_node(api, "t")
    await api.update(schema.nodes, vacating="remove", vacating_option="taskcompletion")
    return NODE


@gives(reasons.NodeGivenUp)
async def _(api: Api) -> str:
    await a_pool(api)
    api.owner.given_up = {"n"}
    return NODE


@gives(reasons.NodeOutOfContact)
async def _(api: Api) -> str:
    await a_pool(api)
    api.owner.out_of_contact = {"n"}
    return NODE


@gives(reasons.NodeFull)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await on_node(api, "t")
    return NODE


@gives(reasons.NodeTooSmall)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api, requiredSlots=4)
    return TASK
