"""How much of the feed is kept."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from tests.clocks import Machine

from batchite.batch.feed.retention import Kept, Retention, cut
from batchite.machine.clock import SystemClock
from batchite.resources.feed import Telling
from batchite.store.batch import feed
from batchite.store.batch.feed import Size
from batchite.store.database import Database
from batchite.wire.ticks import TICKS_PER_SECOND

ROWS = [Size(2, 100, 10), Size(3, 200, 5), Size(5, 300, 1)]


@pytest.mark.parametrize(
    ("excess", "since", "last"),
    [(0, 0, None), (-5, 100, None), (1, 0, 2), (10, 0, 2), (11, 0, 3), (99, 0, 5), (0, 101, 2), (0, 999, 5)],
)
def test_what_is_to_be_removed(excess: int, since: int, last: int | None) -> None:
    assert cut(ROWS, excess, since) == last


async def tell(database: Database, size: int, at: int) -> None:
    def unit(connection: sa.Connection) -> None:
        telling = Telling()
        telling.add_tasks("job", at, [f"t{number}" for number in range(size)])
        feed.append(connection, "devbatch/pool", at, telling)

    await database.write(unit)


async def kept(database: Database) -> list[int]:
    return [row.size for row in await database.read(lambda c: feed.sizes(c, feed.removed(c), 1000))]


async def test_so_many_events(database: Database) -> None:
    clock = SystemClock(Machine().time_ns)
    retention = Retention(database, clock, Kept(10, 3600 * TICKS_PER_SECOND))
    for size in (4, 3, 3):
        await tell(database, size, clock.now().ticks)
    await retention.run_once()
    assert await kept(database) == [4, 3, 3]
    await tell(database, 5, clock.now().ticks)
    await retention.run_once()
    assert await kept(database) == [3, 5]
    await tell(database, 50, clock.now().ticks)
    await retention.run_once()
    assert await kept(database) == []  # a row is kept or not
    await tell(database, 1, clock.now().ticks)
    await Retention(database, clock, Kept(10, 3600 * TICKS_PER_SECOND)).run_once()  # after a restart
    assert await kept(database) == [1]


async def test_so_long(database: Database) -> None:
    machine = Machine()
    clock = SystemClock(machine.time_ns)
    retention = Retention(database, clock, Kept(1000, 60 * TICKS_PER_SECOND))
    await tell(database, 1, clock.now().ticks)
    machine.ahead_seconds += 30
    await tell(database, 2, clock.now().ticks)
    await retention.run_once()
    assert await kept(database) == [1, 2]
    machine.ahead_seconds += 40
    await retention.run_once()
    assert await kept(database) == [2]


async def test_what_another_has_removed_is_not_removed_again(database: Database) -> None:
    clock = SystemClock(Machine().time_ns)
    mine, others = (Retention(database, clock, Kept(10, 3600 * TICKS_PER_SECOND)) for _ in range(2))
    for size in (6, 4):
        await tell(database, size, clock.now().ticks)
    await mine.run_once()
    await tell(database, 4, clock.now().ticks)
    await others.run_once()
    assert await kept(database) == [4, 4]
    await mine.run_once()
    assert await kept(database) == [4, 4]
