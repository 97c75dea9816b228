"""Queries on layouts, most of all those that change: of append blobs and of page blobs.

An append blob's layout is shared with its snapshots and copies, each reading as far as its own size
goes; whoever appends first has it, the next one to append takes a copy. A page blob's layout is
changed only while no other blob has it, and copied else. Pages that were cleared are zeros that know
when, so that they differ from what was zeros, or cleared, before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from batchite.store.blobs import contents
from batchite.store.blobs.blobs import Blob
from batchite.store.blobs.blocks import ZEROS, Piece, Range
from batchite.store.blobs.schema import blobs, layouts, ranges
from batchite.store.blobs.schema import contents as content_table

_IS_INLINE = sa.func.coalesce(
    sa.select(content_table.c.data.is_not(None))
    .where(content_table.c.content_no == ranges.c.content_no)
    .scalar_subquery(),
    sa.false(),
)


MOVED_BYTES = 1024 * 1024
"""Pieces that are shorter on average are not shared but copied, so that lists of ranges stay short."""


def cleared(moment: int, length: int) -> Piece:
    """Zeros that pages are cleared to at this moment."""
    return Piece(ZEROS, -moment, length)


def was_cleared(held: Range) -> bool:
    """Whether these are pages that were cleared, rather than written or never touched."""
    return held.content_no == ZEROS and held.content_start < 0


def append(connection: sa.Connection, blob: Blob, pieces: Sequence[Piece]) -> int:
    """Add to the end of an append blob; returns its layout from now on.

    The blob's row is to be changed by the caller.
    """
    layout_no = blob.layout_no
    if layout_no is None:
        layout_no = _new(connection)
    elif _is_longer(connection, layout_no, blob.size):
        layout_no = _copy(connection, layout_no, blob.size)
    start = blob.size
    for piece in pieces:
        _add(connection, layout_no, Range(start, piece.length, piece.content_no, piece.start))
        start += piece.length
    return layout_no


def _is_longer(connection: sa.Connection, layout_no: int, size: int) -> bool:
    beyond = sa.exists().where(ranges.c.layout_no == layout_no, ranges.c.start >= size)
    return bool(connection.execute(sa.select(beyond)).scalar_one())


def leave(connection: sa.Connection, blob: Blob, layout_no: int) -> list[int]:
    """Drop the layout that the blob had before its row was given this one, if it was the last to have
    it; the rest as `contents.release`."""
    if blob.layout_no is None or blob.layout_no == layout_no:
        return []
    return contents.release_layout(connection, blob.layout_no)


def own(connection: sa.Connection, blob: Blob) -> int:
    """A layout that this page blob may change; the blob's row is to be changed by the caller."""
    if blob.layout_no is None:
        return _new(connection)
    others = sa.exists().where(blobs.c.layout_no == blob.layout_no, blobs.c.blob_no != blob.number)
    shared = connection.execute(sa.select(others)).scalar_one()
    return _copy(connection, blob.layout_no, blob.size) if shared else blob.layout_no


def write(
    connection: sa.Connection, layout_no: int, start: int, end: int, pieces: Sequence[Piece]
) -> list[int]:
    """Put pieces into bytes `start` to `end` of a layout, nothing for bytes that nobody ever touched.

    Returns the numbers of contents whose files are to be removed once this is committed.
    """
    old = covering(connection, layout_no, start, end)
    for held in old:
        connection.execute(_at(layout_no, held.start))
    for held in old:
        for part in _outside(held, start, end):
            _add(connection, layout_no, part)
    at = start
    for piece in pieces:
        _add(connection, layout_no, Range(at, piece.length, piece.content_no, piece.start))
        at += piece.length
    return contents.release(connection, {held.content_no for held in old}, whole=False)


def _at(layout_no: int, start: int) -> sa.Delete:
    return sa.delete(ranges).where(ranges.c.layout_no == layout_no, ranges.c.start == start)


def _outside(held: Range, start: int, end: int) -> Iterable[Range]:
    """What of a range lies before and behind these bytes."""
    if held.start < start:
        yield held._replace(length=start - held.start)
    behind = held.start + held.length - end
    if behind > 0:
        skipped = held.length - behind
        yield Range(end, behind, held.content_no, held.content_start + skipped)


