"""Situations of pools: why they do not grow."""

from __future__ import annotations

from tests.batch.explaining.scenarios.base import POOL, TASK, Scenarios, a_pool, a_task, due, giving
from tests.batch.service import Api

from batchite.scheduling import reasons
from batchite.scheduling.room import Limits
from batchite.store.batch import schema

SCENARIOS: Scenarios = {}
gives = giving(SCENARIOS)


@gives(reasons.PoolMissing)
async def _(api: Api) -> str:
    await a_task(api)
    return TASK


@gives(reasons.PoolDeleting)
async def _(api: Api) -> str:
    await a_pool(api, 2)
    await api.delete(POOL)
    return POOL


@gives(reasons.PoolEmpty)
async def _(api: Api) -> str:
    await a_pool(api, 0)
    await a_task(api)
    return TASK


@gives(reasons.PoolResizing)
async def _(api: Api) -> str:
    await api.add_pool(targetDedicatedNodes=3)
    return POOL


@gives(reasons.PoolComplete)
async def _(api: Api) -> str:
    await a_pool(api, 2)
    return POOL


@gives(reasons.PoolScaled)
async def _(api: Api) -> str:
    await api.add_pool(enableAutoScale=True, autoScaleFormula="x = 1")
    await a_task(api)
    return TASK


@gives(reasons.FormulaFailed)
async def _(api: Api) -> str:
    await api.add_pool(enableAutoScale=True, autoScaleFormula="x = 1 / 0")
    values = '[{"name":"Message","value":"Line 1, Col 7: division by zero"}]'
    error = f'{{"code":"AutoScalingFormulaEvaluationError","values":{values}}}'
    run = f'{{"timestamp":"2026-01-30T12:00:00Z","results":"","error":{error}}}'
    await api.update(schema.autoscaling, run=run.encode())
    await a_task(api)
    return TASK


@gives(reasons.ResizeEnded)
async def _(api: Api) -> str:
    await api.add_pool(targetDedicatedNodes=3)
    errors = b'[{"code":"AllocationTimedout","message":"..."}]'
    await api.update(schema.pools, allocation_state="steady", resize_errors=errors)
    return POOL


@gives(reasons.CoreQuotaReached)
async def _(api: Api) -> str:
    api.owner.limited = Limits(4, None)
    await api.add_pool(targetDedicatedNodes=3)
    return POOL


@gives(reasons.MaxNodesReached)
async def _(api: Api) -> str:
    api.owner.limited = Limits(None, 2)
    await api.add_pool(targetDedicatedNodes=3)
    return POOL


@gives(reasons.PortsTaken)
async def _(api: Api) -> str:
    web = {
        "name": "web",
        "protocol": "tcp",
        "backendPort": 80,
        "frontendPortRangeStart": 15000,
        "frontendPortRangeEnd": 15039,
    }
    network = {"endpointConfiguration": {"inboundNATPools": [web]}}
    await api.add_pool(targetDedicatedNodes=41, networkConfiguration=network)
    return POOL


@gives(reasons.RoomPause)
async def _(api: Api) -> str:
    await api.add_pool(targetDedicatedNodes=3)
    await api.update(schema.pools, allocation_state="steady")
    await due(api, "replace-nodes", 1)
    return POOL


@gives(reasons.BootsPause)
async def _(api: Api) -> str:
    await a_pool(api, 2, "unusable")
    return POOL
