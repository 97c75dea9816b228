"""Every reason there is: a situation in which the service gives it, and its words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from tests.batch.service import Api, Node

from batchite.batch.explaining.catalogue import CATALOGUE, sentence
from batchite.scheduling import reasons
from batchite.scheduling.explaining import Finding
from batchite.scheduling.reasons import Reason
from batchite.scheduling.room import Limits
from batchite.store.batch import schema
from batchite.store.batch.explaining import COUNTED

Scenario = Callable[[Api], Awaitable[str]]
SCENARIOS: dict[type[Reason], Scenario] = {}
POOL, NODE, JOB, TASK = "/pools/pool", "/pools/pool/nodes/n", "/jobs/job", "/jobs/job/tasks/t"
LATER = 20_000_000_000_000_000
FILES = [{"httpUrl": "http://127.0.0.1:1/x", "filePath": "x"}]
DIRECTORY = "workitems/job/job-1/t"


def gives(kind: type[Reason]) -> Callable[[Scenario], Scenario]:
    """The situation that the function makes, of which it returns what to ask about, has this reason."""

    def note(scenario: Scenario) -> Scenario:
        assert kind not in SCENARIOS
        SCENARIOS[kind] = scenario
        return scenario

    return note


async def a_pool(api: Api, nodes: int = 1, state: str = "idle", **properties: object) -> None:
    """As many nodes in the state as it is to have, called n, n1, n2 and so on."""
    assert (await api.add_pool(targetDedicatedNodes=nodes, **properties)).status == 201
    await api.update(schema.pools, allocation_state="steady")
    for number in range(nodes):
        await api.add_node(f"n{number or ''}", state=state)


async def a_task(api: Api, task_id: str = "t", **properties: object) -> None:
    await api.add_job()
    assert (await api.add_task(task_id, **properties)).status == 201


async def many_tasks(api: Api, count: int) -> None:
    """So many more like the only task there is."""

    def copy(connection: sa.Connection) -> None:
        (row,) = connection.execute(sa.select(schema.tasks)).mappings()
        copied = {name: value for name, value in row.items() if name != "task_no"}
        ids = (f"m{number}" for number in range(count))
        connection.execute(sa.insert(schema.tasks), [{**copied, "id": name, "key": name} for name in ids])

    await api.database.write(copy)


async def on_node(api: Api, task_id: str, node_id: str = "n", state: str = "running") -> None:
    await api.update_task(task_id, state=state, node_no=1, node_id=node_id, started=LATER)


async def due(api: Api, kind: str, subject: int) -> None:
    row = {"kind": kind, "subject": subject, "shard": "devbatch/pool", "at": LATER}
    await api.database.write(lambda c: c.execute(sa.insert(schema.due), row))


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


@gives(reasons.ReplacementPause)
async def _(api: Api) -> str:
    await api.add_pool(targetDedicatedNodes=3)
    await api.update(schema.pools, allocation_state="steady")
    await due(api, "replace-nodes", 1)
    return POOL


@gives(reasons.JobDisabled)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.update(schema.jobs, state="disabled")
    return TASK


@gives(reasons.JobEnding)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.post(f"{JOB}/terminate")
    return TASK


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


@gives(reasons.SlotsTaken)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api, "first")
    await a_task(api)
    await on_node(api, "first")
    return TASK


@gives(reasons.JobsAhead)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.add_job("urgent", priority=5)
    await api.add_task("u", "urgent")
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


@gives(reasons.TaskCompleted)
async def _(api: Api) -> str:
    await a_pool(api)
    await a_task(api)
    await api.update_task("t", state="completed", result="failure", exit_code=9)
    return TASK


def test_every_reason_has_words_and_all_words_have_a_reason() -> None:
    assert set(CATALOGUE) == set(reasons.kinds()) == set(SCENARIOS)


@pytest.mark.parametrize("kind", reasons.kinds(), ids=lambda kind: kind.__name__)
async def test_the_service_gives_the_reason(api: Api, kind: type[Reason]) -> None:
    target = await SCENARIOS[kind](api)
    answer = await api.get(f"/-/explain{target}")
    assert answer.status == 200
    given = {reason["code"]: reason for reason in answer.json["reasons"]}
    assert kind.__name__ in given
    reason = given[kind.__name__]
    facts = {field.encode_name for field in msgspec.structs.fields(kind)}
    assert facts <= set(reason)
    assert reason["sentence"].endswith(".")
    assert "{" not in reason["sentence"] + reason["nextStep"]
    assert reason["nextStep"]
    first = answer.json["reasons"][0]
    assert (answer.json["sentence"], answer.json["nextStep"]) == (first["sentence"], first["nextStep"])
    assert [one["blocking"] for one in answer.json["reasons"]] == sorted(
        (one["blocking"] for one in answer.json["reasons"]), reverse=True
    )


@pytest.mark.parametrize(
    ("reason", "nodes", "said"),
    [
        (reasons.NodeCreating(), 0, "The node is still to be started."),
        (reasons.NodeCreating(), 1, "1 node is still to be started."),
        (
            reasons.NodeStartTaskFailed(3),
            37,
            "37 nodes are unusable: the start task failed with exit code 3.",
        ),
        (
            reasons.NodeStartTaskFailed(None, "No image."),
            0,
            "The node is unusable: the start task failed. No image.",
        ),
        (
            reasons.ParallelTasksReached(1),
            0,
            "The job may have 1 task on nodes at a time (its maxParallelTasks), and has them.",
        ),
        (reasons.NodeStartFails("{bad} %s"), 0, "The node is not started yet. {bad} %s."),
        (reasons.TaskCompleted("success", 0), 0, "The task is over: success, exit code 0."),
    ],
)
def test_sentences(reason: Any, nodes: int, said: str) -> None:
    assert sentence(Finding(reason, True, nodes)) == said
