"""Situations of jobs: why no more of their tasks run."""

from __future__ import annotations

import sqlalchemy as sa
from tests.batch.explaining.scenarios.base import (
    JOB,
    TASK,
    Scenarios,
    a_dependent_task,
    a_pool,
    a_prepared_job,
    a_task,
    due,
    giving,
    on_node,
)
from tests.batch.service import IMAGE, VERSION, Api

from batchite.configuration.scheduling import Scheduling
from batchite.scheduling import reasons
from batchite.scheduling.room import Limits
from batchite.store.batch import schema

SCENARIOS: Scenarios = {}
gives = giving(SCENARIOS)


@gives(reasons.JobDisabled)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.update(schema.jobs, state="disabled")
    return TASK


@gives(reasons.JobDisabling)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await on_node(api, "t")
    await api.add_task("waits")
    await api.update(schema.jobs, state="disabling")
    return JOB


@gives(reasons.JobEnabling)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.update(schema.jobs, state="enabling")
    return TASK


@gives(reasons.JobEnding)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.post(f"{JOB}/terminate")
    return TASK


@gives(reasons.JobReleases)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_prepared_job(api, standing="ready", release="wanted")
    await api.post(f"{JOB}/terminate")
    return JOB


@gives(reasons.JobLeaves)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_prepared_job(api, standing="ready", release="wanted")
    await api.update(schema.jobs, state="disabled")
    elsewhere = {"poolInfo": {"poolId": "other"}}
    assert (await api.raw("PATCH", f"{JOB}?{VERSION}", elsewhere)).status == 200
    return JOB


@gives(reasons.ManagerRunsAlone)
async def _(api: Api) -> str:
    await a_pool(api, taskSlotsPerNode=4)
    await api.add_job(jobManagerTask={"id": "t", "commandLine": "true"})
    await api.add_task("other")
    await on_node(api, "other")
    return TASK


@gives(reasons.AutoPoolMissing)
async def _(api: Api) -> str:
    await _with_pool(api)
    await api.add_task("t")
    await api.database.write(lambda connection: connection.execute(sa.delete(schema.pools)))
    return TASK


@gives(reasons.JobUnscheduled)
async def _(api: Api) -> str:
    api.owner.limited = Limits(1, None)
    await _with_pool(api)
    return JOB


async def _with_pool(api: Api) -> None:
    """A job that brings one with it."""
    pool = {"vmSize": "Standard_D2s_v3", "virtualMachineConfiguration": IMAGE, "targetDedicatedNodes": 1}
    spec = {"poolLifetimeOption": "job", "pool": pool}
    await api.post("/jobs", {"id": "job", "poolInfo": {"autoPoolSpecification": spec}})


@gives(reasons.JobCompleted)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.update(schema.jobs, state="completed", terminate_reason="UserTerminate")
    return TASK


@gives(reasons.ParallelTasksReached)
async def _(api: Api) -> str:
    await a_pool(api, taskSlotsPerNode=4)
    await api.add_job(maxParallelTasks=1)
    await a_task(api, "first")
    await a_task(api)
    await on_node(api, "first")
    return TASK


@gives(reasons.JobEmpty)
async def _(api: Api) -> str:
    await a_pool(api)
    await api.add_job()
    return JOB


@gives(reasons.NothingWaits)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await on_node(api, "t")
    return JOB


@gives(reasons.RetriesPause)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await due(api, "task-retry", 1)
    return JOB


@gives(reasons.JobsAhead)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.add_job("urgent", priority=5)
    await api.add_task("u", "urgent")
    return TASK


@gives(reasons.SharesAhead)
async def _(api: Api) -> str:
    api.owner.scheduling = Scheduling(share_by="team")
    await a_pool(api)
    await a_task(api, "first")
    await on_node(api, "first")
    await api.add_task("t")
    await api.add_job("other", metadata=[{"name": "team", "value": "b"}])
    await api.add_task("o", "other")
    return TASK


@gives(reasons.TasksBlocked)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_dependent_task(api)
    return JOB
