"""`check` on what a service has stored, whole and damaged in every way."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from azure.storage.blob import BlobBlock
from azure.storage.blob.aio import ContainerClient
from tests.blobs.sdk import content
from tests.blobs.server import Server

from batchite.blobs.checking import Report, check
from batchite.blobs.content.base import Digest
from batchite.store.blobs import schema

LARGE = 700_000


async def checked(server: Server) -> Report:
    return await check(server.database, server.files, lambda _: None)


@pytest.fixture
async def filled(container: ContainerClient, server: Server) -> Server:
    """A small blob, a large one, one of two blocks, and one of which a block is staged only."""
    await container.upload_blob("small", content(100))
    await container.upload_blob("large", content(LARGE))
    await container.upload_blob("empty", b"")
    for name in ("listed", "staged"):
        blob = container.get_blob_client(name)
        for block_id in ("a", "b"):
            await blob.stage_block(block_id, content(30_000))
        if name == "listed":
            await blob.commit_block_list([BlobBlock("a"), BlobBlock("b"), BlobBlock("a")])
    return server


async def test_all_is_well(filled: Server) -> None:
    report = await checked(filled)
    assert report == Report(contents=6, size=100 + LARGE + 4 * 30_000, damages=(), leftovers=0)


async def number_of(server: Server, size: int) -> int:
    found = sa.select(schema.contents.c.content_no).where(schema.contents.c.size == size)
    return await server.database.read(lambda connection: connection.execute(found).scalars().all()[0])


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "one bit": (flip, "checksum"),
    "cut off": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "699999 bytes instead of 700000"),
    "longer": (lambda path: path.write_bytes(path.read_bytes() + b"x"), "700001 bytes instead of 700000"),
    "removed": (lambda path: path.unlink(), "not there"),
}


@pytest.mark.parametrize("how", DAMAGES)
async def test_a_damaged_file_is_found_and_its_blob_named(filled: Server, how: str) -> None:
    harm, told = DAMAGES[how]
    harm(filled.files.path(await number_of(filled, LARGE)))
    (damage,) = (await checked(filled)).damages
    assert told in damage.what
    assert damage.affected == ("things/large",)


async def test_a_damaged_block_names_what_is_made_of_it(filled: Server) -> None:
    flip(filled.files.path(await number_of(filled, 30_000)))
    (damage,) = (await checked(filled)).damages
    assert damage.affected == ("things/listed",)


CONTRADICTIONS: dict[str, tuple[sa.Update, str, str]] = {
    "inline bytes": (
        sa.update(schema.contents).where(schema.contents.c.size == 100).values(data=b"other" * 20),
        "checksum",
        "things/small",
    ),
    "a blob longer than its content": (
        sa.update(schema.blobs).where(schema.blobs.c.name == "large").values(size=LARGE + 1),
        "shorter",
        "things/large",
    ),
    "a range beyond its content": (
        sa.update(schema.ranges).where(schema.ranges.c.start == 0).values(content_start=1),
        "shorter",
        "things/listed",
    ),
    "ranges that overlap": (
        sa.update(schema.ranges).where(schema.ranges.c.start == 30_000).values(start=29_000),
        "overlap",
        "things/listed",
    ),
    "ranges with gaps": (
        sa.update(schema.ranges).where(schema.ranges.c.start == 30_000).values(length=29_000),
        "gaps",
        "things/listed",
    ),
}


@pytest.mark.parametrize("how", CONTRADICTIONS)
async def test_tables_that_contradict_each_other_are_found(filled: Server, how: str) -> None:
    change, told, affected = CONTRADICTIONS[how]
    await filled.database.write(lambda connection: connection.execute(change).rowcount)
    damages = [damage for damage in (await checked(filled)).damages if told in damage.what]
    assert [damage.affected for damage in damages] == [(affected,)]


async def test_what_has_no_record_is_counted_as_a_leftover(filled: Server) -> None:
    draft = await filled.files.create(999, Digest(md5=False))
    await draft.write(b"nobody's")
    await draft.finish()
    report = await checked(filled)
    assert (report.damages, report.leftovers) == ((), 1)


async def test_a_service_at_work_is_not_taken_for_a_damaged_one(
    container: ContainerClient, server: Server
) -> None:
    finished = asyncio.Event()

    async def replace() -> None:
        for number in range(20):
            await container.upload_blob(f"blob-{number % 3}", content(40_000 + number), overwrite=True)
        finished.set()

    async def look() -> list[Report]:
        reports = [await checked(server)]
        while not finished.is_set():
            reports.append(await checked(server))
        return reports

    _, reports = await asyncio.gather(replace(), look())
    assert [report for report in reports if report.damages] == []
