"""Prepared statements and look-ups, beside the ordinary ones they replace."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import Databases

from batchite.store.database import Database
from batchite.store.dialects import insert_for
from batchite.store.prepared import MOST, Insertion, Prepared

METADATA = sa.MetaData()
THINGS = sa.Table(
    "things",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text),
    sa.Column("state", sa.Text),
    sa.Column("data", sa.LargeBinary),
)
ADD = Prepared(sa.insert(THINGS).values(state="new").returning(THINGS.c.number))
MANY = Prepared(sa.insert(THINGS).values(state="new"))
TOGETHER = Insertion(lambda dialect: insert_for(dialect, THINGS).on_conflict_do_nothing())
NAMED = Prepared(
    sa.select(THINGS.c.number, THINGS.c.data).where(
        THINGS.c.name == sa.bindparam("called"), THINGS.c.state == "new"
    )
)
RENAME = Prepared(
    sa.update(THINGS).where(THINGS.c.name == sa.bindparam("old")).values(name=sa.bindparam("new"))
)


@pytest.fixture
async def database(databases: Databases) -> AsyncIterator[Database]:
    with databases.new(None) as url:
        database = Database(url)
        METADATA.create_all(database.engine)
        yield database
        database.close()


def add(connection: sa.Connection, name: str, data: bytes | None) -> int:
    number: int = ADD.one_or_none(connection, {"name": name, "data": data})[0]
    return number


async def test_what_is_prepared_does_what_it_says(database: Database) -> None:
    numbers = [await database.write(lambda c, n=name: add(c, n, b"\0" + n.encode())) for name in ("a", "b")]
    assert numbers == [1, 2]
    assert await database.read(lambda c: NAMED.one_or_none(c, {"called": "b"})) == (2, b"\0b")
    assert await database.read(lambda c: NAMED.one_or_none(c, {"called": "c"})) is None
    assert await database.write(lambda c: RENAME.count(c, {"old": "b", "new": "a"})) == 1
    assert await database.write(lambda c: RENAME.count(c, {"old": "none", "new": "a"})) == 0
    assert sorted(await database.read(lambda c: NAMED.all(c, {"called": "a"}))) == [(1, b"\0a"), (2, b"\0b")]


async def test_a_parameter_may_be_called_as_a_column_and_set_another(database: Database) -> None:
    called = sa.bindparam("name")
    retell = Prepared(
        sa.update(THINGS).where(THINGS.c.number == sa.bindparam("one")).values(state=called, data=None)
    )
    assert retell.parameters == {"one", "name"}
    number = await database.write(lambda c: add(c, "a", b"x"))
    await database.write(lambda c: retell.many(c, [{"one": number, "name": "told"}]))
    found = await database.read(lambda c: tuple(c.execute(sa.select(THINGS)).one()))
    assert found == (number, "a", "told", None)


async def test_a_unit_that_fails_leaves_nothing_of_what_it_prepared(database: Database) -> None:
    def fail(connection: sa.Connection) -> None:
        add(connection, "a", None)
        raise LookupError("after the change")

    with pytest.raises(LookupError, match="after the change"):
        await database.write(fail)
    assert await database.read(lambda c: NAMED.all(c, {"called": "a"})) == []


def by_core(connection: sa.Connection) -> Any:
    return connection.execute(sa.select(THINGS.c.name).order_by(THINGS.c.number)).scalars().all()


async def test_a_look_sees_every_commit_before_it(database: Database) -> None:
    for number in range(3):
        await database.write(lambda c, n=number: add(c, f"name-{n}", None))
        assert await database.look(by_core) == [f"name-{n}" for n in range(number + 1)]
        assert await database.look(lambda c, n=number: NAMED.one_or_none(c, {"called": f"name-{n}"}))


async def test_a_look_sees_one_state(database: Database) -> None:
    def twice(connection: sa.Connection) -> tuple[Any, Any]:
        before = by_core(connection)
        with database.engine.begin() as other:
            other.execute(sa.insert(THINGS), {"name": "meanwhile"})
        return before, by_core(connection)

    assert await database.look(twice) == ([], [])
    assert await database.look(by_core) == ["meanwhile"]


async def test_a_look_that_fails_does_not_disturb_the_next(database: Database) -> None:
    def fail(connection: sa.Connection) -> None:
        by_core(connection)
        raise LookupError("not there")

    for _ in range(2):
        with pytest.raises(LookupError):
            await database.look(fail)
    await database.write(lambda c: add(c, "a", None))
    assert await database.look(by_core) == ["a"]


async def test_many_rows_at_once(database: Database) -> None:
    rows = [{"name": name, "data": None} for name in "abc"]
    await database.write(lambda c: MANY.many(c, rows))
    await database.write(lambda c: MANY.many(c, []))
    query = sa.select(THINGS.c.name, THINGS.c.state).order_by(THINGS.c.name)
    found = await database.read(lambda c: c.execute(query).all())
    assert [tuple(row) for row in found] == [(name, "new") for name in "abc"]


async def test_rows_together(database: Database) -> None:
    """But for those that are in conflict with what is there."""
    numbers = range(MOST + 2)
    rows = [{"name": f"name-{n}", "data": bytes([n % 256]), "number": n} for n in numbers]
    taken = [{"data": None, "number": n, "name": "taken"} for n in (1, 0)]
    assert await database.write(lambda c: TOGETHER.count(c, [*taken, *rows[:3]])) == 3
    assert await database.write(lambda c: TOGETHER.count(c, rows)) == len(rows) - 3
    assert await database.write(lambda c: TOGETHER.count(c, rows)) == 0
    query = sa.select(THINGS.c.number, THINGS.c.name, THINGS.c.data).order_by(THINGS.c.number)
    found = await database.read(lambda c: [tuple(row) for row in c.execute(query)])
    assert found[:2] == [(0, "taken", None), (1, "taken", None)]
    assert found[2:] == [(row["number"], row["name"], row["data"]) for row in rows[2:]]
