"""Verifying that every byte of every blob is there: each content is read and its checksum compared.

The service may be running meanwhile: what seems to be missing is looked up again, since it may have
been deleted in between.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass
from functools import partial

import sqlalchemy as sa

from batchite.blobs.content.base import ContentTruncated, Digest, Storage
from batchite.store.blobs import checking as rows
from batchite.store.blobs.checking import Recorded
from batchite.store.database import Database

_PAGE = 200
_AT_ONCE = 8
_NAMES = 5
"""Of the blobs that one damage affects, as many are named."""


@dataclass(frozen=True, slots=True)
class Damage:
    """Something that cannot be read as it was written."""

    what: str
    affected: tuple[str, ...]
    """`container/blob`, a few of them"""


@dataclass(frozen=True, slots=True)
class Report:
    contents: int
    size: int
    """bytes of all contents"""
    damages: tuple[Damage, ...]
    leftovers: int
    """contents that lie in the storage without a record; they take up space and do no harm"""
    removed: bool = False
    """the leftovers"""


async def check(
    database: Database,
    storage: Storage,
    progress: Callable[[int], None],
    *,
    remove_leftovers: bool = False,
) -> Report:
    """`progress` is told the bytes that have been verified, from time to time.

    Leftovers may be removed while no service runs only: in a database that was restored, the numbers
    of later contents are given again. Raises OSError and StorageUnavailable if the storage cannot be asked.
    """
    stored = await storage.stored()  # before the records, which come first when something is uploaded
    count, size = await database.read(rows.totals)
    damages = await database.read(_inconsistencies)
    async for damage in _damaged_contents(database, storage, progress):
        damages.append(damage)
    leftovers = await _leftovers(database, storage, stored)
    if remove_leftovers:
        await storage.remove(leftovers)
    return Report(count, size, tuple(damages), len(leftovers), removed=remove_leftovers)


def _inconsistencies(connection: sa.Connection) -> list[Damage]:
    """What the tables contradict each other in."""
    found = [
        Damage(
            f"content {number} is shorter than what is read of it",
            tuple(rows.made_of_content(connection, number, _NAMES)),
        )
        for number in rows.stretched(connection)
    ]
    layouts = [(number, "overlap") for number in rows.overlapping(connection)]
    layouts += [(number, "have gaps") for number in rows.incomplete(connection)]
    for number, how in layouts:
        affected = tuple(rows.made_of_layout(connection, number, _NAMES))
        found.append(Damage(f"the ranges of layout {number} {how}", affected))
    if torn := rows.torn_blocks(connection, _NAMES):
        found.append(Damage("the ranges of staged blocks overlap or have gaps", tuple(torn)))
    return found


async def _damaged_contents(
    database: Database, storage: Storage, progress: Callable[[int], None]
) -> AsyncIterator[Damage]:
    after, verified = 0, 0
    slots = asyncio.Semaphore(_AT_ONCE)

    async def verify(content: Recorded) -> Damage | None:
        async with slots:
            return await _verify(database, storage, content)

    while page := await database.read(partial(rows.page, after=after, limit=_PAGE)):
        for damage in await asyncio.gather(*(verify(content) for content in page)):
            if damage is not None:
                yield damage
        after = page[-1].content_no
        verified += sum(content.size for content in page)
        progress(verified)


async def _verify(database: Database, storage: Storage, content: Recorded) -> Damage | None:
    problem = await _problem(storage, content)
    if problem is None:
        return None
    return await database.read(lambda connection: _damage(connection, content.content_no, problem))


def _damage(connection: sa.Connection, content_no: int, problem: str) -> Damage | None:
    """None if the content is gone by now, and rightly so."""
    if not rows.is_live(connection, content_no):
        return None
    affected = tuple(rows.made_of_content(connection, content_no, _NAMES))
    return Damage(f"content {content_no}: {problem}", affected)


async def _problem(storage: Storage, content: Recorded) -> str | None:
    digest = Digest(md5=False)
    if content.data is not None:
        digest.update(content.data)
    elif (size := await storage.size(content.content_no)) != content.size:
        return "it is not there" if size is None else f"it has {size} bytes instead of {content.size}"
    else:
        try:
            await _read(storage, content, digest)
        except ContentTruncated as error:
            return str(error)
    if digest.size != content.size:
        return f"it has {digest.size} bytes instead of {content.size}"
    return None if digest.crc64 == content.checksum else "its checksum is another"


async def _read(storage: Storage, content: Recorded, digest: Digest) -> None:
    async with aclosing(storage.read(content.content_no, 0, content.size)) as chunks:
        async for chunk in chunks:
            await asyncio.to_thread(digest.update, chunk)


async def _leftovers(database: Database, storage: Storage, stored: set[int]) -> list[int]:
    """Not those whose removal was under way."""
    loose = stored - await database.read(rows.known)
    return sorted(loose & await storage.stored()) if loose else []
