"""The index of tags, and searches in it.

What a blob's tags are is in its extras; the index follows with every change of a base.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import sqlalchemy as sa

from batchite.store.blobs import extras
from batchite.store.blobs.schema import LATEST, blobs, containers
from batchite.store.blobs.schema import tags as table
from batchite.wire.blob.tag_filter import CONTAINER, Comparison

_DROP = sa.delete(table).where(table.c.blob_no == sa.bindparam("number"))
_INSERT = sa.insert(table)


class Found(NamedTuple):
    container: str
    name: str
    tags: Mapping[str, str]


def index(connection: sa.Connection, blob_no: int, new: Mapping[str, str]) -> None:
    """These are the blob's tags, which had none in the index."""
    if new:
        rows = [{"blob_no": blob_no, "tag": tag, "value": value} for tag, value in new.items()]
        connection.execute(_INSERT, rows)


def reindex(connection: sa.Connection, blob_no: int, old: Mapping[str, str], new: Mapping[str, str]) -> None:
    if old:
        connection.execute(_DROP, {"number": blob_no})
    index(connection, blob_no, new)


def find(
    connection: sa.Connection,
    account: str,
    container: str,
    comparisons: Iterable[Comparison],
    first: tuple[str, str],
    limit: int,
) -> list[Found]:
    """At most `limit` base blobs for which all comparisons hold, by container ("" for all) and name.

    They begin at the container and name `first`.
    """
    query = (
        sa.select(containers.c.name, blobs.c.name, blobs.c.extras)
        .select_from(blobs.join(containers, containers.c.container_no == blobs.c.container_no))
        .where(containers.c.account == account, containers.c.deleted.is_(None), blobs.c.moment == LATEST)
        .where(*map(_condition, comparisons))
        .where(
            sa.or_(
                containers.c.name > first[0],
                sa.and_(containers.c.name == first[0], blobs.c.name >= first[1]),
            )
        )
        .order_by(containers.c.name, blobs.c.name)
        .limit(limit)
    )
    if container:
        query = query.where(containers.c.name == container)
    rows = connection.execute(query)
    return [Found(where, name, extras.decode(stored).tags) for where, name, stored in rows]


def _condition(comparison: Comparison) -> sa.ColumnElement[bool]:
    if comparison.name == CONTAINER:
        return containers.c.name == comparison.value
    value = table.c.value.op(comparison.comparator, is_comparison=True)(comparison.value)
    return blobs.c.blob_no.in_(sa.select(table.c.blob_no).where(table.c.tag == comparison.name, value))
