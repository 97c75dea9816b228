"""Jobs that share slots by their metadata, from the store to the nodes."""

from __future__ import annotations

from contextlib import AsyncExitStack

import msgspec
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

from batchite.configuration.scheduling import Scheduling
from batchite.store.batch import events, schema
from batchite.store.database import Database

TASKS = 20
"""of each job, whose numbers follow each other"""
LONG = 1_000_000_000
"""for which they run, so that none is given ahead of its slot"""


def team(name: str) -> bytes:
    return msgspec.json.encode(
        {"metadata": [{"name": "cost", "value": "1"}, {"name": "team", "value": name}]}
    )


async def add(database: Database, job_id: str, name: str) -> int:
    """A job of the team with tasks that wait; its number."""
    job = await database.write(lambda c: add_job(c, job_id, definition=team(name)))
    await database.write(lambda c: add_tasks(c, job, TASKS))
    return job


def move(connection: sa.Connection, job: int, name: str) -> None:
    """The job is given to another team."""
    of_job = schema.jobs.c.job_no == job
    connection.execute(sa.update(schema.jobs).where(of_job).values(definition=team(name)))
    events.append(connection, SHARD, "job", job)


async def test_teams_share_a_pool_and_metadata_that_changes_counts_at_once(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1, slots=4))
    jobs = [await add(database, *one) for one in (("one", "a"), ("two", "a"), ("three", "b"))]
    dispatch, engine = make_dispatch(database, scheduling=Scheduling(share_by="team"), lease=None)
    async with running(dispatch) as url, AsyncExitStack() as stack:
        (agent,) = await connect_all(stack, url, engine, 1, runs_tasks=False)
        await until(lambda: len(agent.runs) == 4)
        assert [(run.number - 1) // TASKS for run in agent.runs] == [0, 2, 1, 2]
        await database.write(lambda c: move(c, jobs[1], "c"))
        dispatch.wake(SHARD)
        await settled(dispatch, database)
        await agent.end(agent.runs[1], took=LONG)
        await until(lambda: len(agent.runs) == 5)
        assert (agent.runs[4].number - 1) // TASKS == 1, "its new team was never served"
        state = await database.read(lambda c: dispatch.look(c, SHARD))
        assert [job.tag for job in state.jobs.values()] == ["a", "c", "b"]


async def test_by_another_item_all_jobs_share_from_the_next_start(database: Database) -> None:
    await database.write(lambda c: add_pool(c, 1, slots=4))
    for one in (("one", "a"), ("two", "b")):
        await add(database, *one)
    for share_by, tags in (("team", ["a", "b"]), ("cost", ["1", "1"]), ("none", [None, None])):
        dispatch, _ = make_dispatch(database, scheduling=Scheduling(share_by=share_by), lease=None)
        state = await database.read(lambda c, owner=dispatch: owner.look(c, SHARD))  # type: ignore[misc]
        assert [job.tag for job in state.jobs.values()] == tags
