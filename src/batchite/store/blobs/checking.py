"""Queries that tell whether what the tables say of content is consistent."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from batchite.store.blobs.schema import blobs, blocks, containers, contents, ranges, uncommitted


class Recorded(NamedTuple):
    """A live content; the bytes are None if the storage has them."""

    content_no: int
    size: int
    checksum: bytes | None
    data: bytes | None


_LIVE = sa.select(contents.c.content_no, contents.c.size, contents.c.checksum, contents.c.data).where(
    contents.c.state == "live"
)
_LISTED = sa.func.coalesce(sa.func.sum(ranges.c.length), 0)
_COVERED = (
    sa.select(_LISTED)
    .where(ranges.c.layout_no == blobs.c.layout_no, ranges.c.start < blobs.c.size)
    .scalar_subquery()
)
_COUNT_LIVE = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(contents.c.size), 0)).where(
    contents.c.state == "live"
)


def totals(connection: sa.Connection) -> tuple[int, int]:
    """Live contents and their bytes."""
    count, size = connection.execute(_COUNT_LIVE).one()
    return count, size


def page(connection: sa.Connection, after: int, limit: int) -> list[Recorded]:
    """Live contents of numbers above `after`, in order."""
    query = _LIVE.where(contents.c.content_no > after).order_by(contents.c.content_no).limit(limit)
    return [Recorded(*row) for row in connection.execute(query)]


def is_live(connection: sa.Connection, content_no: int) -> bool:
    query = _LIVE.where(contents.c.content_no == content_no)
    return connection.execute(query).one_or_none() is not None


def known(connection: sa.Connection) -> set[int]:
    """All contents that are recorded, live or not."""
    return set(connection.execute(sa.select(contents.c.content_no)).scalars())


def stretched(connection: sa.Connection) -> list[int]:
    """Contents which blobs, ranges or staged blocks read beyond, or which are not live any more."""
    found: set[int] = set()
    for table, end in (
        (blobs, blobs.c.size),
        (ranges, ranges.c.content_start + ranges.c.length),
        (blocks, blocks.c.content_start + blocks.c.length),
    ):
        query = (
            sa.select(table.c.content_no)
            .join(contents, contents.c.content_no == table.c.content_no, isouter=True)
            .where(
                table.c.content_no.is_not(None),
                sa.or_(contents.c.content_no.is_(None), contents.c.state != "live", end > contents.c.size),
            )
        )
        found.update(connection.execute(query).scalars())
    return sorted(found)


def overlapping(connection: sa.Connection) -> list[int]:
    """Layouts in which a range begins before the one before it ends."""
    end_before = sa.func.lag(ranges.c.start + ranges.c.length).over(
        partition_by=ranges.c.layout_no, order_by=ranges.c.start
    )
    lined_up = sa.select(ranges.c.layout_no, ranges.c.start, end_before.label("end_before")).subquery()
    query = sa.select(lined_up.c.layout_no).where(lined_up.c.start < lined_up.c.end_before).distinct()
    return list(connection.execute(query).scalars())


def incomplete(connection: sa.Connection) -> list[int]:
    """Layouts with gaps, where the blob has bytes; only those of page blobs may have some."""
    query = sa.select(blobs.c.layout_no).where(
        blobs.c.layout_no.is_not(None), blobs.c.type != "page", blobs.c.size > _COVERED
    )
    return list(connection.execute(query.distinct()).scalars())


def torn_blocks(connection: sa.Connection, limit: int) -> list[str]:
    """`container/blob` for which blocks are staged that have gaps, or whose ranges overlap."""
    query = (
        sa.select(blocks.c.uncommitted_no)
        .group_by(blocks.c.uncommitted_no, blocks.c.block_id)
        .having(sa.func.sum(blocks.c.length) != sa.func.max(blocks.c.start + blocks.c.length))
    )
    return _names(connection, uncommitted, uncommitted.c.uncommitted_no.in_(query), limit)


def made_of_content(connection: sa.Connection, content_no: int, limit: int) -> list[str]:
    """`container/blob` of what has this content, staged blocks included."""
    in_layouts = sa.select(ranges.c.layout_no).where(ranges.c.content_no == content_no)
    owned = sa.or_(blobs.c.content_no == content_no, blobs.c.layout_no.in_(in_layouts))
    names = _names(connection, blobs, owned, limit)
    if names:
        return names
    staged = sa.select(blocks.c.uncommitted_no).where(blocks.c.content_no == content_no)
    return _names(connection, uncommitted, uncommitted.c.uncommitted_no.in_(staged), limit)


def made_of_layout(connection: sa.Connection, layout_no: int, limit: int) -> list[str]:
    return _names(connection, blobs, blobs.c.layout_no == layout_no, limit)


def _names(
    connection: sa.Connection, table: sa.Table, which: sa.ColumnElement[bool], limit: int
) -> list[str]:
    query = (
        sa.select(containers.c.name, table.c.name)
        .join(containers, containers.c.container_no == table.c.container_no)
        .where(which)
        .distinct()
        .limit(limit)
    )
    return [f"{container}/{name}" for container, name in connection.execute(query)]
