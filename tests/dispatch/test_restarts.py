"""What nodes are told, carried out on a real database; at every step the owner may go and another come."""

from __future__ import annotations

import itertools
from contextlib import AsyncExitStack

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    ScriptedAgent,
    ScriptedEngine,
    StepClock,
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
from batchite.link.spec import NodeSpec
from batchite.resources.rules import PoolRules, StartTaskRules, encode
from batchite.resources.vacating import Option, Purpose, Vacating
from batchite.scheduling.vacating import PHASES
from batchite.store.batch import events, pools, schema
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND

BOOTS: tuple[Purpose, ...] = ("reboot", "reimage")


def tell(connection: sa.Connection, **values: object) -> None:
    """As an operation stores it, of the only node."""
    connection.execute(sa.update(schema.nodes).values(**values))
    number = connection.execute(sa.select(schema.nodes.c.node_no)).scalar_one()
    events.append(connection, SHARD, "node", number)


def vacate(connection: sa.Connection, purpose: Purpose, option: Option = "requeue") -> None:
    tell(connection, state=PHASES[purpose], vacating=purpose, vacating_option=option)


class Careful(ScriptedEngine):
    """Remembers what became of files."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.ends: list[tuple[str, bool]] = []
        """of nodes, and whether their files stay"""

    async def stop(self, node_id: str, *arguments: object, keep_files: bool = False, **more: object) -> None:
        self.ends.append((node_id, keep_files))
        self.started.pop(node_id, None)


async def with_node(database: Database, stack: AsyncExitStack) -> tuple[str, Careful, NodeSpec]:
    """One node, which is idle; the URL of its links, its engine, and how it was started."""
    await database.write(lambda c: add_pool(c, 1))
    dispatch, engine = make_dispatch(database, engine=Careful)
    assert isinstance(engine, Careful)
    url = await stack.enter_async_context(running(dispatch))
    await connect_all(stack, url, engine, 1)
    await state_is(database, "idle")
    (spec,) = engine.started.values()
    return url, engine, spec


@pytest.mark.parametrize("purpose", BOOTS)
async def test_a_node_boots_again_under_its_id_with_another_credential(
    database: Database, purpose: Purpose
) -> None:
    async with AsyncExitStack() as stack:
        url, engine, spec = await with_node(database, stack)
        (before,) = await rows(database, schema.nodes)
        await database.write(lambda c: vacate(c, purpose))
        await until(lambda: len(engine.batches) == 2)
        assert engine.ends == [(spec.node_id, purpose == "reboot")]
        await state_is(database, "starting")
        again = engine.started[spec.node_id]
        assert again.token != spec.token
        await stack.enter_async_context(ScriptedAgent(url, again))
        await state_is(database, "idle")
    (node,) = await rows(database, schema.nodes)
    assert (node.node_no, node.vacating, node.vacating_option) == (before.node_no, None, None)
    assert node.boot_requested > before.boot_ready
    assert node.boot_ready >= node.boot_heard >= node.boot_begun >= node.boot_requested


async def test_an_agent_of_before_is_not_listened_to(database: Database) -> None:
    """Its link may outlive it for a moment."""
    rules = encode(PoolRules(start_task=StartTaskRules(b'{"commandLine":"prepare"}')))
    async with AsyncExitStack() as stack:
        await database.write(lambda c: add_pool(c, 1, rules=rules))
        dispatch, engine = make_dispatch(database, engine=Careful)
        url = await stack.enter_async_context(running(dispatch))
        (old,) = await connect_all(stack, url, engine, 1)
        await until(lambda: old.heard(link.Run))
        await old.send(
            link.RunStarted(1, 0, 1, 10, "starttask"),
            link.RunEnded(2, 0, 1, 10, 20, 0, None, kind="starttask"),
        )
        await state_is(database, "idle")
        await database.write(lambda c: vacate(c, "reboot"))
        await until(lambda: old.is_cut_off)
        await state_is(database, "starting")
        (node,) = await rows(database, schema.nodes)
        assert (node.start_task_state, node.start_task_attempt) == (None, 0)
        (spec,) = engine.started.values()
        new = await stack.enter_async_context(ScriptedAgent(url, spec))
        await until(lambda: new.heard(link.Run))
        assert new.heard(link.Run)[0].attempt == 1


async def test_the_start_task_is_the_one_that_the_pool_has_by_then(database: Database) -> None:
    async with AsyncExitStack() as stack:
        url, engine, spec = await with_node(database, stack)
        changed = encode(PoolRules(start_task=StartTaskRules(b'{"commandLine":"another"}')))

        def change(connection: sa.Connection) -> None:
            connection.execute(sa.update(schema.pools).values(rules=changed))
            events.append(connection, SHARD, "pool", 1)
            vacate(connection, "reboot")

        await database.write(change)
        await until(lambda: len(engine.batches) == 2)
        agent = await stack.enter_async_context(ScriptedAgent(url, engine.started[spec.node_id]))
        await until(lambda: agent.heard(link.Run))
        assert agent.heard(link.Run)[0].definition == b'{"commandLine":"another"}'


async def test_deallocated_and_started(database: Database) -> None:
    async with AsyncExitStack() as stack:
        url, engine, spec = await with_node(database, stack)
        await database.write(lambda c: vacate(c, "deallocate"))
        await state_is(database, "deallocated")
        assert engine.ends == [(spec.node_id, False)]
        (node,) = await rows(database, schema.nodes)
        assert (node.handle, node.token_hash, node.vacating) == (None, None, None)
        await database.write(lambda c: tell(c, state="starting"))
        await until(lambda: len(engine.batches) == 2)
        await stack.enter_async_context(ScriptedAgent(url, engine.started[spec.node_id]))
        await state_is(database, "idle")


async def test_scheduling(database: Database) -> None:
    async with AsyncExitStack() as stack:
        url, engine, _ = await with_node(database, stack)
        wanted = {"disabled": True, "vacating": "disable", "vacating_option": "requeue"}
        await database.write(lambda c: tell(c, **wanted))
        await state_is(database, "offline")
        job = await database.write(add_job)
        await database.write(lambda c: add_tasks(c, job, 1))
        await until_stored(database, schema.events, lambda left: not left)
        (task,) = await rows(database, schema.tasks)
        assert task.state == "active"
        await database.write(lambda c: tell(c, disabled=False))
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        assert (url, engine.ends) == (url, [])


@pytest.mark.parametrize("purpose", BOOTS)
async def test_a_wish_that_nobody_has_heard_is_there_for_the_next_owner(
    database: Database, purpose: Purpose
) -> None:
    """The service was killed before it heard, or when the node was half ended: its row says the same."""
    async with AsyncExitStack() as stack:
        _, _, spec = await with_node(database, stack)
    await database.write(lambda c: vacate(c, purpose))
    dispatch, engine = make_dispatch(database, engine=Careful)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await until(lambda: bool(engine.started))
        assert engine.ends == [(spec.node_id, purpose == "reboot")]
        assert engine.adopted == {}, "what is being ended cannot be lost"
        await stack.enter_async_context(ScriptedAgent(url, engine.started[spec.node_id]))
        await state_is(database, "idle")
    assert len(await rows(database, schema.nodes)) == 1


@pytest.mark.parametrize("has_token", [False, True])
@pytest.mark.parametrize("state", ["rebooting", "reimaging", "starting", "creating"])
async def test_a_node_that_was_ended_and_not_begun_again_is_begun_by_the_next_owner(
    database: Database, state: str, has_token: bool
) -> None:
    async with AsyncExitStack() as stack:
        _, _, spec = await with_node(database, stack)
    token = {"token_hash": b"of an agent that nobody has a handle of"} if has_token else {"token_hash": None}
    gone = {"handle": None, "boot_begun": None, "boot_heard": None, "boot_ready": None}
    await database.write(lambda c: c.execute(sa.update(schema.nodes).values(state=state, **token, **gone)))
    dispatch, engine = make_dispatch(database, engine=Careful)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await until(lambda: bool(engine.started))
        assert (engine.ends, engine.adopted) == ([], {})
        await stack.enter_async_context(ScriptedAgent(url, engine.started[spec.node_id]))
        await state_is(database, "idle")


@pytest.mark.parametrize("state", ["deallocated", "unusable"])
async def test_a_node_that_rests_is_neither_adopted_nor_begun(database: Database, state: str) -> None:
    async with AsyncExitStack() as stack:
        await with_node(database, stack)
    rests = {"state": state, "state_time": 17_000_000_000_000_000, "handle": None, "token_hash": None}
    await database.write(lambda c: c.execute(sa.update(schema.nodes).values(boot_failures=5, **rests)))
    dispatch, engine = make_dispatch(database, engine=Careful)
    async with running(dispatch):
        await dispatch.run_once()
        assert (engine.adopted, engine.batches, engine.ends) == ({}, [], [])
    due = [row.kind for row in await rows(database, schema.due)]
    assert ("boot-retry" in due) == (state == "unusable")


async def test_an_agent_that_dies_while_its_node_waits_to_boot_again(database: Database) -> None:
    async with AsyncExitStack() as stack:
        await database.write(lambda c: add_pool(c, 1))
        dispatch, engine = make_dispatch(database, engine=Careful)
        assert isinstance(engine, Careful)
        url = await stack.enter_async_context(running(dispatch))
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        (spec,) = engine.started.values()
        job = await database.write(add_job)
        await database.write(lambda c: add_tasks(c, job, 1))
        await until(lambda: bool(agent.runs))
        await agent.begin(agent.runs[0])
        await state_is(database, "running")
        await database.write(lambda c: vacate(c, "reboot", "taskcompletion"))
        await until_stored(database, schema.events, lambda left: not left)
        assert engine.ends == []
        engine.lost(spec.node_id, "killed")
        await until(lambda: len(engine.batches) == 2)
        assert engine.ends == [(spec.node_id, True)], "its files stay"
        await stack.enter_async_context(ScriptedAgent(url, engine.started[spec.node_id]))
        await state_is(database, "idle")


async def test_nodes_that_end_before_they_speak_rest_longer_and_longer(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, engine=Careful, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        for failures, pause in ((1, 5), (2, 10), (3, 20)):
            await until(lambda failures=failures: len(engine.batches) == failures)  # type: ignore[misc]
            (node_id,) = engine.started
            await state_is(database, "starting")
            engine.lost(node_id, "its agent ended: no disk")
            await state_is(database, "unusable")
            (node,) = await rows(database, schema.nodes)
            assert (node.boot_failures, b"no disk" in node.errors) == (failures, True)
            clock.ticks += (pause - 1) * TICKS_PER_SECOND
            await dispatch.run_once()
            assert len(engine.batches) == failures
            clock.ticks += TICKS_PER_SECOND
            await dispatch.run_once()
        await until(lambda: len(engine.batches) == 4)
        await stack.enter_async_context(ScriptedAgent(url, engine.started[node_id]))
        await state_is(database, "idle")
    (node,) = await rows(database, schema.nodes)
    assert (node.boot_failures, node.errors) == (0, None)
    keeps = [
        keep for keep, _ in itertools.groupby(keep for _, keep in engine.ends)
    ]  # two rounds may find one due
    assert keeps == [True, False] * 3, "files are there to look at, until it is tried"


async def test_an_operation_that_comes_between_is_not_overwritten(database: Database) -> None:
    """The owner has decided that the node runs something, and has not heard yet that it is to boot again."""
    async with AsyncExitStack() as stack:
        url, engine, spec = await with_node(database, stack)
        job = await database.write(add_job)

        def both(connection: sa.Connection) -> None:
            """The state alone: as the owner meets it whose turn began before."""
            connection.execute(sa.update(schema.nodes).values(state="rebooting"))
            add_tasks(connection, job, 1)

        await database.write(both)
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        (node,) = await rows(database, schema.nodes)
        assert node.state == "rebooting"
        await database.write(lambda c: vacate(c, "reboot"))
        await until(lambda: len(engine.batches) == 2)
        await stack.enter_async_context(ScriptedAgent(url, engine.started[spec.node_id]))
        await state_is(database, "idle")


async def test_a_removal_that_is_stopped_leaves_nodes_to_what_they_were_told_before(
    database: Database,
) -> None:
    """Whoever owns the shard by then."""
    async with AsyncExitStack() as stack:
        job = await database.write(add_job)
        await database.write(lambda c: add_tasks(c, job, 1))
        await database.write(lambda c: add_pool(c, 1))
        dispatch, engine = make_dispatch(database, engine=Careful)
        url = await stack.enter_async_context(running(dispatch))
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        await agent.begin(agent.runs[0])
        await database.write(lambda c: vacate(c, "deallocate", "taskcompletion"))
        await state_is(database, "deallocating")
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "running")
    (node,) = await rows(database, schema.nodes)
    (pool,) = await rows(database, schema.pools)
    leaves = Vacating("remove", "taskcompletion")
    await database.write(lambda c: pools.vacate(c, pool.pool_no, [node.id], leaves))
    await change_pool(database, "resizing", target_dedicated=0)
    async with AsyncExitStack() as stack:
        dispatch, engine = make_dispatch(database, engine=Careful)
        await stack.enter_async_context(running(dispatch))
        await state_is(database, "leavingpool")
        (node,) = await rows(database, schema.nodes)
        assert (node.vacating, node.interrupted) == ("remove", "deallocate")
    await change_pool(database, "stopping")
    async with AsyncExitStack() as stack:
        dispatch, engine = make_dispatch(database, engine=Careful)
        await stack.enter_async_context(running(dispatch))
        await state_is(database, "deallocating")
        (node,) = await rows(database, schema.nodes)
        told = node.vacating, node.vacating_option, node.interrupted
        assert told == ("deallocate", "taskcompletion", None)


async def change_pool(database: Database, allocation_state: str, **values: object) -> None:
    def change(connection: sa.Connection) -> None:
        connection.execute(sa.update(schema.pools).values(allocation_state=allocation_state, **values))
        events.append(
            connection, SHARD, "pool", connection.execute(sa.select(schema.pools.c.pool_no)).scalar_one()
        )

    await database.write(change)


async def test_a_start_task_does_not_run_on_a_node_that_ended_with_it(database: Database) -> None:
    rules = encode(PoolRules(start_task=StartTaskRules(b'{"commandLine":"prepare"}')))
    async with AsyncExitStack() as stack:
        await database.write(lambda c: add_pool(c, 1, rules=rules))
        dispatch, engine = make_dispatch(database, engine=Careful)
        url = await stack.enter_async_context(running(dispatch))
        (agent,) = await connect_all(stack, url, engine, 1)
        await agent.send(link.RunStarted(1, 0, 1, 100, "starttask"))
        await until_stored(database, schema.nodes, lambda nodes: nodes[0].start_task_state == "running")
        (node,) = await rows(database, schema.nodes)
        engine.lost(node.id, "it ended")
        await state_is(database, "unusable")
        (node,) = await rows(database, schema.nodes)
        assert (node.start_task_state, node.start_task_info, node.start_task_start) == (None, None, 100)
