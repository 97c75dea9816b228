"""Queries on staged blocks, and on the layouts that commit them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from batchite.store.blobs import contents
from batchite.store.blobs.schema import blocks as table
from batchite.store.blobs.schema import layouts, ranges

ZEROS = 0
"""The number of no content: a piece of it is a gap in a page blob, all zeros."""


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


def stage(
    connection: sa.Connection, container_no: int, name: str, block_id: str, content_no: int, size: int
) -> list[int]:
    """Keep a block for a blob of that name; one of the same id is replaced.

    Returns the numbers of contents whose files are to be removed once this is committed.
    """
    place = (table.c.container_no == container_no, table.c.name == name, table.c.block_id == block_id)
    old = connection.execute(sa.delete(table).where(*place).returning(table.c.content_no)).scalars().all()
    connection.execute(
        sa.insert(table),
        {
            "container_no": container_no,
            "name": name,
            "block_id": block_id,
            "size": size,
            "content_no": content_no,
        },
    )
    return contents.release(connection, old, whole=False) if old else []


def any_staged(connection: sa.Connection, container_no: int, name: str) -> str | None:
    """The id of some staged block of the blob, None if there is none."""
    query = sa.select(table.c.block_id).where(table.c.container_no == container_no, table.c.name == name)
    return connection.execute(query.limit(1)).scalar_one_or_none()


def staged(connection: sa.Connection, container_no: int, name: str) -> dict[str, Piece]:
    """Staged blocks by id, in the order of ids."""
    query = (
        sa.select(table.c.block_id, table.c.content_no, table.c.size)
        .where(table.c.container_no == container_no, table.c.name == name)
        .order_by(table.c.block_id)
    )
    return {block_id: Piece(number, 0, size) for block_id, number, size in connection.execute(query)}


def committed(connection: sa.Connection, layout_no: int | None) -> list[tuple[str, Piece]]:
    """Blocks of a committed list, in order; ranges that were no blocks are left out."""
    if layout_no is None:
        return []
    query = (
        sa.select(ranges.c.block_id, ranges.c.content_no, ranges.c.content_start, ranges.c.length)
        .where(ranges.c.layout_no == layout_no, ranges.c.block_id.is_not(None))
        .order_by(ranges.c.start)
    )
    return [(block_id, Piece(*piece)) for block_id, *piece in connection.execute(query)]


def add_layout(connection: sa.Connection, pieces: Sequence[tuple[str, Piece]]) -> tuple[int, int]:
    """Store a list of blocks; returns its layout and the size of it all."""
    key = connection.execute(sa.insert(layouts)).inserted_primary_key
    if key is None:
        raise RuntimeError("the database gave no number to a new layout")
    rows: list[Mapping[str, int | str]] = []
    start = 0
    for block_id, piece in pieces:
        rows.append(
            {
                "layout_no": key[0],
                "start": start,
                "length": piece.length,
                "content_no": piece.content_no,
                "content_start": piece.start,
                "block_id": block_id,
            }
        )
        start += piece.length
    connection.execute(sa.insert(ranges), rows)
    return key[0], start
