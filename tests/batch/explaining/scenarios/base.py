"""Situations of pools, jobs and tasks, and what is said of them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import sqlalchemy as sa
from tests.batch.service import Api

from batchite.scheduling.reasons import Reason
from batchite.store.batch import schema

Scenario = Callable[[Api], Awaitable[str]]
Scenarios = dict[type[Reason], Scenario]
POOL, NODE, JOB, TASK = "/pools/pool", "/pools/pool/nodes/n", "/jobs/job", "/jobs/job/tasks/t"
LATER = 20_000_000_000_000_000
OUTPUT_FILES = [
    {
        "filePattern": "*",
        "destination": {"container": {"containerUrl": "http://127.0.0.1:1/c"}},
        "uploadOptions": {"uploadCondition": "taskcompletion"},
    }
]
FILES = [{"httpUrl": "http://127.0.0.1:1/x", "filePath": "x"}]
DIRECTORY = "workitems/job/job-1/t"


def giving(scenarios: Scenarios) -> Callable[[type[Reason]], Callable[[Scenario], Scenario]]:
    """The situation that a function makes, of which it returns what to ask about, has the reason."""

    def gives(kind: type[Reason]) -> Callable[[Scenario], Scenario]:
        def note(scenario: Scenario) -> Scenario:
            assert kind not in scenarios
            scenarios[kind] = scenario
            return scenario

        return note

    return gives


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


async def a_prepared_job(api: Api, **row: object) -> None:
    """With a task, and node `n` as it is stored to be."""
    tasks = {"jobPreparationTask": {"commandLine": "true"}, "jobReleaseTask": {"commandLine": "true"}}
    await api.add_job(**tasks)
    await a_task(api)
    given = {"job_no": 1, "node_no": 1, "node_id": "n", "pool_id": "pool", "reruns": True, **row}
    await api.database.write(lambda c: c.execute(sa.insert(schema.job_nodes), given))


async def a_dependent_task(api: Api, **depends_on: object) -> str:
    """Which waits for `a`, if nothing else is said."""
    await api.add_job(usesTaskDependencies=True)
    assert (await api.add_task("a")).status == 201
    wanted = depends_on or {"taskIds": ["a"]}
    assert (await api.add_task("t", dependsOn=wanted)).status == 201
    return TASK
