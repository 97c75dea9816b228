"""What small uploads leave on a disk, and how often it is looked at."""

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from batchite.blobs.content.room import BELIEVED_SECONDS, Room
from batchite.machine.free_space import RESERVE_BYTES
from batchite.store.database import Database

BLOCK = 4096


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[int]]:
    """Lets the disk have so many bytes left; each look at it adds to the list."""

    def have(left: int) -> list[int]:
        seen: list[int] = []

        def statvfs(_path: object) -> os.statvfs_result:
            seen.append(left)
            return os.statvfs_result((BLOCK, BLOCK, 1 << 30, left // BLOCK, left // BLOCK, 0, 0, 0, 0, 255))

        monkeypatch.setattr(os, "statvfs", statvfs)
        return seen

    return have


@pytest.fixture
def room(tmp_path: Path) -> Room:
    database = Database(f"sqlite:///{tmp_path / 'room.db'}")
    database.close()
    return Room(database)


async def test_a_disk_with_plenty_of_room_is_not_looked_at_every_time(
    room: Room, looks: Callable[[int], list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    monkeypatch.setattr("batchite.blobs.content.room.monotonic", lambda: now)
    seen = looks(3 * RESERVE_BYTES)
    await room.check_inline()
    await room.check_inline()
    assert len(seen) == 1
    room.check()
    assert len(seen) == 2
    now += BELIEVED_SECONDS
    await room.check_inline()
    assert len(seen) == 3


async def test_a_disk_that_is_almost_full_is_looked_at_every_time(
    room: Room, looks: Callable[[int], list[int]]
) -> None:
    seen = looks(2 * RESERVE_BYTES - BLOCK)
    await room.check_inline()
    await room.check_inline()
    assert len(seen) == 2


async def test_the_reserve_is_left(tmp_path: Path, looks: Callable[[int], list[int]]) -> None:
    database = Database(f"sqlite:///{tmp_path / 'room.db'}")
    try:
        looks(RESERVE_BYTES - BLOCK)
        with pytest.raises(OSError, match="for deleting") as refused:
            await Room(database).check_inline()
        assert refused.value.errno == errno.ENOSPC
    finally:
        database.close()
