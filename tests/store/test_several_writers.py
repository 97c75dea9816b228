"""Where others write at the same time: turns, rows that two want, and connections that end."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from tests.databases import ON_POSTGRESQL
from tests.store.together import PATIENCE, Busy, at_once

from batchite.store import database as rules
from batchite.store import groups, migrating, revisions
from batchite.store.database import Database, Unit
from batchite.web import exhaustion

METADATA = sa.MetaData()
COUNTERS = sa.Table(
    "counters", METADATA, sa.Column("number", sa.Integer, primary_key=True), sa.Column("count", sa.Integer)
)


@pytest.fixture
async def writers(empty_url: str) -> AsyncIterator[tuple[Database, Database]]:
    """Two, of one database with a few counters."""
    both = Database(empty_url), Database(empty_url)
    METADATA.create_all(both[0].engine)
    rows = [{"number": number, "count": 0} for number in range(4)]
    await both[0].write(lambda c: c.execute(sa.insert(COUNTERS), rows))
    yield both
    for database in both:
        database.close()


def count(number: int) -> Unit[None]:
    statement = sa.update(COUNTERS).where(COUNTERS.c.number == number).values(count=COUNTERS.c["count"] + 1)

    def unit(connection: sa.Connection) -> None:
        connection.execute(statement)

    return unit


async def counted(database: Database) -> list[int]:
    query = sa.select(COUNTERS.c["count"]).order_by(COUNTERS.c.number)
    return await database.read(lambda c: list(c.execute(query).scalars()))


@ON_POSTGRESQL
async def test_units_that_are_in_each_others_way_all_succeed(writers: tuple[Database, Database]) -> None:
    """Each of two transactions has a row that the other wants."""
    both_have_one = threading.Barrier(2)

    def first(number: int) -> Unit[None]:
        def unit(connection: sa.Connection) -> None:
            count(number)(connection)
            both_have_one.wait(PATIENCE)

        return unit

    one, other = writers
    outcomes = await asyncio.gather(
        at_once(one, first(1), count(2), count(3)), at_once(other, first(2), count(1), count(3))
    )
    assert outcomes == [[None] * 3] * 2
    assert await counted(one) == [0, 2, 2, 2]


@ON_POSTGRESQL
@pytest.mark.parametrize("others", [0, 1])
async def test_a_unit_that_others_are_always_in_the_way_of_is_given_up(
    writers: tuple[Database, Database], others: int
) -> None:
    runs: list[int] = []

    def unlucky(connection: sa.Connection) -> None:
        count(1)(connection)
        runs.append(1)
        connection.exec_driver_sql("DO $$ BEGIN RAISE EXCEPTION 'no' USING ERRCODE = '40P01'; END $$")

    *_, failed = await at_once(writers[0], *[count(2)] * others, unlucky)
    assert isinstance(failed, sa.exc.DBAPIError)
    assert exhaustion.lacking(failed) == exhaustion.TURNS
    assert len(runs) == groups.TRIES
    assert await counted(writers[0]) == [0, 0, others, 0]


@ON_POSTGRESQL
async def test_a_transaction_has_no_more_savepoints_than_all_can_see(
    writers: tuple[Database, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = groups.commit

    def noted(connection: sa.Connection, group: list[groups.Pending]) -> float:
        sizes.append(len(group))
        return real(connection, group)

    monkeypatch.setattr(groups, "commit", noted)
    await at_once(writers[0], *[count(1)] * 150)
    assert sizes == [1, rules.MAX_SAVEPOINTS, rules.MAX_SAVEPOINTS, 150 - 2 * rules.MAX_SAVEPOINTS]
    assert await counted(writers[0]) == [0, 150, 0, 0]


def close_connections(connection: sa.Connection) -> None:
    """All others to this database."""
    connection.exec_driver_sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND pid != pg_backend_pid()"
    )


@ON_POSTGRESQL
async def test_connections_that_the_server_closed_are_made_anew(writers: tuple[Database, Database]) -> None:
    one, other = writers
    await counted(one)
    await other.write(close_connections)
    assert await counted(one) == [0, 0, 0, 0]
    with pytest.raises(sa.exc.OperationalError):
        await one.write(count(1))
    await one.write(count(2))
    assert await counted(one) == [0, 0, 1, 0]


@ON_POSTGRESQL
async def test_a_connection_that_is_closed_before_the_commit_stores_nothing(
    writers: tuple[Database, Database],
) -> None:
    one, other = writers
    busy = Busy()
    writing = asyncio.create_task(one.write(lambda c: (count(1)(c), busy(c))))
    await busy.begun()
    await other.write(close_connections)
    busy.go_on()
    with pytest.raises(sa.exc.OperationalError):
        await writing
    await one.write(count(2))
    assert await counted(one) == [0, 0, 1, 0]


@pytest.mark.parametrize("name", revisions.NAMES)
def test_several_that_begin_on_an_empty_database_take_turns(empty_url: str, name: revisions.Name) -> None:
    with ThreadPoolExecutor(4) as threads:
        for upgrade in [threads.submit(migrating.upgrade, empty_url, name) for _ in range(4)]:
            upgrade.result(PATIENCE)
