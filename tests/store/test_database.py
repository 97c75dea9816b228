"""Writes: groups, where they are committed, and what becomes of units that fail."""

import asyncio
import math
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from tests.databases import Databases
from tests.store.together import Busy, at_once

from batchite.store import database as rules
from batchite.store import groups
from batchite.store.database import Database

METADATA = sa.MetaData()
NOTES = sa.Table(
    "notes", METADATA, sa.Column("number", sa.Integer, primary_key=True), sa.Column("by", sa.Text)
)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    with databases.new(None) as url:
        database = Database(url)
        METADATA.create_all(database.engine)
        yield database
        database.close()


@pytest.fixture
async def on_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Database]:
    """One of which the event loop has its part, on a disk that is never slow, however busy the machine."""
    monkeypatch.setattr(rules, "SLOW_SECONDS", math.inf)
    database = Database(f"sqlite:///{tmp_path}/notes.db")
    METADATA.create_all(database.engine)
    yield database
    database.close()


def note(number: int) -> Callable[[sa.Connection], str]:
    """Adds a row, which says who did it."""

    def unit(connection: sa.Connection) -> str:
        by = threading.current_thread().name
        connection.execute(sa.insert(NOTES), {"number": number, "by": by})
        return by

    return unit


def noted(connection: sa.Connection) -> list[int]:
    return list(connection.execute(sa.select(NOTES.c.number).order_by(NOTES.c.number)).scalars())


async def written(database: Database, way: str, *units: Callable[[sa.Connection], object]) -> list[object]:
    """What comes of units that are written together."""
    if way == "touch" and database.engine.dialect.name == "sqlite":
        return await asyncio.gather(*map(database.touch, units), return_exceptions=True)
    return await at_once(database, *units)


HERE = "MainThread"


async def test_large_units_are_the_threads_and_small_ones_the_event_loops(on_file: Database) -> None:
    assert await on_file.write(note(1)) == "write"
    assert await on_file.touch(note(2)) == HERE
    assert await on_file.read(noted) == await on_file.look(noted) == [1, 2]


async def test_what_is_written_at_once_is_committed_together(
    on_file: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []
    real = groups.commit

    def counted(connection: sa.Connection, group: list[groups.Pending]) -> float:
        sizes.append(len(group))
        return real(connection, group)

    monkeypatch.setattr(groups, "commit", counted)
    assert set(await asyncio.gather(*(on_file.touch(note(number)) for number in range(16)))) == {HERE}
    assert sizes == [16]


@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("way", ["write", "touch"])
async def test_a_unit_that_fails_is_undone_alone(database: Database, way: str, others: int) -> None:
    def fail(connection: sa.Connection) -> None:
        note(9)(connection)
        raise LookupError("after the change")

    outcomes = await written(database, way, *map(note, range(others)), fail)
    assert [type(outcome) for outcome in outcomes] == [*[str] * others, LookupError]
    assert await database.read(noted) == list(range(others))
    await database.touch(note(9))
    assert await database.read(noted) == [*range(others), 9]


@pytest.mark.parametrize("way", ["write", "touch"])
async def test_a_commit_that_fails_stores_nothing_and_tells_all(
    database: Database, way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(_: sa.Connection) -> float:
        raise sqlite3.OperationalError("database or disk is full")

    write = getattr(database, way)
    with monkeypatch.context() as patched:
        patched.setattr(groups, "_end", full)
        outcomes = await asyncio.gather(write(note(1)), write(note(2)), return_exceptions=True)
    assert [str(outcome) for outcome in outcomes] == ["database or disk is full"] * 2
    assert "commit failed" in caplog.text
    assert await database.read(noted) == []
    await write(note(1))
    assert await database.read(noted) == [1]


@pytest.mark.parametrize("others", [0, 3])
@pytest.mark.parametrize("way", ["write", "touch"])
async def test_what_the_database_will_not_commit_leaves_it_able_to_go_on(
    database: Database, way: str, others: int, caplog: pytest.LogCaptureFixture
) -> None:
    """As when the disk fails: the transaction is over, and SQLAlchemy must know it."""
    table = "CREATE TABLE bound (to_note INTEGER REFERENCES notes (number) DEFERRABLE INITIALLY DEFERRED)"
    await database.write(lambda c: c.exec_driver_sql(table))

    def dangle(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO bound VALUES (77)"))

    outcomes = await written(database, way, *map(note, range(others)), dangle)
    assert {type(outcome) for outcome in outcomes} == {sa.exc.IntegrityError}
    await getattr(database, way)(note(1))
    assert await database.read(noted) == [1]


async def test_while_the_thread_writes_the_event_loop_hands_over(on_file: Database) -> None:
    """It must not wait for its turn: requests would, too."""
    busy = Busy()
    writing = asyncio.create_task(on_file.write(busy))
    await busy.begun()
    touching = asyncio.create_task(on_file.touch(note(2)))
    for _ in range(3):
        await asyncio.sleep(0)  # now it has had its round
    assert await on_file.look(noted) == []
    busy.go_on()
    await writing
    assert await touching == "write"


async def test_on_a_slow_disk_commits_are_the_threads(
    on_file: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(rules, "SLOW_SECONDS", -1.0)
        assert await on_file.touch(note(1)) == "write"
    assert await on_file.touch(note(2)) == HERE


async def test_many_at_once_are_the_threads(on_file: Database) -> None:
    crowd = range(rules.MAX_TOUCHED + 1)
    assert set(await asyncio.gather(*(on_file.touch(note(number)) for number in crowd))) == {"write"}


async def test_the_log_does_not_grow_without_end(
    on_file: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The event loop's connection never moves it into the database; now and then the thread must."""
    monkeypatch.setattr(rules, "HANDED_OVER", 8)

    def large(connection: sa.Connection) -> None:
        connection.execute(sa.delete(NOTES))
        connection.execute(sa.insert(NOTES), {"number": 1, "by": "x" * 1_000_000})

    log = tmp_path / "notes.db-wal"
    for _ in range(40):
        await on_file.touch(large)
    checkpointed = 4000 * 4096 + 8 * 1_200_000
    assert log.stat().st_size < checkpointed


async def test_who_gives_up_waiting_changes_nothing_for_others(database: Database) -> None:
    given_up = asyncio.ensure_future(database.touch(note(1)))
    other = asyncio.ensure_future(database.touch(note(2)))
    await asyncio.sleep(0)
    given_up.cancel()
    await other
    assert given_up.cancelled()
    assert await database.read(noted) == [1, 2]
