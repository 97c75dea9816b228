"""When nodes are there is written as they come and go, and what they used stays when they are gone."""

from __future__ import annotations

from contextlib import AsyncExitStack
from typing import Any

import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    make_dispatch,
    rows,
    running,
    until,
    until_stored,
)

from batchite.dispatch import committer
from batchite.link import messages as link
from batchite.resources.pool_usage import PoolSums
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.nodes import NodeChanged, NodeRemoved, NodeReset, NodeRested
from batchite.store.batch import events, leaving, pool_usage, schema
from batchite.store.database import Database
from batchite.wire.batch.outcome import Used
from batchite.wire.ticks import TICKS_PER_SECOND

SECOND = TICKS_PER_SECOND
CORES = 2


async def change_pool(database: Database, **values: Any) -> None:
    def unit(connection: sa.Connection) -> None:
        connection.execute(sa.update(schema.pools).values(**values))
        events.append(connection, SHARD, "pool", 1)

    await database.write(unit)


async def sums(database: Database, now: int) -> PoolSums:
    found = await database.read(lambda c: pool_usage.of_pools(c, [1], now))
    return found.get(1, PoolSums())


async def ever(database: Database, now: int) -> tuple[PoolSums, int | None]:
    return await database.read(lambda c: pool_usage.of_account(c, ACCOUNT, now))


async def until_idle(database: Database, count: int) -> None:
    await until_stored(
        database,
        schema.nodes,
        lambda nodes: len(nodes) == count and all(node.state == "idle" for node in nodes),
    )


async def test_a_pool_s_nodes_from_first_to_last(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 2, target_low_priority=1))
    job = await database.write(add_job)
    clock = StepClock()
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        agents = await connect_all(stack, url, engine, 3)
        await until_idle(database, 3)
        spans = await rows(database, schema.node_spans)
        assert {(span.pool_id, span.vm_size, span.cores) for span in spans} == {
            ("pool", "standard_d2s_v3", 2)
        }
        assert [span.ended for span in spans] == [None] * 3
        assert sorted(span.dedicated for span in spans) == [False, True, True]
        began = {span.node_no: span.began for span in spans}
        now = max(began.values()) + 100 * SECOND
        here = await sums(database, now)
        assert here.dedicated_time == CORES * sum(now - span.began for span in spans if span.dedicated)
        for agent in agents:
            agent.runs_tasks = False
        await database.write(lambda c: add_tasks(c, job, 1))
        await until(lambda: any(agent.runs for agent in agents))
        (agent,) = [agent for agent in agents if agent.runs]
        used = Used(8, 2, 3, 4, 5000)
        await agent.send(link.RunEnded(1, 1, 1, 100, 200, 0, None, used=used))
        await until_stored(database, schema.tasks, lambda tasks: tasks[0].state == "completed")
        clock.ticks += 100 * SECOND
        await change_pool(database, state="deleting", allocation_state="resizing")
        await until(lambda: len(engine.stopped) == 3)
        await until_stored(database, schema.pools, lambda pools: not pools)
    spans = await rows(database, schema.node_spans)
    assert all(span.ended > span.began + 100 * SECOND for span in spans)
    kept, since = await ever(database, clock.ticks)
    by_kind = [
        CORES * sum(span.ended - span.began for span in spans if span.dedicated == dedicated)
        for dedicated in (True, False)
    ]
    assert kept == PoolSums(*by_kind, cpu_time=10, blocks_read=3, blocks_written=4, peak_memory=5000)
    assert since == 1
    assert await rows(database, schema.pool_usage) == []


async def test_a_lost_node_and_the_next_are_two(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 1)
        await until_idle(database, 1)
        (node,) = engine.started
        clock.ticks += 10 * SECOND
        engine.lost(node, "it fell over")
        await until(lambda: len(engine.started) == 2)
        await until_stored(
            database,
            schema.node_spans,
            lambda spans: [span.ended is None for span in spans] == [False, True],
        )
        first, second = await rows(database, schema.node_spans)
        assert first.ended >= first.began + 10 * SECOND
        assert second.began >= first.ended
        now = second.began + 7 * SECOND
        expected = CORES * (first.ended - first.began + 7 * SECOND)
        assert (await sums(database, now)).dedicated_time == expected
        assert (await ever(database, now))[0].dedicated_time == expected


async def test_a_node_that_is_sent_home_comes_again(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1))
    clock = StepClock()
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch, end_nodes=True) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 1)
        await until_idle(database, 1)
    (span,) = await rows(database, schema.node_spans)
    assert span.ended is not None, "while the service is away it is not there"
    clock.ticks += 1000 * SECOND
    dispatch, engine = make_dispatch(database, clock=clock)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        await connect_all(stack, url, engine, 1)
        await until_idle(database, 1)
    again = (await rows(database, schema.node_spans))[1]
    assert again.node_no == span.node_no
    assert again.began >= span.ended + 1000 * SECOND


