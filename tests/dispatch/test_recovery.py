"""Commits that fail, and owners that change: nothing is lost, and nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
from tests.dispatch.support import (
    ScriptedAgent,
    ScriptedEngine,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    counts,
    make_dispatch,
    rows,
    running,
    settled,
    until,
    until_stored,
)

from batchite.dispatch.service import Dispatch
from batchite.link import messages as link
from batchite.resources.rules import PoolRules, StartTaskRules, encode
from batchite.store.batch import schema
from batchite.store.database import Database, Unit
from batchite.store.groups import T
from batchite.wire.batch.outcome import Failure

PREPARE = encode(PoolRules(start_task=StartTaskRules(b'{"commandLine":"prepare"}', max_retries=1)))
FAILED = Failure("usererror", "FailureExitCode", "exit code 3")


class FragileDatabase(Database):
    """Whose commits fail while it is told so; the first of them only once `may_fail` is set."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.is_broken = False
        self.failures = 0
        self.may_fail = asyncio.Event()

    async def write(self, unit: Unit[T]) -> T:
        if self.is_broken:
            self.failures += 1
            await self.may_fail.wait()
            raise OSError("no space left on device")
        return await super().write(unit)


@pytest.fixture
async def database(batch_url: str) -> AsyncIterator[FragileDatabase]:
    database = FragileDatabase(batch_url)
    yield database
    database.close()


async def two_running(
    database: Database, stack: AsyncExitStack
) -> tuple[Dispatch, str, ScriptedEngine, ScriptedAgent]:
    await database.write(lambda c: add_pool(c, 1, slots=2))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, 2))
    dispatch, engine = make_dispatch(database)
    url = await stack.enter_async_context(running(dispatch))
    (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
    await until(lambda: len(agent.runs) == 2)
    return dispatch, url, engine, agent


async def test_a_shard_whose_commit_failed_reads_its_memory_again_and_goes_on(
    database: FragileDatabase,
) -> None:
    """Nothing is acknowledged, and agents have to connect anew, so that they repeat what they said."""
    database.may_fail.set()
    async with AsyncExitStack() as stack:
        _, url, engine, agent = await two_running(database, stack)
        database.is_broken = True
        await agent.end(agent.runs[0])
        await until(lambda: agent.is_cut_off)
        assert agent.acknowledged == 0
        database.is_broken = False
        (spec,) = engine.started.values()
        again = await stack.enter_async_context(ScriptedAgent(url, spec))
        await until(lambda: again.acknowledged == 4)
        assert [(run.number, run.attempt) for run in again.runs] == [(1, 1), (2, 1)]
        assert await counts(database) == (0, 0, 2, 0)


async def test_what_was_said_on_a_link_whose_reports_are_lost_is_dropped(database: FragileDatabase) -> None:
    """It came while the commit of an earlier report was on its way to fail: with it taken, the earlier one
    would be acknowledged as well."""
    async with AsyncExitStack() as stack:
        dispatch, _, _, agent = await two_running(database, stack)
        (node,) = await rows(database, schema.nodes)
        listing = asyncio.create_task(dispatch.files.listing(node.id, "", recursive=False))
        await until(lambda: bool(agent.heard(link.ListFiles)))
        database.is_broken = True
        await agent.end(agent.runs[0])
        await until(lambda: database.failures == 1)
        second = agent.runs[1]
        (asked,) = agent.heard(link.ListFiles)
        await agent.send(
            link.RunEnded(3, second.number, second.attempt, 100, 200, 0, None),
            link.FilesListed(asked.request, ()),
        )
        assert await listing == ()
        database.is_broken = False
        database.may_fail.set()
        await until(lambda: agent.is_cut_off)
        await database.write(lambda c: add_tasks(c, 1, 1, first=2))
        await settled(dispatch, database)
        assert [task.state for task in await rows(database, schema.tasks)] == ["leased", "leased", "active"]
        assert agent.acknowledged == 0


async def test_a_task_that_a_former_owner_had_given_to_a_lost_node_runs_elsewhere(
    database: FragileDatabase,
) -> None:
    async with AsyncExitStack() as stack:
        _, _, engine, _ = await two_running(database, stack)
        (spec,) = engine.started.values()
    async with AsyncExitStack() as stack:
        dispatch, engine = make_dispatch(database)
        url = await stack.enter_async_context(running(dispatch))
        agent = await stack.enter_async_context(ScriptedAgent(url, spec, runs_tasks=False))
        await until(lambda: len(agent.runs) == 2)
        engine.lost(spec.node_id, "a test")
        (replacement,) = await connect_all(stack, url, engine, 1)
        await until(lambda: replacement.acknowledged == 4)
        assert sorted((run.number, run.attempt) for run in replacement.runs) == [(1, 2), (2, 2)]


async def test_a_start_task_that_was_about_to_be_repeated_is_when_the_owner_changes(
    database: FragileDatabase,
) -> None:
    """As often as it may be, counting what the former owner saw."""
    await database.write(lambda c: add_pool(c, 1, rules=PREPARE))
    first, engine = make_dispatch(database)
    async with running(first) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1)
        await until(lambda: bool(agent.heard(link.Run)))
        await agent.send(link.RunEnded(1, 0, 1, 100, 200, 3, FAILED, kind="starttask"))
        await until(lambda: agent.acknowledged == 1)
    (spec,) = engine.started.values()
    second, _ = make_dispatch(database)
    async with running(second) as url, ScriptedAgent(url, spec, start_task_attempt=1) as agent:
        await until(lambda: bool(agent.heard(link.Run)))
        assert [order.attempt for order in agent.heard(link.Run)] == [2]
        await agent.send(link.RunEnded(2, 0, 2, 300, 400, 3, FAILED, kind="starttask"))
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].state == "starttaskfailed")
        (node,) = await rows(database, schema.nodes)
        assert b'"retryCount":1' in node.start_task_info
