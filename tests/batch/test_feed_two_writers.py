"""The feed where several write: what becomes visible late is waited for, and what never does is not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.databases import ON_POSTGRESQL

from batchite.batch.feed.cursors import Position
from batchite.batch.feed.horizon import Horizon
from batchite.batch.feed.reading import Reader, Wanted
from batchite.batch.feed.tail import Tail
from batchite.resources.feed import Telling
from batchite.store.batch import feed
from batchite.store.database import Database

PATIENCE = 60


@pytest.fixture
async def writers(batch_url: str) -> AsyncIterator[tuple[Database, Database]]:
    both = Database(batch_url), Database(batch_url)
    yield both
    for database in both:
        database.close()


def tell(connection: sa.Connection, name: str) -> None:
    telling = Telling()
    telling.add_tasks("job", 1, [name])
    feed.append(connection, "devbatch/pool", 1, telling)


class Held:
    """A transaction that has told something and ends when it is let go, well or not."""

    def __init__(self, name: str, *, fails: bool = False) -> None:
        self._name = name
        self._fails = fails
        self._has_told = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self.let_go = threading.Event()

    def __call__(self, connection: sa.Connection) -> None:
        tell(connection, self._name)
        self._loop.call_soon_threadsafe(self._has_told.set)
        assert self.let_go.wait(PATIENCE)
        if self._fails:
            raise ValueError(self._name)

    async def told(self) -> None:
        async with asyncio.timeout(PATIENCE):
            await self._has_told.wait()


async def next_ids(reader: Reader, count: int) -> list[Any]:
    found: list[Any] = []
    async with asyncio.timeout(PATIENCE):
        while len(found) < count:
            found += [
                one.line.data.split(b'"taskId":"')[1].strip(b'"}').decode() for one in await reader.next(9, 1)
            ]
    return found


@ON_POSTGRESQL
@pytest.mark.parametrize("fails", [False, True])
async def test_a_row_that_becomes_visible_late(writers: tuple[Database, Database], fails: bool) -> None:
    """Its number is lower than that of a row which is visible before it."""
    slow, quick = writers
    tail = Tail(quick)
    await tail.start()
    await tail.enter()
    reader = Reader(tail, Wanted("devbatch"), Position(tail.complete + 1))
    held = Held("late", fails=fails)
    writing = asyncio.create_task(slow.write(held))
    await held.told()
    await quick.write(lambda connection: tell(connection, "early"))
    await tail.refresh()
    assert await reader.next(9, 0.2) == []
    held.let_go.set()
    await asyncio.gather(writing, return_exceptions=True)
    assert await next_ids(reader, 1 if fails else 2) == (["early"] if fails else ["late", "early"])
    tail.leave()
    await tail.stop()


@ON_POSTGRESQL
async def test_the_present_is_after_what_is_under_way(writers: tuple[Database, Database]) -> None:
    """Who begins to read while a row is still to become visible misses nothing that comes afterwards."""
    slow, quick = writers
    held = Held("late")
    writing = asyncio.create_task(slow.write(held))
    await held.told()
    await quick.write(lambda connection: tell(connection, "early"))
    tail = Tail(quick)
    await tail.start()
    entering = asyncio.create_task(tail.enter())
    await quick.read(feed.last)
    assert not entering.done()
    held.let_go.set()
    await writing
    async with asyncio.timeout(PATIENCE):
        await entering
    assert await next_ids(Reader(tail, Wanted("devbatch"), Position(1)), 2) == ["late", "early"]
    tail.leave()
    await tail.stop()


@ON_POSTGRESQL
async def test_what_two_write_is_read_once_and_in_order(writers: tuple[Database, Database]) -> None:
    tail = Tail(writers[0])
    await tail.start()
    await tail.enter()
    reader = Reader(tail, Wanted("devbatch"), Position(tail.complete + 1))

    async def write(which: int) -> None:
        for number in range(150):
            name = f"{which}-{number}"
            await writers[which].write(lambda connection, name=name: tell(connection, name))  # type: ignore[misc]

    writing = asyncio.gather(write(0), write(1))
    found = await next_ids(reader, 300)
    await writing
    assert [name for name in found if name.startswith("0")] == [f"0-{number}" for number in range(150)]
    assert [name for name in found if name.startswith("1")] == [f"1-{number}" for number in range(150)]
    assert await reader.next(9, 0) == []
    tail.leave()
    await tail.stop()


def test_one_writer_leaves_no_gap() -> None:
    horizon = Horizon(3)
    assert horizon.advance([5, 9], None) is None
    assert horizon.complete == 9


def test_a_gap_is_waited_for_until_nobody_can_fill_it() -> None:
    horizon = Horizon(3)
    assert horizon.advance([4, 6, 7], 100) == 7
    assert horizon.complete == 4
    horizon.wait_for(7, 120)
    assert horizon.advance([6, 7, 9], 120) is None
    assert horizon.complete == 4
    assert horizon.advance([6, 7, 9], 121) == 9  # five never came; eight may still
    assert horizon.complete == 7


def test_a_gap_that_is_filled() -> None:
    horizon = Horizon(3)
    assert horizon.advance([5], 100) == 5
    horizon.wait_for(5, 120)
    assert horizon.advance([4, 5, 6], 110) is None
    assert horizon.complete == 6
    assert horizon.gap is None


def test_a_part_of_what_is_visible_settles_no_more_than_itself() -> None:
    horizon = Horizon(0)
    assert horizon.advance([2, 3, 9], 100) == 9
    horizon.wait_for(9, 120)
    assert horizon.advance([2, 3], 130) is None
    assert horizon.complete == 3
    assert horizon.advance([9], 130) is None
    assert horizon.complete == 9
