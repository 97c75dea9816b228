"""Tasks that wait for others, with an owner at work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack

import pytest
import sqlalchemy as sa
from tests.batch.service import acting
from tests.dispatch.support import (
    TERMINATES,
    ScriptedAgent,
    add_job,
    add_pool,
    connect_all,
    intend,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.batch.conditions import Conditions
from batchite.batch.tasks import actions
from batchite.resources import dependencies as words
from batchite.resources.keys import folded
from batchite.resources.rules import ExitConditionRules, ExitRules, JobRules, TaskRules, encode
from batchite.store.batch import releasing, schema, tasks
from batchite.store.database import Database

ALWAYS = Conditions()
RULES = encode(JobRules(uses_dependencies=True))
ENDS = encode(JobRules(uses_dependencies=True, terminates_when_done=True))
SATISFIES = encode(TaskRules(exits=ExitConditionRules(default=ExitRules(satisfies=True))))


def add(
    connection: sa.Connection,
    job: int,
    new: Mapping[str, Sequence[str]],
    rules: bytes | None = None,
    definition: bytes = b'{"commandLine":"true"}',
) -> None:
    """Tasks by their ids, with what each depends on."""
    times = dict.fromkeys(("state_time", "created", "modified"), 1)
    found = [
        {
            "job_no": job,
            "key": folded(task_id),
            "id": task_id,
            "definition": definition,
            "rules": rules,
            "required_slots": 1,
            "state": "active",
            "dependencies": words.encode(list(depends_on)),
            **times,
        }
        for task_id, depends_on in new.items()
    ]
    assert tasks.add(connection, job, found) is not None


def chain(length: int) -> dict[str, list[str]]:
    return {f"c{one}": [f"c{one - 1}"] if one else [] for one in range(length)}


async def started(database: Database) -> list[str]:
    """Ids of tasks in the order in which they were given to nodes."""
    found = await rows(database, schema.tasks)
    return [row.id for row in sorted(found, key=lambda row: (row.assigned, row.task_no)) if row.assigned]


async def test_a_chain_runs_one_after_the_other_and_then_the_job_ends(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 2))
    job = await database.write(lambda c: add_job(c, rules=ENDS))
    await database.write(lambda c: add(c, job, dict(reversed(chain(20).items()))))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 2)
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
    assert await started(database) == [f"c{one}" for one in range(20)]
    (counts,) = await rows(database, schema.task_counts)
    assert (counts.active, counts.blocked, counts.succeeded) == (0, 0, 20)
    assert (await rows(database, schema.jobs))[0].terminate_reason == "AllTasksComplete"


async def test_layers_joined_by_ranges_run_one_after_the_other(database: Database) -> None:
    layers = {
        str(layer * 10 + one): [words.Range(layer * 10 - 10, layer * 10 - 1).word] if layer else []
        for layer in range(4)
        for one in range(10)
    }
    await database.write(lambda c: add_pool(c, 3))
    job = await database.write(lambda c: add_job(c, rules=ENDS))
    await database.write(lambda c: add(c, job, layers))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 3)
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
    assert [int(one) // 10 for one in await started(database)] == [
        layer for layer in range(4) for _ in range(10)
    ]


async def test_a_failure_keeps_those_who_depend_on_it_and_the_job_goes_on(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c, rules=ENDS))
    await database.write(lambda c: add(c, job, {"bad": [], "kept": ["bad"], "other": ["bad-too"]}))
    await database.write(lambda c: add(c, job, {"bad-too": []}, SATISFIES))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        for number in range(2):
            await until(lambda: len(agent.runs) > number)  # noqa: B023
            await agent.end(agent.runs[number], code=3)
        await until(lambda: len(agent.runs) == 3)
        await agent.end(agent.runs[2])
        await until_stored(
            database, schema.tasks, lambda rows: [row.state for row in rows].count("completed") == 3
        )
        assert {row.id: row.state for row in await rows(database, schema.tasks)}["kept"] == "blocked"
        await database.write(lambda c: intend(c, "terminate", 2))
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
    (counts,) = await rows(database, schema.task_counts)
    assert (counts.active, counts.blocked, counts.succeeded, counts.failed) == (0, 0, 1, 3)


@pytest.mark.parametrize("intent", ["terminate", "delete"])
async def test_a_task_that_is_ended_while_it_waits_for_others_is_counted_no_more(
    database: Database, intent: str
) -> None:
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c, rules=RULES))
    await database.write(lambda c: add(c, job, {"a": ["nothing"], "b": ["a"], "c": ["b"]}, SATISFIES))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        await database.write(lambda c: intend(c, intent, 1))
        await settled(dispatch, database)
        if intent == "terminate":  # which satisfies, by its exit conditions
            await until_stored(database, schema.task_counts, lambda rows: rows[0].succeeded == 2)
            assert len(agent.runs) == 2
        else:
            (counts,) = await rows(database, schema.task_counts)
            assert (counts.active, counts.blocked) == (2, 2)


async def test_many_dependants_are_released_in_portions_also_by_the_next_owner(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing, "MOST", 7)
    await database.write(lambda c: add_pool(c, 2))
    job = await database.write(lambda c: add_job(c, rules=ENDS))
    await database.write(lambda c: add(c, job, {"p": [], **{f"t{one}": ["p"] for one in range(60)}}))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 2)
        await until_stored(database, schema.releases, bool)
    assert (await rows(database, schema.task_counts))[0].blocked
    dispatch, again = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        for spec in engine.started.values():
            await stack.enter_async_context(ScriptedAgent(url, spec))
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
    assert not await rows(database, schema.releases)
    assert not again.started
    assert (await rows(database, schema.task_counts))[0].succeeded == 61


async def test_jobs_without_dependencies_keep_nothing_of_them(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c, rules=TERMINATES))
    await database.write(lambda c: add(c, job, {"1": [], "2": []}))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 1)
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
    assert not await rows(database, schema.satisfied_numbers)
    assert [row.satisfied for row in await rows(database, schema.tasks)] == [None, None]


@pytest.mark.parametrize(
    ("action", "state", "reason"),
    [("terminate", "completed", "TaskFailed"), ("disable", "disabled", None), ("none", "active", None)],
)
async def test_what_a_failure_does_to_its_job(
    database: Database, action: str, state: str, reason: str | None
) -> None:
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c, rules=encode(JobRules(acts_on_exits=True))))
    exits = ExitConditionRules(codes=((3, 3, ExitRules(job_action=action)),))  # type: ignore[arg-type]
    await database.write(lambda c: add(c, job, {"a": [], "b": []}, encode(TaskRules(exits=exits))))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: bool(agent.runs))
        await agent.end(agent.runs[0], code=3)
        await until_stored(
            database,
            schema.tasks,
            lambda rows: rows[0].state == "completed" and (state != "active" or rows[1].state == "leased"),
        )
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == state)
    found, other = (await rows(database, schema.jobs))[0], (await rows(database, schema.tasks))[1]
    assert found.terminate_reason == reason
    assert other.state == ("leased" if state == "active" else "active")


async def test_a_failed_task_that_is_reactivated_and_succeeds_satisfies(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    job = await database.write(lambda c: add_job(c, rules=ENDS))
    definition = b'{"id":"a","commandLine":"true"}'
    await database.write(lambda c: add(c, job, {"a": [], "b": ["a"]}, definition=definition))
    dispatch, engine = make_dispatch(database)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        for number, code in enumerate((1, 0, 0)):
            await until(lambda: len(agent.runs) > number)  # noqa: B023
            await agent.end(agent.runs[number], code=code)
            if code:
                await until_stored(database, schema.tasks, lambda rows: rows[0].state == "completed")
                await actions.reactivate(acting(database, dispatch), "job", "a", ALWAYS)
        await until_stored(database, schema.jobs, lambda jobs: jobs[0].state == "completed")
    assert [run.task_id for run in agent.runs] == ["a", "a", "b"]
    (counts,) = await rows(database, schema.task_counts)
    assert (counts.active, counts.blocked, counts.succeeded, counts.failed) == (0, 0, 2, 0)
