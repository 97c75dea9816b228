"""Slots that are kept for a task, from the store to the node and to whoever asks why others wait."""

from __future__ import annotations

from contextlib import AsyncExitStack

import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    StepClock,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    make_dispatch,
    running,
    settled,
    until,
)

from batchite.scheduling.keeping import PATIENCE
from batchite.store.batch import schema
from batchite.store.database import Database

SLOTS = 2


def make_large(connection: sa.Connection, number: int) -> None:
    """The waiting task of that number takes all slots of a node."""
    connection.execute(
        sa.update(schema.tasks).where(schema.tasks.c.task_no == number).values(required_slots=SLOTS)
    )
    (row,) = connection.execute(sa.select(schema.task_counts)).mappings()
    connection.execute(sa.update(schema.task_counts).values(active=row["active"] - 1))
    connection.execute(sa.insert(schema.task_counts), {**row, "required_slots": SLOTS, "active": 1})


async def test_a_large_task_is_passed_for_half_a_minute_and_no_longer(database: Database) -> None:
    clock = StepClock()
    await database.write(lambda c: add_pool(c, 1, slots=SLOTS))
    job = await database.write(add_job)
    await database.write(lambda c: add_tasks(c, job, 20))
    await database.write(lambda c: make_large(c, 3))
    dispatch, engine = make_dispatch(database, clock=clock, lease=None)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 2)
        for run in agent.runs[:2]:
            await agent.begin(run)
        await agent.end(agent.runs[0], took=PATIENCE)
        await until(lambda: len(agent.runs) == 3)
        assert [run.number for run in agent.runs] == [1, 2, 4]
        await settled(dispatch, database)
        clock.ticks += PATIENCE
        await agent.end(agent.runs[1], took=PATIENCE)
        await until(lambda: agent.acknowledged == 4)
        state = await database.read(lambda c: dispatch.look(c, SHARD))
        assert [(kept.id, kept.lane.slots) for kept in state.kept.values()] == [("t2", SLOTS)]
        assert len(agent.runs) == 3
        await agent.end(agent.runs[2], took=PATIENCE)
        await until(lambda: len(agent.runs) == 4)
        assert agent.runs[3].number == 3
