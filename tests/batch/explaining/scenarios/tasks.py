"""Situations of tasks: why they do not run, or how far they are."""

from __future__ import annotations

from tests.batch.explaining.scenarios.base import (
    DIRECTORY,
    FILES,
    OUTPUT_FILES,
    TASK,
    Scenarios,
    a_dependent_task,
    a_pool,
    a_prepared_job,
    a_task,
    due,
    giving,
    many_tasks,
    on_node,
)
from tests.batch.service import Api, Node

from batchite.scheduling import reasons
from batchite.scheduling.state import Kept
from batchite.scheduling.windows import Lane
from batchite.store.batch.explaining import COUNTED

SCENARIOS: Scenarios = {}
gives = giving(SCENARIOS)


@gives(reasons.TaskPreparing)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_prepared_job(api, standing="wanted")
    await on_node(api, "t", state="preparing")
    return TASK


@gives(reasons.SlotsTaken)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api, "first")
    await a_task(api)
    await on_node(api, "first")
    return TASK


@gives(reasons.SlotsKept)
async def _(api: Api) -> str:
    await a_pool(api, taskSlotsPerNode=4)
    await a_task(api, "large", requiredSlots=4)
    await a_task(api)
    await a_task(api, "first")
    await on_node(api, "first")
    api.owner.kept = [Kept(1, 1, "large", Lane(4), "n", 17)]
    return TASK


@gives(reasons.TasksAhead)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api, "first")
    await a_task(api)
    return TASK


@gives(reasons.ManyTasksAhead)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api, "first")

    await many_tasks(api, COUNTED)
    await a_task(api)
    return TASK


@gives(reasons.DependencyMissing)
async def _(api: Api) -> str:
    return await a_dependent_task(api, taskIds=["b"])


@gives(reasons.DependencyUnfinished)
async def _(api: Api) -> str:
    return await a_dependent_task(api)


@gives(reasons.DependencyFailed)
async def _(api: Api) -> str:
    of_task = await a_dependent_task(api)
    await api.update_task("a", state="completed", result="failure", exit_code=3)
    return of_task


@gives(reasons.DependencyOnItself)
async def _(api: Api) -> str:
    return await a_dependent_task(api, taskIds=["a", "t"])


@gives(reasons.DependencyCircle)
async def _(api: Api) -> str:
    await a_dependent_task(api, taskIds=["b"])
    await api.add_task("b", dependsOn={"taskIds": ["a", "c"]})
    await api.add_task("c", dependsOn={"taskIds": ["t"]})
    return TASK


@gives(reasons.CommandNeedsShell)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api, commandLine="echo $HOME > out.txt")
    return TASK


@gives(reasons.TaskReleased)
async def _(api: Api) -> str:
    of_task = await a_dependent_task(api)
    await api.update_task("a", state="completed", satisfied=True)
    return of_task


@gives(reasons.RetryPause)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.update_task("t", retry_count=3)
    await due(api, "task-retry", 1)
    return TASK


@gives(reasons.TaskNext)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    return TASK


@gives(reasons.TaskEnding)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.post(f"{TASK}/terminate")
    return TASK


@gives(reasons.TaskAssigned)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await on_node(api, "t", state="leased")
    return TASK


@gives(reasons.TaskFetchesFiles)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api, resourceFiles=FILES)
    await on_node(api, "t")
    api.files.nodes["n"] = Node({DIRECTORY: None})
    return TASK


@gives(reasons.TaskRunning)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await on_node(api, "t")
    return TASK


@gives(reasons.TaskUploadsFiles)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api, outputFiles=OUTPUT_FILES)
    await on_node(api, "t")
    api.files.nodes["n"] = Node({f"{DIRECTORY}/fileuploadout.txt": b""})
    return TASK


@gives(reasons.TaskCompleted)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.update_task("t", state="completed", result="failure", exit_code=9)
    return TASK


@gives(reasons.TaskFilesGone)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await on_node(api, "t")
    await api.update_task("t", state="completed", result="success", exit_code=0, files_until=1)
    return TASK
