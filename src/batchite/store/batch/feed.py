"""The rows of the feed: one for each transaction that changed states which clients see.

A number is drawn when all else of the transaction has been written, so while it holds the rows of what it
changed: of two changes of one thing the later has the higher number.
"""

from __future__ import annotations

import sqlalchemy as sa

from batchite.resources.feed import JobChanged, PoolChanged, Telling
from batchite.store.batch.schema import feed
from batchite.store.prepared import Prepared, Values

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