async def commit(database: Database, at: int, **changes: Any) -> None:
    await database.write(
        lambda c: committer.apply(c, ACCOUNT, None, SHARD, Changes(**changes), at)  # type: ignore[arg-type]
    )


async def add_node(database: Database, node_id: str) -> int:
    row = {
        "pool_no": 1,
        "id": node_id,
        "dedicated": True,
        "state": "creating",
        "state_time": 1,
        "allocated": 1,
    }
    statement = sa.insert(schema.nodes).values(row).returning(schema.nodes.c.node_no)
    number: int = await database.write(lambda c: c.execute(statement).scalar_one())
    return number


async def test_what_is_written_twice_is_there_once(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 0))
    number = await add_node(database, "n")
    came = NodeChanged(number, "n", "pool", "creating", 500, "starting")
    for at in (500, 600):
        await commit(database, at, node_changed=[came])
    (span,) = await rows(database, schema.node_spans)
    assert (span.began, span.ended) == (500, None)
    gone = NodeRemoved(number, "n", "pool", "idle", 400, 2)
    await commit(database, 400, node_removed=[gone])
    await commit(database, 900, node_removed=[gone])
    (span,) = await rows(database, schema.node_spans)
    assert (span.began, span.ended) == (500, 500), "by a clock that was behind"
    assert await sums(database, 1000) == PoolSums()


async def test_a_node_is_not_there_while_nothing_of_it_runs(database: Database) -> None:
    """Between two boots, and while it is deallocated."""
    await database.write(lambda c: add_pool(c, 0))
    number = await add_node(database, "n")
    moved = number, "n", "pool"
    for was, at in (("creating", 10), ("starting", 12)):
        await commit(database, at, node_changed=[NodeChanged(*moved, was, at, "idle")])
    await commit(database, 20, node_reset=[NodeReset(*moved, "idle", 20, "rebooting")])
    await commit(database, 30, node_changed=[NodeChanged(*moved, "rebooting", 30, "idle")])
    await commit(database, 50, node_rested=[NodeRested(*moved, "deallocating", 50, "deallocated", 0, ())])
    await commit(database, 90, node_changed=[NodeChanged(*moved, "starting", 90, "idle")])
    spans = await rows(database, schema.node_spans)
    assert [(span.began, span.ended) for span in spans] == [(10, 20), (30, 50), (90, None)]
    assert (await sums(database, 100)).dedicated_time == CORES * (10 + 20 + 10)


async def test_a_node_that_leaves_before_it_came_was_never_there(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 0))
    number = await add_node(database, "n")
    await commit(database, 5, node_changed=[NodeChanged(number, "n", "pool", "creating", 5, "leavingpool")])
    await commit(database, 9, node_removed=[NodeRemoved(number, "n", "pool", "leavingpool", 9, 2)])
    assert await rows(database, schema.node_spans) == []


async def test_old_times_are_forgotten_as_new_ones_come(database: Database) -> None:
    """Sums stay."""
    await database.write(lambda c: add_pool(c, 0))
    for number in range(1, 8):
        assert await add_node(database, f"n{number}") == number
        name = f"n{number}"
        await commit(database, 10, node_changed=[NodeChanged(number, name, "pool", "creating", 10, "idle")])
        await commit(database, 20, node_removed=[NodeRemoved(number, name, "pool", "idle", 20, 2)])
    later = leaving.SPANS_KEPT + 21
    last = await add_node(database, "last")
    came = [NodeChanged(last, "last", "pool", "creating", later, "idle")]
    await commit(database, later, node_changed=came)
    assert len(await rows(database, schema.node_spans)) == 4
    again = [NodeChanged(last, "last", "pool", "creating", later, "idle")]
    await commit(database, later, node_changed=again)
    (span,) = await rows(database, schema.node_spans)
    assert span.node_no == last
    assert (await sums(database, later)).dedicated_time == 7 * CORES * 10


async def test_there_are_so_many_times_at_most(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 0))
    for name, number in (("a", 1), ("b", 2)):
        assert await add_node(database, name) == number
        await commit(database, 10, node_changed=[NodeChanged(number, name, "pool", "creating", 10, "idle")])
    await commit(database, 20, node_removed=[NodeRemoved(1, "a", "pool", "idle", 20, 2)])
    far = leaving.MOST_SPANS + 1
    spans = sa.update(schema.node_spans).where(schema.node_spans.c.node_no == 2).values(number=far)
    await database.write(lambda c: c.execute(spans))
    await add_node(database, "c")
    await commit(database, 30, node_changed=[NodeChanged(3, "c", "pool", "creating", 30, "idle")])
    assert {span.node_no for span in await rows(database, schema.node_spans)} == {2, 3}
