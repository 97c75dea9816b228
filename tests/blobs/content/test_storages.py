"""What every storage of content promises; each test runs with each of them."""

import hashlib
import os
from pathlib import Path
from random import Random

import pytest

from batchite.blobs.content import objects
from batchite.blobs.content.base import ContentTruncated, Digest, Storage
from batchite.blobs.content.opening import open_storage
from batchite.wire.blob.crc64 import crc64

MIB = 1024 * 1024
DATA = Random(5).randbytes(17 * MIB + 5)  # noqa: S311
"""Two full parts of an object store, and a rest."""
EDGE = objects.PART_BYTES


async def put(storage: Storage, number: int, data: bytes, *, step: int = MIB) -> Digest:
    digest = Digest(md5=True)
    draft = await storage.create(number, digest)
    for at in range(0, len(data), step):
        await draft.write(data[at : at + step])
    await draft.finish()
    await draft.close()
    return digest


async def get(storage: Storage, number: int, start: int, length: int) -> bytes:
    return b"".join([chunk async for chunk in storage.read(number, start, length)])


@pytest.mark.parametrize("size", [1, 20_000, EDGE - 1, EDGE, EDGE + 1, len(DATA)])
async def test_what_was_written_is_read(storage: Storage, size: int) -> None:
    digest = await put(storage, 7, DATA[:size])
    assert await get(storage, 7, 0, size) == DATA[:size]
    assert await storage.size(7) == digest.size == size
    assert digest.crc64 == crc64(DATA[:size])
    assert digest.md5 == hashlib.md5(DATA[:size], usedforsecurity=False).digest()


async def test_ranges_are_read_exactly(storage: Storage) -> None:
    await put(storage, 7, DATA, step=3 * MIB + 1)
    spans = [(0, 1), (len(DATA) - 1, 1), (EDGE - 1, 2), (EDGE, 1), (EDGE - 5, EDGE + 10), (12345, 3 * MIB)]
    for start, length in spans:
        assert await get(storage, 7, start, length) == DATA[start : start + length]


@pytest.mark.parametrize("length", [1, MIB // 2 - 1, MIB // 2, len(DATA) - 5])
async def test_parts_are_what_is_read(storage: Storage, length: int) -> None:
    await put(storage, 7, DATA)
    seen = b""
    async for part in storage.parts(7, 5, length):
        seen += part if isinstance(part, bytes) else os.pread(part.descriptor, part.length, part.start)
    assert seen == DATA[5 : 5 + length]


async def test_parts_that_are_not_there_are_an_error(storage: Storage) -> None:
    await put(storage, 7, DATA[:MIB])
    for number, length in ((7, MIB + 1), (8, MIB)):
        with pytest.raises(ContentTruncated):
            assert [part async for part in storage.parts(number, 0, length)] == []


async def test_chunks_are_small(storage: Storage) -> None:
    await put(storage, 7, DATA)
    sizes = [len(chunk) async for chunk in storage.read(7, 0, len(DATA))]
    assert sum(sizes) == len(DATA)
    assert max(sizes) <= 4 * MIB


async def test_what_is_not_there_is_an_error_before_the_first_byte(storage: Storage) -> None:
    assert await storage.size(8) is None
    with pytest.raises(ContentTruncated):
        await get(storage, 8, 0, 1)


async def test_what_is_too_short_is_an_error(storage: Storage) -> None:
    await put(storage, 7, DATA[:1000])
    with pytest.raises(ContentTruncated):
        await get(storage, 7, 990, 11)


async def test_what_begins_beyond_the_end_is_an_error(storage: Storage) -> None:
    await put(storage, 7, DATA[:1000])
    for start in (1000, 2000, EDGE):
        with pytest.raises(ContentTruncated):
            await get(storage, 7, start, 1)


async def test_removing_leaves_nothing_and_nothing_else(storage: Storage) -> None:
    await put(storage, 0x12, DATA)
    await put(storage, 0x123, b"other")  # its name begins alike
    await put(storage, 0x112, b"other")  # it lies beside
    await storage.remove([0x12, 0x99])
    assert await storage.stored() == {0x123, 0x112}
    assert await get(storage, 0x123, 0, 5) == b"other"


async def test_an_unfinished_draft_is_seen_and_can_be_removed(storage: Storage, tmp_path: Path) -> None:
    draft = await storage.create(9, Digest(md5=False))
    for _ in range(2):
        await draft.write(DATA[:EDGE])
    await draft.close()
    assert await storage.stored() == {9}
    await storage.remove([9])
    assert await storage.stored() == set()


async def test_many_are_removed_at_once(storage: Storage) -> None:
    numbers = range(1, 41)
    for number in numbers:
        await put(storage, number, b"one of many")
    await storage.remove(numbers)
    assert await storage.stored() == set()


async def test_what_was_finished_outlives_a_restart(
    storage: Storage, storage_url: str, tmp_path: Path
) -> None:
    await put(storage, 7, b"kept")
    await storage.close()
    assert await get(open_storage(storage_url, tmp_path), 7, 0, 4) == b"kept"


async def test_a_reader_may_leave_early(storage: Storage) -> None:
    await put(storage, 7, DATA)
    stream = storage.read(7, 0, len(DATA))
    assert DATA.startswith(await anext(stream))
    await stream.aclose()
    await storage.close()
