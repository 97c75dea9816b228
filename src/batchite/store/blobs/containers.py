"""Queries on containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
import sqlalchemy as sa

from batchite.store.blobs import contents
from batchite.store.blobs.schema import blobs, blocks
from batchite.store.blobs.schema import containers as table

_metadata_decoder = msgspec.json.Decoder(dict[str, str])


class Container(NamedTuple):
    """A container as stored."""

    number: int
    name: str
    modified: int
    metadata: bytes | None


_COLUMNS = (table.c.container_no, table.c.name, table.c.modified, table.c.metadata)
_FIND = sa.select(*_COLUMNS).where(
    table.c.account == sa.bindparam("account"), table.c.name == sa.bindparam("name")
)


def encode_metadata(metadata: Mapping[str, str]) -> bytes | None:
    return msgspec.json.encode(metadata) if metadata else None


def decode_metadata(stored: bytes | None) -> dict[str, str]:
    return _metadata_decoder.decode(stored) if stored else {}


def find(connection: sa.Connection, account: str, name: str) -> Container | None:
    row = connection.execute(_FIND, {"account": account, "name": name}).one_or_none()
    return None if row is None else Container(*row)


def add(connection: sa.Connection, account: str, name: str, metadata: bytes | None, now: int) -> bool:
    """False if there is one of that name."""
    if find(connection, account, name) is not None:
        return False
    connection.execute(
        sa.insert(table),
        {"account": account, "name": name, "created": now, "modified": now, "metadata": metadata},
    )
    return True


def set_metadata(connection: sa.Connection, number: int, metadata: bytes | None, now: int) -> None:
    change = sa.update(table).where(table.c.container_no == number)
    connection.execute(change, {"metadata": metadata, "modified": now})


def remove(connection: sa.Connection, number: int) -> list[int]:
    """Delete the container and all that is in it.

    Returns the numbers of contents whose files are to be removed once this is committed.
    """
    staged = sa.delete(blocks).where(blocks.c.container_no == number).returning(blocks.c.content_no)
    loose = set(connection.execute(staged).scalars())
    dropped = (
        sa.delete(blobs)
        .where(blobs.c.container_no == number)
        .returning(blobs.c.content_no, blobs.c.layout_no)
    )
    layouts: set[int] = set()
    for content_no, layout_no in connection.execute(dropped):
        loose.update(() if content_no is None else (content_no,))
        layouts.update(() if layout_no is None else (layout_no,))
    condemned = contents.release(connection, loose)
    for layout_no in sorted(layouts):
        condemned += contents.release_layout(connection, layout_no)
    connection.execute(sa.delete(table).where(table.c.container_no == number))
    return condemned


def page(connection: sa.Connection, account: str, first: str, end: str | None, limit: int) -> list[Container]:
    """At most `limit` containers of names from `first` up to, not including, `end` (None: no end)."""
    query = sa.select(*_COLUMNS).where(table.c.account == account, table.c.name >= first)
    if end is not None:
        query = query.where(table.c.name < end)
    return [Container(*row) for row in connection.execute(query.order_by(table.c.name).limit(limit))]
