"""Agents of an older protocol, which have outlived the service that began them: frames as they write them."""

from __future__ import annotations

from contextlib import AsyncExitStack

import msgspec
from tests.dispatch.support import (
    ScriptedAgent,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    make_dispatch,
    rows,
    running,
    state_is,
    until,
    until_stored,
)

from batchite.link import messages as link
from batchite.resources.rules import PoolRules, StartTaskRules, encode
from batchite.store.batch import schema
from batchite.store.database import Database


def frame(*messages: object) -> bytes:
    return msgspec.msgpack.encode(messages)


def hello(*held: tuple[int, int]) -> tuple[object, ...]:
    return ("Hello", 1, "0.1.0", 1, held, 1, 0, "127.0.0.1", "process", "host")


async def test_what_an_old_agent_runs_comes_to_its_end_and_then_its_node_boots_again(
    database: Database,
) -> None:
    """Of four tasks it runs one, has ended one unheard, waits with one, and never heard of one."""
    async with AsyncExitStack() as stack:
        await database.write(lambda c: (add_pool(c, 1, slots=4), add_job(c), add_tasks(c, 1, 4)))
        dispatch, engine = make_dispatch(database)
        url = await stack.enter_async_context(running(dispatch))
        (before,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(before.runs) == 4)
        await before.begin(before.runs[0])
        (spec,) = engine.started.values()
        first = frame(hello((1, 1), (2, 1), (3, 1)))
        old = await stack.enter_async_context(ScriptedAgent(url, spec, first_frame=first))
        await state_is(database, "rebooting")
        ended = ("TaskEnded", 2, 2, 1, 100, 200, 0, None, "", None, None)
        await old.send_frame(frame(("TaskStarted", 1, 2, 1, 100), ended))
        await until(lambda: [one.number for one in old.heard(link.RecallRun)] == [2, 3])
        assert old.runs == []
        await old.send_frame(frame(("TaskReturned", 3, 3, 1)))
        assert len(engine.batches) == 1
        await old.send_frame(frame(("TaskEnded", 4, 1, 1, 100, 300, 0, None, "", None, None)))
        await until(lambda: len(engine.batches) == 2)
        new = await stack.enter_async_context(ScriptedAgent(url, engine.started[spec.node_id]))
        await until_stored(
            database, schema.tasks, lambda tasks: all(one.state == "completed" for one in tasks)
        )
        assert sorted(run.number for run in new.runs) == [3, 4]
        tasks = await rows(database, schema.tasks)
        assert [one.requeue_count for one in tasks] == [0, 0, 0, 0]


async def test_the_start_task_of_an_old_agent_is_run_again_by_a_new_one(database: Database) -> None:
    rules = encode(PoolRules(start_task=StartTaskRules(b'{"commandLine":"prepare"}')))
    async with AsyncExitStack() as stack:
        await database.write(lambda c: add_pool(c, 1, rules=rules))
        dispatch, engine = make_dispatch(database)
        url = await stack.enter_async_context(running(dispatch))
        (before,) = await connect_all(stack, url, engine, 1)
        await until(lambda: before.heard(link.Run))
        (spec,) = engine.started.values()
        old = await stack.enter_async_context(ScriptedAgent(url, spec, first_frame=frame(hello())))
        await until(lambda: len(engine.batches) == 2)
        assert old.heard(link.Run) == []
        new = await stack.enter_async_context(ScriptedAgent(url, engine.started[spec.node_id]))
        await until(lambda: new.heard(link.Run))
        assert link.key_of(new.heard(link.Run)[0]) == link.RunKey(0, 1, "starttask")


async def test_a_node_that_boots_with_an_old_agent_is_of_no_use_and_says_why(database: Database) -> None:
    async with AsyncExitStack() as stack:
        await database.write(lambda c: add_pool(c, 1))
        dispatch, engine = make_dispatch(database)
        url = await stack.enter_async_context(running(dispatch))
        await until(lambda: len(engine.started) == 1)
        (spec,) = engine.started.values()
        await stack.enter_async_context(ScriptedAgent(url, spec, first_frame=frame(hello())))
        await state_is(database, "unusable")
        (node,) = await rows(database, schema.nodes)
        assert b"speaks protocol 1 and not 2" in node.errors
