"""Removals that fail, with a storage that can be cut off."""

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path

import pytest

from batchite.blobs.content import disposal
from batchite.blobs.content.base import Digest, StorageUnavailable
from batchite.blobs.content.disposal import Disposal
from batchite.blobs.content.files import Files
from batchite.store import migrating
from batchite.store.blobs import contents
from batchite.store.database import Database


class CutOff(Files):
    reachable = False

    async def remove(self, numbers: Collection[int]) -> None:
        if not self.reachable:
            raise StorageUnavailable("nobody answers")
        await super().remove(numbers)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    url = f"sqlite:///{tmp_path}/blobs.db"
    migrating.upgrade(url, "blobs")
    database = Database(url)
    yield database
    database.close()


async def left_over(database: Database, storage: Files) -> int:
    """A content whose upload was not finished."""
    number = await database.write(contents.begin)
    draft = await storage.create(number, Digest(md5=False))
    await draft.write(b"half of it")
    await draft.close()
    return number


async def test_it_is_tried_again_by_itself(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disposal, "RETRY_SECONDS", 0)
    storage = CutOff(tmp_path / "blobs")
    tested = Disposal(database, storage)
    await left_over(database, storage)
    assert await tested.sweep() == 1
    assert len(await storage.stored()) == 1
    storage.reachable = True
    async with asyncio.timeout(60):
        while await database.read(contents.leftovers):
            await tested.settle()
    assert await storage.stored() == set()
    await tested.close()


async def test_a_sweep_that_fails_is_repeated_by_the_next_start(database: Database, tmp_path: Path) -> None:
    storage = CutOff(tmp_path / "blobs")
    await left_over(database, storage)
    tested = Disposal(database, storage)
    assert await tested.sweep() == 1
    await tested.close()
    storage.reachable = True
    again = Disposal(database, storage)
    assert await again.sweep() == 1
    assert await storage.stored() == set()
    assert await again.sweep() == 0
    await again.close()


async def test_what_appears_after_the_sweep_is_removed_too(database: Database, tmp_path: Path) -> None:
    storage = CutOff(tmp_path / "blobs")
    storage.reachable, storage.late_seconds = True, 0.01
    number = await left_over(database, storage)
    tested = Disposal(database, storage)
    release = tested.hold({number})  # from being removed once more, until it has appeared
    assert await tested.sweep() == 1
    assert await storage.stored() == set()
    late = await storage.create(number, Digest(md5=False))
    await late.finish()
    await late.close()
    release()
    async with asyncio.timeout(60):
        while await database.read(contents.leftovers):
            await tested.settle()
    assert await storage.stored() == set()
    await tested.close()
