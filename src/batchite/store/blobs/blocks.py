"""Queries on staged blocks, and on the layouts that commit them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from batchite.store.blobs import contents
from batchite.store.blobs.blobs import Slot
from batchite.store.blobs.schema import blocks as table
from batchite.store.blobs.schema import layouts, ranges, uncommitted
from batchite.store.prepared import Prepared, Values
from batchite.wire.blob import block_list
from batchite.wire.ticks import TICKS_PER_DAY

ZEROS = 0
"""The number of no content: a piece of it is all zeros."""
KEPT_TICKS = 7 * TICKS_PER_DAY
"""Staged blocks are forgotten when nothing has been added to them for so long."""


class Piece(NamedTuple):
    """A part of a content; `inline` if the content is kept in its row and not in a file."""

    content_no: int
    start: int
    length: int
    inline: bool = False


class Range(NamedTuple):
    """A stretch of a blob (from `start`) and the content that holds it."""

    start: int
    length: int
    content_no: int
    content_start: int
    inline: bool = False


class Block(NamedTuple):
    """What a block consists of, in order."""

    id: str
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        return sum(piece.length for piece in self.pieces)


class Staged(NamedTuple):
    """How many blocks are staged for a blob, and how many bytes all their ids are made of."""

    blocks: int
    id_length: int


_COUNT = Prepared(
    sa.select(uncommitted.c.blocks, uncommitted.c.id_length).where(
        uncommitted.c.uncommitted_no == sa.bindparam("number")
    )
)
_HAS = Prepared(
    sa.select(sa.literal(1))
    .where(table.c.uncommitted_no == sa.bindparam("number"), table.c.block_id == sa.bindparam("id"))
    .limit(1)
)
_BEGIN = Prepared(sa.insert(uncommitted).values(blocks=0).returning(uncommitted.c.uncommitted_no))
_ADDED = Prepared(
    sa.update(uncommitted)
    .where(uncommitted.c.uncommitted_no == sa.bindparam("number"))
    .values(blocks=uncommitted.c.blocks + sa.bindparam("added"), staged=sa.bindparam("now"))
)
_DROP = Prepared(
    sa.delete(table)
    .where(table.c.uncommitted_no == sa.bindparam("number"), table.c.block_id == sa.bindparam("id"))
    .returning(table.c.content_no)
)
_KEEP = Prepared(sa.insert(table))
_COMMITTED = Prepared(
    sa.select(
        ranges.c.block_id,
        sa.func.coalesce(ranges.c.content_no, ZEROS),
        ranges.c.content_start,
        ranges.c.length,
    )
    .where(ranges.c.layout_no == sa.bindparam("number"))
    .order_by(ranges.c.start)
)
_ADD = Prepared(sa.insert(ranges))


_STAGED_OTHERWISE = Prepared(
    sa.select(table.c.block_id, sa.func.coalesce(table.c.key, "")).where(
        table.c.uncommitted_no == sa.bindparam("number"),
        sa.func.coalesce(table.c.key, "") != sa.bindparam("key"),
    )
)


def stage(
    connection: sa.Connection, slot: Slot, name: str, block: Block, now: int, key: str = ""
) -> list[int]:
    """Keep a block for the blob of that name; one of the same id is replaced.

    `key` is the hash of the key that the client gave, if it did.

    Returns the numbers of contents whose files are to be removed once this is committed.
    """
    number = slot.uncommitted_no
    if number is None:
        place: Values = {"container_no": slot.container_no, "name": name}
        about: Values = {"id_length": block_list.id_length(block.id), "staged": now}
        number = int(_BEGIN.one_or_none(connection, {**place, **about})[0])
    old = [row[0] for row in _DROP.all(connection, {"number": number, "id": block.id})]
    start = 0
    for piece in block.pieces:
        held: Values = {
            "uncommitted_no": number,
            "block_id": block.id,
            "start": start,
            "length": piece.length,
            "content_no": piece.content_no or None,
            "content_start": piece.start,
            "key": key or None,
        }
        _KEEP.count(connection, held)
        start += piece.length
    _ADDED.count(connection, {"number": number, "added": 0 if old else 1, "now": now})
    return contents.release(connection, set(old), whole=False) if old else []


def count(connection: sa.Connection, slot: Slot) -> Staged | None:
    """None if nothing is staged."""
    if slot.uncommitted_no is None:
        return None
    row = _COUNT.one_or_none(connection, {"number": slot.uncommitted_no})
    return None if row is None else Staged._make(row)


def has(connection: sa.Connection, slot: Slot, block_id: str) -> bool:
    """Whether a block of this id is staged."""
    return _HAS.one_or_none(connection, {"number": slot.uncommitted_no, "id": block_id}) is not None


def staged_otherwise(connection: sa.Connection, slot: Slot, key: str) -> dict[str, str]:
    """Ids of blocks that were staged with another key than this one, or none, and the key of each."""
    return dict(_STAGED_OTHERWISE.all(connection, {"number": slot.uncommitted_no, "key": key}))


def staged(connection: sa.Connection, slot: Slot) -> list[Block]:
    """In the order of their ids."""
    if slot.uncommitted_no is None:
        return []
    first = sa.case((table.c.start == 0, table.c.block_id))
    query = (
        sa.select(first, sa.func.coalesce(table.c.content_no, ZEROS), table.c.content_start, table.c.length)
        .where(table.c.uncommitted_no == slot.uncommitted_no)
        .order_by(table.c.block_id, table.c.start)
    )
    return _blocks(connection.execute(query))


def committed(connection: sa.Connection, layout_no: int | None) -> list[Block]:
    """Blocks of a committed list, in order; none of what was not made by a list."""
    if layout_no is None:
        return []
    return _blocks(_COMMITTED.all(connection, {"number": layout_no}))


def _blocks(rows: Iterable[Sequence[Any]]) -> list[Block]:
    """A block begins where there is an id."""
    found: list[Block] = []
    for block_id, *place in rows:
        piece = Piece(*place)
        if block_id is not None:
            found.append(Block(block_id, (piece,)))
        elif found:
            found[-1] = Block(found[-1].id, (*found[-1].pieces, piece))
    return found


def add_layout(connection: sa.Connection, blocks: Iterable[Block]) -> tuple[int, int]:
    """Store a list of blocks; returns its layout and the size of it all."""
    key = connection.execute(sa.insert(layouts)).inserted_primary_key
    if key is None:
        raise RuntimeError("the database gave no number to a new layout")
    rows: list[Values] = []
    start = 0
    for block in blocks:
        for index, piece in enumerate(block.pieces):
            rows.append(
                {
                    "layout_no": key[0],
                    "start": start,
                    "length": piece.length,
                    "content_no": piece.content_no or None,
                    "content_start": piece.start,
                    "block_id": None if index else block.id,
                }
            )
            start += piece.length
    _ADD.many(connection, rows)
    return key[0], start


def expired(connection: sa.Connection, now: int, limit: int) -> list[int]:
    """Of blobs which nothing was staged for in the last seven days: the numbers of what is staged."""
    query = (
        sa.select(uncommitted.c.uncommitted_no)
        .where(uncommitted.c.staged <= now - KEPT_TICKS)
        .order_by(uncommitted.c.staged)
        .limit(limit)
    )
    return list(connection.execute(query).scalars())