def covering(connection: sa.Connection, layout_no: int, start: int, end: int) -> list[Range]:
    """The ranges that have something of bytes `start` to `end`, in order; zeros have none."""
    mine = ranges.c.layout_no == layout_no
    before = sa.select(sa.func.max(ranges.c.start)).where(mine, ranges.c.start <= start).scalar_subquery()
    query = (
        sa.select(
            ranges.c.start,
            ranges.c.length,
            sa.func.coalesce(ranges.c.content_no, ZEROS),
            ranges.c.content_start,
            _IS_INLINE,
        )
        .where(mine, ranges.c.start >= sa.func.coalesce(before, start), ranges.c.start < end)
        .order_by(ranges.c.start)
    )
    found = (Range(*row) for row in connection.execute(query))
    return [held for held in found if held.start + held.length > start]


def pieces(connection: sa.Connection, layout_no: int | None, start: int, end: int) -> list[Piece]:
    """The content of bytes `start` to `end` of a layout, and zeros where it has none."""
    found: list[Piece] = []
    at = start
    for held in covering(connection, layout_no, start, end) if layout_no is not None else ():
        if held.content_no == ZEROS:
            continue
        first, last = max(held.start, start), min(held.start + held.length, end)
        if first > at:
            found.append(Piece(ZEROS, 0, first - at))
        offset = held.content_start + first - held.start
        found.append(Piece(held.content_no, offset, last - first, held.inline))
        at = last
    if at < end:
        found.append(Piece(ZEROS, 0, end - at))
    return found


def share(connection: sa.Connection, blob: Blob, start: int, end: int) -> list[Piece] | None:
    """What these bytes of a blob consist of, for another blob to have it, too.

    None if they are to be copied: a content in its row that is all of a blob belongs to blobs only, and
    many small pieces cost more than their bytes.
    """
    if blob.content_no is not None:
        if contents.is_inline(connection, blob.content_no):
            return None
        return [Piece(blob.content_no, start, end - start)]
    found = pieces(connection, blob.layout_no, start, end)
    return found if len(found) <= 1 + (end - start) // MOVED_BYTES else None


def without_gaps(connection: sa.Connection, blob: Blob) -> int:
    """A new layout of what a page blob has now, with ranges of zeros in place of its gaps."""
    start = 0
    filled: list[Range] = []
    for piece in pieces(connection, blob.layout_no, 0, blob.size):
        filled.append(Range(start, piece.length, piece.content_no, piece.start))
        start += piece.length
    return create(connection, filled)


def create(connection: sa.Connection, held: Iterable[Range]) -> int:
    """A new layout of these ranges."""
    layout_no = _new(connection)
    rows = [_row(layout_no, new) for new in held]
    if rows:
        connection.execute(sa.insert(ranges), rows)
    return layout_no


def _new(connection: sa.Connection) -> int:
    key = connection.execute(sa.insert(layouts)).inserted_primary_key
    if key is None:
        raise RuntimeError("the database gave no number to a new layout")
    return int(key[0])


def _copy(connection: sa.Connection, layout_no: int, size: int) -> int:
    """A new layout of the same ranges, up to the size."""
    copy = _new(connection)
    columns = [column for column in ranges.c if column is not ranges.c.layout_no]
    source = sa.select(sa.literal(copy), *columns).where(
        ranges.c.layout_no == layout_no, ranges.c.start < size
    )
    names = ["layout_no", *(column.name for column in columns)]
    connection.execute(sa.insert(ranges).from_select(names, source))
    return copy


def _add(connection: sa.Connection, layout_no: int, new: Range) -> None:
    connection.execute(sa.insert(ranges), _row(layout_no, new))


def _row(layout_no: int, new: Range) -> dict[str, int | None]:
    return {
        "layout_no": layout_no,
        "start": new.start,
        "length": new.length,
        "content_no": new.content_no or None,
        "content_start": new.content_start,
    }
