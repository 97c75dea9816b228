"""Which shards are owned: those with something to do are taken, and what nobody needs is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    SHARD,
    add_job,
    add_pool,
    add_tasks,
    change_job,
    make_dispatch,
    rows,
    running,
    settled,
    until_stored,
)

from batchite.dispatch.service import Dispatch
from batchite.store.batch import changes, events, schema, shards, work
from batchite.store.batch.shards import LeaseLostError, OwnedShard
from batchite.store.database import Database

Situation = Callable[[sa.Connection], object]


def read_everything(connection: sa.Connection) -> None:
    """As an owner does that has seen all events."""
    connection.execute(sa.delete(schema.events))


def somebodys(connection: sa.Connection) -> Sequence[str]:
    """The work that a service finds which has just started."""
    return work.shards_with_some(connection, "somebody", 1)


def acquired(connection: sa.Connection, shard: str, owner: str) -> OwnedShard:
    """By a lease that has ended since."""
    (lease,) = shards.acquire(connection, [shard], owner, 1, 1)
    return lease


async def let_go(dispatch: Dispatch, database: Database) -> None:
    """Until no shard is in memory: a round lets go of those that rest."""
    async with asyncio.timeout(60):
        while dispatch.shards:
            await dispatch.run_once()
            await database.write(lambda _: None)  # the database remembers the last unit it ran


def steady(connection: sa.Connection) -> None:
    add_pool(connection, 0)
    connection.execute(sa.update(schema.pools).values(allocation_state="steady"))


def with_node(connection: sa.Connection) -> None:
    steady(connection)
    node = {"pool_no": 1, "id": "n", "dedicated": True, "state": "idle", "state_time": 1, "allocated": 1}
    connection.execute(sa.insert(schema.nodes), node)


def with_wish(connection: sa.Connection) -> None:
    add_tasks(connection, add_job(connection, state="completed"), 1)
    connection.execute(sa.update(schema.tasks).values(intent="delete"))


@pytest.mark.parametrize(
    ("situation", "has_work"),
    [
        (lambda c: add_pool(c, 0), True),
        (with_node, True),
        (add_job, True),
        (lambda c: add_job(c, state="deleting"), True),
        (with_wish, True),
        (steady, False),
        (lambda c: add_job(c, state="completed"), False),
    ],
    ids=["resizing", "node", "job", "deleting job", "wish", "steady pool", "completed job"],
)
async def test_a_start_takes_the_shards_with_something_to_do(
    database: Database, situation: Situation, has_work: bool
) -> None:
    await database.write(situation)
    assert await database.read(somebodys) == [SHARD]  # there is an event
    await database.write(read_everything)
    assert await database.read(somebodys) == [SHARD] * has_work


@pytest.mark.parametrize("situation", [steady, lambda c: add_job(c, state="completed")])
async def test_what_is_idle_is_not_in_memory_until_something_changes(
    database: Database, situation: Situation
) -> None:
    await database.write(situation)
    await database.write(read_everything)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        assert not dispatch.shards
        job = await database.write(lambda c: add_job(c, "later"))
        sequence = await database.write(lambda c: change_job(c, job, "terminating"))
        assert await dispatch.settled(SHARD, sequence, 60)
        assert (await rows(database, schema.jobs))[-1].state == "completed"
        await let_go(dispatch, database)
    assert len(await rows(database, schema.shards)) == 1


async def test_a_shard_without_pool_and_jobs_is_forgotten(database: Database) -> None:
    """Also those that were there before anything was forgotten."""
    job = await database.write(lambda c: add_job(c))
    await database.write(lambda c: acquired(c, "devbatch/old", "a former owner"))
    await database.write(read_everything)
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        assert [row.shard for row in await rows(database, schema.shards)] == [SHARD]
        await database.write(lambda c: change_job(c, job, "deleting"))
        dispatch.wake(SHARD)
        await until_stored(database, schema.jobs, lambda jobs: not jobs)
        await let_go(dispatch, database)
        assert await rows(database, schema.shards) == []
        assert await rows(database, schema.due) == []
        await database.write(lambda c: add_pool(c, 0))
        await settled(dispatch, database)
        (pool,) = await rows(database, schema.pools)
        assert pool.allocation_state == "steady"


@pytest.mark.parametrize("is_before", [True, False])
async def test_an_event_of_a_shard_that_is_being_forgotten_is_not_lost(
    database: Database, monkeypatch: pytest.MonkeyPatch, is_before: bool
) -> None:
    """It is stored just before or just after the shard is given up, by an operation that waits for it
    while nothing is decided yet."""
    await database.write(lambda c: [add_job(c, f"old-{number}", state="completed") for number in range(3)])
    dispatch, _ = make_dispatch(database)
    loop = asyncio.get_running_loop()
    waiting: list[asyncio.Task[bool]] = []
    given_up: list[bool] = []
    left: list[object] = []
    release = shards.release

    def operation(connection: sa.Connection) -> None:
        sequence = change_job(connection, add_job(connection), "terminating")
        asyncio.run_coroutine_threadsafe(wait(sequence), loop)

    async def wait(sequence: int) -> None:
        waiting.append(asyncio.create_task(dispatch.settled(SHARD, sequence, 60)))

    def meddled(connection: sa.Connection, lease: OwnedShard) -> bool:
        monkeypatch.setattr(shards, "release", release)
        connection.execute(sa.delete(schema.jobs))
        if is_before:
            operation(connection)
        given_up.append(release(connection, lease))
        left.extend(connection.execute(sa.select(schema.shards)))
        if not is_before:
            operation(connection)
        return given_up[0]

    monkeypatch.setattr(shards, "release", meddled)
    async with running(dispatch):
        await settled(dispatch, database)
        async with asyncio.timeout(60):
            while not waiting:
                await dispatch.run_once()
                await asyncio.sleep(0)
            assert await waiting[0]
        assert [job.state for job in await rows(database, schema.jobs)] == ["completed"]
    assert (given_up, len(left)) == ([not is_before], int(is_before))


async def test_a_due_row_of_a_shard_that_is_not_in_memory_takes_it(database: Database) -> None:
    """Whatever there is besides, such as a row of a shard that is not there."""
    await database.write(steady)
    await database.write(read_everything)
    await database.write(lambda c: shards.release(c, acquired(c, SHARD, "a former owner")))
    dispatch, _ = make_dispatch(database)
    async with running(dispatch):
        assert not dispatch.shards

        def wait_for_a_node(connection: sa.Connection) -> None:
            connection.execute(sa.update(schema.pools).values(target_dedicated=1))
            for shard, subject, at in (("devbatch/none", 99, 1), (SHARD, 1, 2)):
                row = {"shard": shard, "kind": "replace-nodes", "subject": subject, "at": at}
                changes.SET_DUE.many(connection, [row])

        await database.write(wait_for_a_node)
        await dispatch.run_once()
        await until_stored(database, schema.nodes, lambda nodes: len(nodes) == 1)
        assert [row.shard for row in await rows(database, schema.due)] == ["devbatch/none"]


async def test_an_owner_of_a_row_that_was_forgotten_and_made_anew_stores_nothing(database: Database) -> None:
    leases = []
    for owner in ("first", "second"):
        await database.write(lambda c: events.append(c, SHARD, "pool", 1))
        leases.append(await database.write(lambda c, owner=owner: acquired(c, SHARD, owner)))
        if owner == "first":
            await database.write(read_everything)
            await database.write(shards.forget_unused)
    former, present = leases
    assert former.epoch == present.epoch
    for fenced in (
        lambda c: shards.hold(c, former),
        lambda c: shards.release(c, former),
    ):
        with pytest.raises(LeaseLostError):
            await database.write(fenced)
    await database.write(lambda c: shards.hold(c, present))
