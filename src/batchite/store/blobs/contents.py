"""Rows of content: recorded before the first byte is written, dropped with the last reference."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import sqlalchemy as sa

from batchite.store.blobs.schema import blobs, blocks, contents, layouts, ranges, uncommitted
from batchite.store.prepared import Prepared, Values
from batchite.wire.blob.crc64 import crc64

_CHUNK = 500
"""Numbers in one statement; SQLite bounds its variables."""

_BEGIN = Prepared(sa.insert(contents).values(state="uploading").returning(contents.c.content_no))
_KEEP = Prepared(sa.insert(contents).values(state="live").returning(contents.c.content_no))
_FINISH = Prepared(
    sa.update(contents)
    .where(contents.c.content_no == sa.bindparam("number"), contents.c.state == "uploading")
    .values(state="live", size=sa.bindparam("length"), checksum=sa.bindparam("crc64"))
)
_CHECKSUM = Prepared(
    sa.select(contents.c.checksum).where(
        contents.c.content_no == sa.bindparam("number"), contents.c.size == sa.bindparam("length")
    )
)
_IS_INLINE = Prepared(
    sa.select(contents.c.data.is_not(None)).where(contents.c.content_no == sa.bindparam("number"))
)
_REFERRED = sa.or_(
    sa.exists().where(blobs.c.content_no == contents.c.content_no),
    sa.exists().where(ranges.c.content_no == contents.c.content_no),
    sa.exists().where(blocks.c.content_no == contents.c.content_no),
)


class ContentLost(Exception):  # noqa: N818 - a state of the store, not a mistake
    """The upload's record is gone, so that a sweep may have removed its file."""


def begin(connection: sa.Connection) -> int:
    """Record an upload that is about to begin, and return its number."""
    number: int = _BEGIN.one_or_none(connection, {})[0]
    return number


def keep_inline(connection: sa.Connection, data: bytes) -> int:
    """Store small content in the row itself."""
    number: int = _KEEP.one_or_none(connection, {"size": len(data), "data": data, "checksum": crc64(data)})[0]
    return number


def finish(connection: sa.Connection, content_no: int, size: int, checksum: bytes) -> None:
    """The bytes are complete and on disk; the checksum is their CRC64. Raises ContentLost."""
    known: Values = {"number": content_no, "length": size, "crc64": checksum}
    if _FINISH.count(connection, known) != 1:
        raise ContentLost


def abandon(connection: sa.Connection, content_no: int) -> bool:
    """Condemn an upload that failed; False if it has become live, and then nothing is done."""
    change = sa.update(contents).where(contents.c.content_no == content_no, contents.c.state == "uploading")
    return connection.execute(change, {"state": "condemned"}).rowcount == 1


def release(
    connection: sa.Connection, content_nos: Collection[int | None], *, whole: bool = True
) -> list[int]:
    """Drop those that nothing refers to any more; call it after the references were removed. Of ranges
    without content there is nothing to drop.

    `whole`: they were all of a blob each. Such a content, if it is kept in its row, is read together
    with its blob and may go at once; one of a range is waited for like a file.

    Returns the numbers whose files are to be removed once this is committed.
    """
    condemned: list[int] = []
    for chunk in _chunks(content_nos):
        unused = sa.and_(contents.c.content_no.in_(chunk), sa.not_(_REFERRED))
        if whole:
            connection.execute(sa.delete(contents).where(unused, contents.c.data.is_not(None)))
        condemn = sa.update(contents).where(unused).values(state="condemned").returning(contents.c.content_no)
        condemned.extend(connection.execute(condemn).scalars())
    return condemned


def release_layout(connection: sa.Connection, layout_no: int) -> list[int]:
    """Drop a layout that no blob has any more; the rest as `release`."""
    used = sa.select(sa.exists().where(blobs.c.layout_no == layout_no))
    if connection.execute(used).scalar_one():
        return []
    dropped = sa.delete(ranges).where(ranges.c.layout_no == layout_no).returning(ranges.c.content_no)
    numbers = set(connection.execute(dropped).scalars())
    connection.execute(sa.delete(layouts).where(layouts.c.layout_no == layout_no))
    return release(connection, numbers, whole=False)


def release_blocks(connection: sa.Connection, uncommitted_no: int) -> list[int]:
    """Drop what is staged for a blob; the rest as `release`."""
    dropped = sa.delete(blocks).where(blocks.c.uncommitted_no == uncommitted_no)
    numbers = set(connection.execute(dropped.returning(blocks.c.content_no)).scalars())
    connection.execute(sa.delete(uncommitted).where(uncommitted.c.uncommitted_no == uncommitted_no))
    return release(connection, numbers, whole=False)


def checksum(connection: sa.Connection, content_no: int, size: int) -> bytes | None:
    """The CRC64 of a content that has exactly this size, None if it has another."""
    row = _CHECKSUM.one_or_none(connection, {"number": content_no, "length": size})
    return None if row is None else row[0]


def is_inline(connection: sa.Connection, content_no: int) -> bool:
    """Whether the bytes are kept in the content's row."""
    row = _IS_INLINE.one_or_none(connection, {"number": content_no})
    return row is not None and bool(row[0])


def data_of(connection: sa.Connection, content_nos: Collection[int]) -> dict[int, bytes]:
    """The bytes of those that are kept in their rows."""
    found: dict[int, bytes] = {}
    for chunk in _chunks(content_nos):
        query = sa.select(contents.c.content_no, contents.c.data).where(contents.c.content_no.in_(chunk))
        found.update((number, data) for number, data in connection.execute(query) if data is not None)
    return found


def leftovers(connection: sa.Connection) -> list[int]:
    """Contents that a crash left uploading or condemned."""
    return list(
        connection.execute(sa.select(contents.c.content_no).where(contents.c.state != "live")).scalars()
    )


def forget(connection: sa.Connection, content_nos: Iterable[int]) -> None:
    """Delete the rows of contents whose files are gone; a live one is never deleted."""
    for chunk in _chunks(list(content_nos)):
        connection.execute(
            sa.delete(contents).where(contents.c.content_no.in_(chunk), contents.c.state != "live")
        )


def _chunks(numbers: Collection[int | None]) -> Iterable[list[int]]:
    ordered = sorted(number for number in numbers if number)
    return (ordered[at : at + _CHUNK] for at in range(0, len(ordered), _CHUNK))
