"""The rows of the feed: one for each transaction that changed states which clients see.

A number is drawn when all else of the transaction has been written, so while it holds the rows of what it
changed: of two changes of one thing the later has the higher number. Numbers come from a sequence without a
lock, so where several write a row may become visible after others of higher numbers; see `Visible`.

What is kept has an end: rows are removed from the beginning, and the last one removed stays as a mark,
without entries.
"""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from batchite.resources.feed import JobChanged, NodeChanged, PoolChanged, Telling
from batchite.store.batch.schema import feed
from batchite.store.prepared import Prepared, Values

# -- telling

_APPEND = Prepared(sa.insert(feed))


def append(connection: sa.Connection, shard: str, at: int, telling: Telling) -> None:
    """Tell what the transaction changes, if it changes anything; call it last."""
    if telling.size:
        entries = telling.encoded()
        row: Values = {"shard": shard, "at": at, "size": telling.size, "entries": entries}
        _APPEND.many(connection, [row])


def append_job(
    connection: sa.Connection,
    shard: str,
    at: int,
    pool_id: str,
    id: str,
    state: str,
    was: str | None = None,
    reason: str | None = None,
) -> None:
    """Tell of one job."""
    telling = Telling()
    telling.add(JobChanged(telling.name(pool_id), id, at, state, was, reason))
    append(connection, shard, at, telling)


def append_pool(
    connection: sa.Connection,
    shard: str,
    at: int,
    id: str,
    state: str,
    was: str | None,
    allocation_state: str | None,
) -> None:
    """Tell of one pool."""
    telling = Telling()
    telling.add(PoolChanged(id, at, state, was, allocation_state))
    append(connection, shard, at, telling)


def append_node(
    connection: sa.Connection, shard: str, at: int, pool_id: str, id: str, state: str, was: str
) -> None:
    """Tell of one node."""
    telling = Telling()
    telling.add(NodeChanged(telling.name(pool_id), telling.name(id), at, state, was))
    append(connection, shard, at, telling)


# -- reading


class Row(NamedTuple):
    number: int
    shard: str
    entries: bytes | None
    """none: it is the mark of what was removed"""


class Visible(NamedTuple):
    """Rows past a number, as one snapshot has them."""

    rows: list[Row]
    more: bool
    """there are further ones"""
    decided: int | None
    """Every transaction with a number below this has ended, and what it wrote is in the snapshot. None: there
    is one writer, and rows become visible in the order of their numbers."""


_ROWS = Prepared(
    sa.select(feed.c.number, feed.c.shard, feed.c.entries)
    .where(feed.c.number > sa.bindparam("after"), feed.c.number <= sa.bindparam("through"))
    .order_by(feed.c.number)
    .limit(sa.bindparam("most"))
)
_LAST = sa.select(sa.func.max(feed.c.number))
_FIRST = sa.select(feed.c.number, feed.c.entries.is_(None)).order_by(feed.c.number).limit(1)
_DECIDED = sa.text("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
_TRANSACTION = sa.text("SELECT pg_current_xact_id()::text::bigint")
_HIGHEST = 2**62
MOST = 500
"""Rows read at once."""


def page(connection: sa.Connection, after: int, size: int, through: int = _HIGHEST) -> tuple[list[Row], bool]:
    """Rows past a number, and whether there may be more: none once their entries have `size` bytes."""
    found: list[Row] = []
    for values in _ROWS.all(connection, {"after": after, "through": through, "most": MOST}):
        row = Row(*values)
        found.append(row)
        size -= len(row.entries or b"")
        if size <= 0:
            return found, True
    return found, len(found) == MOST


def visible(connection: sa.Connection, after: int, size: int) -> Visible:
    """The next rows, with what says which of those between them may still come."""
    known = decided(connection)
    return Visible(*page(connection, after, size), known)


def decided(connection: sa.Connection) -> int | None:
    """See `Visible`."""
    if connection.dialect.name == "sqlite":
        return None
    number: int = connection.execute(_DECIDED).scalar_one()
    return number


def transaction(connection: sa.Connection) -> int:
    """A number higher than that of every transaction so far that has written anything (PostgreSQL)."""
    number: int = connection.execute(_TRANSACTION).scalar_one()
    return number


def last(connection: sa.Connection) -> int:
    """The highest number that is visible; 0: there is none."""
    return connection.execute(_LAST).scalar_one() or 0


def removed(connection: sa.Connection) -> int:
    """The highest number whose row was removed, so that nobody can read on from before it; 0: none was."""
    first = connection.execute(_FIRST).one_or_none()
    return first[0] if first is not None and first[1] else 0


# -- removing


class Size(NamedTuple):
    """Of a row."""

    number: int
    at: int
    size: int


def sizes(connection: sa.Connection, after: int, limit: int) -> list[Size]:
    """Of the next rows past a number."""
    query = sa.select(feed.c.number, feed.c.at, feed.c.size).where(feed.c.number > after)
    return [Size(*row) for row in connection.execute(query.order_by(feed.c.number).limit(limit))]


def remove(connection: sa.Connection, through: int) -> None:
    """Remove the rows up to this one, which must be there and stays as the mark."""
    connection.execute(sa.delete(feed).where(feed.c.number < through))
    mark = sa.update(feed).where(feed.c.number == through)
    connection.execute(mark.values(entries=None, size=0))
