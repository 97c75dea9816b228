"""Tasks with priorities of their own, from the store to the nodes."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial

import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    add_job,
    add_pool,
    add_tasks,
    connect_all,
    make_dispatch,
    running,
    settled,
    until,
)

from batchite.resources.ranks import OF_MANAGER, of_priority
from batchite.resources.rules import ManagerRules, TaskRules, encode
from batchite.scheduling.windows import WINDOW
from batchite.store.database import Database

LONG = 1_000_000_000
"""for which they run, so that none is given ahead of its slot"""
MANAGER = encode(TaskRules(manager=ManagerRules(runs_alone=False, kills_job=False)))


async def test_what_is_added_late_goes_before_a_long_queue_by_its_priority(database: Database) -> None:
    """More tasks wait than an owner holds, so what comes late has to be read."""
    usual = 2 * WINDOW

    def add(connection: sa.Connection) -> int:
        add_pool(connection, 1)
        job = add_job(connection)
        add_tasks(connection, job, usual)
        return job

    job = await database.write(add)
    dispatch, engine = make_dispatch(database, lease=None)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 1)
        for late, priority in enumerate((-7, 5, 5, 6, 5)):
            await database.write(partial(add_late, job=job, first=usual + late, priority=priority))
            dispatch.wake(SHARD)
            await settled(dispatch, database)
        for turn in range(5):
            await agent.end(agent.runs[turn], took=LONG)
            await until(lambda turn=turn: len(agent.runs) == turn + 2)  # type: ignore[misc]
        assert [run.number - 1 for run in agent.runs] == [0, usual + 3, usual + 1, usual + 2, usual + 4, 1]


def add_late(connection: sa.Connection, *, job: int, first: int, priority: int) -> None:
    add_tasks(connection, job, 1, first, rank=of_priority(priority))


async def test_a_manager_goes_before_every_priority(database: Database) -> None:
    def add(connection: sa.Connection) -> None:
        add_pool(connection, 1)
        job = add_job(connection)
        add_tasks(connection, job, WINDOW, rank=of_priority(1000))
        add_tasks(connection, job, 1, WINDOW, rules=MANAGER, rank=OF_MANAGER)

    await database.write(add)
    dispatch, engine = make_dispatch(database, lease=None)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: bool(agent.runs))
        assert agent.runs[0].number == WINDOW + 1
