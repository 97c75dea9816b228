"""Tasks are terminated and deleted in every state that they and their jobs can be in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import azure.batch.aio
import pytest
from azure.batch import models as m
from azure.core.exceptions import HttpResponseError, ResourceNotFoundError
from tests.batch.service import IMAGE, Api, serving
from tests.databases import Databases
from tests.dispatch.living import World
from tests.dispatch.support import counts, rows, until_stored

from batchite.batch.tasks import actions
from batchite.store.batch import schema

Sdk = azure.batch.aio.BatchClient


class Scene:
    """A pool of one node with one slot, and a job."""

    def __init__(self, world: World, api: Api, client: Sdk) -> None:
        self.world, self.api, self.client = world, api, client

    async def add(self, name: str, retries: int = 0) -> None:
        constraints = m.BatchTaskConstraints(max_task_retry_count=retries)
        task = m.BatchTaskCreateOptions(id=name, command_line="work", constraints=constraints)
        await self.client.create_task("job", task)
        await self.world.quiet()

    async def finish(self, name: str, code: int = 0) -> None:
        for agent in self.world.engine.alive.values():
            for order in [one for one in agent.running if one.task_id == name]:
                await agent.finish(order, code)
        await self.world.quiet()

    async def stored(self, name: str) -> str:
        found = {task.id: task.state for task in await rows(self.world.database, schema.tasks)}
        return str(found[name])


@pytest.fixture
async def scene(databases: Databases) -> AsyncIterator[Scene]:
    with databases.new("batch") as url:
        world = World(url)
        await world.start()
        async with serving(world.database, at_work=world.dispatch) as api, api.async_client() as client:
            await api.add_pool(targetDedicatedNodes=1, virtualMachineConfiguration=IMAGE)
            await api.add_job()
            await world.quiet()
            yield Scene(world, api, client)
        await world.stop(end_nodes=True)
        world.database.close()


async def active(scene: Scene) -> None:
    await scene.add("other")
    await scene.add("it")


async def leased(scene: Scene) -> None:
    """A node whose tasks have been short is given some ahead."""
    await scene.add("short")
    await scene.finish("short")
    await scene.add("other")
    await scene.add("it")
    assert await scene.stored("it") == "leased"


async def paused(scene: Scene) -> None:
    await scene.add("it", retries=-1)
    await scene.finish("it", code=1)
    assert (await scene.world.look()).paused


async def running(scene: Scene) -> None:
    await scene.add("it")
    assert await scene.stored("it") == "running"


async def completed(scene: Scene) -> None:
    await scene.add("it")
    await scene.finish("it")


async def failed(scene: Scene) -> None:
    await scene.add("it")
    await scene.finish("it", code=1)


STATES: list[Callable[[Scene], Awaitable[None]]] = [active, leased, paused, running, completed, failed]


@pytest.mark.parametrize("come", STATES)
async def test_terminated_in_every_state(scene: Scene, come: Callable[[Scene], Awaitable[None]]) -> None:
    await come(scene)
    if come in (completed, failed):
        with pytest.raises(HttpResponseError, match="TaskCompleted") as refused:
            await scene.client.terminate_task("job", "it")
        assert refused.value.status_code == 409
        return
    await scene.client.terminate_task("job", "it")
    found = await scene.client.get_task("job", "it")
    info = found.execution_info
    assert info is not None
    assert info.failure_info is not None
    assert (found.state, info.result, info.exit_code) == ("completed", "failure", None)
    assert (info.failure_info.category, info.failure_info.code) == ("usererror", "TaskEnded")
    assert (found.previous_state, found.node_info is not None) == (
        ("running", True) if come is running else ("active", False)
    )
    await scene.world.quiet()
    *_, succeeded, ended = await counts(scene.world.database)
    assert (succeeded, ended) == (int(come is leased), 1)


@pytest.mark.parametrize("come", STATES)
async def test_deleted_in_every_state(scene: Scene, come: Callable[[Scene], Awaitable[None]]) -> None:
    await come(scene)
    await scene.client.delete_task("job", "it")
    with pytest.raises(ResourceNotFoundError, match="TaskNotFound"):
        await scene.client.get_task("job", "it")
    await scene.add("it")
    look = await scene.world.quiet()
    assert [task.id for task in look.tasks].count("it") == 1
    unfinished = sum(task.state != "completed" for task in look.tasks)
    active, busy, succeeded, ended = await counts(scene.world.database)
    assert (active + busy, succeeded, ended) == (unfinished, int(come is leased), 0)


@pytest.mark.parametrize("change", ["terminate", "delete"])
@pytest.mark.parametrize("job", ["disabled", "completed", "terminating", "deleting"])
async def test_whatever_becomes_of_the_job(
    scene: Scene, job: str, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that waits in a job that is disabled or over; one that a node is about to end in one that
    ends."""
    monkeypatch.setattr(actions, "SETTLE_SECONDS", 0.01)
    database = scene.world.database
    await scene.add("other")
    await scene.add("it")
    (agent,) = scene.world.engine.alive.values()
    agent.is_stubborn = job != "completed"
    verb = {"disabled": "disable", "deleting": ""}.get(job, "terminate")
    body = {"disableTasks": "wait"} if job == "disabled" else None
    if verb:
        assert (await scene.api.post(f"/jobs/job/{verb}", body)).status == 202
    else:
        assert (await scene.api.delete("/jobs/job")).status == 202
    if job == "completed":
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
    name = "it" if job in ("disabled", "completed") else "other"
    end = scene.client.terminate_task if change == "terminate" else scene.client.delete_task
    await end("job", name)
    agent.is_stubborn = False
    await agent.come(scene.world.engine.url)

    def is_done(tasks: list[Any]) -> bool:
        found = {task.id: task.state for task in tasks}
        if job == "deleting":
            return not found
        return found.get(name) == (None if change == "delete" else "completed")

    await until_stored(database, schema.tasks, is_done)
    if job == "completed" and change == "terminate":
        with pytest.raises(HttpResponseError, match="JobCompleted"):
            await scene.client.reactivate_task("job", name)
