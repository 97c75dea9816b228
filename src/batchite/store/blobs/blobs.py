"""Queries on blobs.

Functions that change something are called within `Database.write`, whose units run one after the
other; those that drop content return the numbers whose files are to be removed after the commit.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from batchite.store.blobs import contents as content_rows
from batchite.store.blobs.containers import decode_metadata
from batchite.store.blobs.schema import blobs as table
from batchite.store.blobs.schema import blocks, containers, contents
from batchite.wire.blob.headers import HttpProperties

_properties_decoder = msgspec.json.Decoder(HttpProperties)
_DEFAULTS = HttpProperties()


class Blob(NamedTuple):
    """A blob as stored."""

    number: int
    name: str
    created: int
    modified: int
    size: int
    stored_properties: bytes | None
    stored_metadata: bytes | None
    content_no: int | None
    layout_no: int | None

    @property
    def properties(self) -> HttpProperties:
        stored = self.stored_properties
        return _properties_decoder.decode(stored) if stored else _DEFAULTS

    @property
    def metadata(self) -> dict[str, str]:
        return decode_metadata(self.stored_metadata)


class Slot(NamedTuple):
    """A place for a blob: its container, the blob if there is one, whether blocks are staged for it."""

    container_no: int
    has_blocks: bool
    blob: Blob | None


COLUMNS = (
    table.c.blob_no,
    table.c.name,
    table.c.created,
    table.c.modified,
    table.c.size,
    table.c.properties,
    table.c.metadata,
    table.c.content_no,
    table.c.layout_no,
)
_joined = containers.outerjoin(
    table,
    sa.and_(table.c.container_no == containers.c.container_no, table.c.name == sa.bindparam("blob_name")),
)
_named = (
    containers.c.account == sa.bindparam("account"),
    containers.c.name == sa.bindparam("container_name"),
)
_HAS_BLOCKS = sa.exists().where(
    blocks.c.container_no == containers.c.container_no, blocks.c.name == sa.bindparam("blob_name")
)
_FIND = sa.select(containers.c.container_no, _HAS_BLOCKS, *COLUMNS).select_from(_joined).where(*_named)
_FIND_WITH_DATA = (
    sa.select(containers.c.container_no, _HAS_BLOCKS, contents.c.data, *COLUMNS)
    .select_from(_joined.outerjoin(contents, contents.c.content_no == table.c.content_no))
    .where(*_named)
)
_INSERT = sa.insert(table)
_REPLACE = (
    sa.update(table)
    .where(table.c.blob_no == sa.bindparam("number"))
    .values({name: sa.bindparam(f"new_{name}") for name in ("modified", "size", "content_no", "layout_no")})
    .values(properties=sa.bindparam("new_properties"), metadata=sa.bindparam("new_metadata"))
)
_DROP_BLOCKS = (
    sa.delete(blocks)
    .where(blocks.c.container_no == sa.bindparam("number"), blocks.c.name == sa.bindparam("blob_name"))
    .returning(blocks.c.content_no)
)


def find(connection: sa.Connection, account: str, container: str, name: str) -> Slot | None:
    """None if there is no such container."""
    row = connection.execute(
        _FIND, {"account": account, "container_name": container, "blob_name": name}
    ).one_or_none()
    return None if row is None else Slot(row[0], row[1], _blob(row[2:]))


def find_with_data(
    connection: sa.Connection, account: str, container: str, name: str
) -> tuple[Slot | None, bytes | None]:
    """As `find`, with the content where it is kept in its row."""
    row = connection.execute(
        _FIND_WITH_DATA, {"account": account, "container_name": container, "blob_name": name}
    ).one_or_none()
    return (None, None) if row is None else (Slot(row[0], row[1], _blob(row[3:])), row[2])


def _blob(values: Any) -> Blob | None:
    return None if values[0] is None else Blob(*values)


class Written(NamedTuple):
    """What a blob shall be from now on."""

    modified: int
    size: int
    properties: HttpProperties
    metadata: bytes | None
    content_no: int | None = None
    layout_no: int | None = None


def put(connection: sa.Connection, slot: Slot, name: str, new: Written) -> list[int]:
    """Create or replace the blob; what was staged for it is dropped."""
    values = {
        "modified": new.modified,
        "size": new.size,
        "properties": encode_properties(new.properties),
        "metadata": new.metadata,
        "content_no": new.content_no,
        "layout_no": new.layout_no,
    }
    if slot.blob is None:
        place = {"container_no": slot.container_no, "name": name, "type": "block", "created": new.modified}
        connection.execute(_INSERT, {**place, **values})
    else:
        given = {f"new_{column}": value for column, value in values.items()}
        connection.execute(_REPLACE, {"number": slot.blob.number, **given})
    return _drop_blocks(connection, slot, name) + _release(connection, slot.blob)


def encode_properties(properties: HttpProperties) -> bytes | None:
    return None if properties == _DEFAULTS else msgspec.json.encode(properties)


def _drop_blocks(connection: sa.Connection, slot: Slot, name: str) -> list[int]:
    if not slot.has_blocks:
        return []
    place = {"number": slot.container_no, "blob_name": name}
    return content_rows.release(connection, set(connection.execute(_DROP_BLOCKS, place).scalars()))


def _release(connection: sa.Connection, old: Blob | None) -> list[int]:
    """Drop what an overwritten or deleted blob was made of."""
    if old is None:
        return []
    if old.layout_no is not None:
        return content_rows.release_layout(connection, old.layout_no)
    return [] if old.content_no is None else content_rows.release(connection, [old.content_no])


def remove(connection: sa.Connection, slot: Slot, blob: Blob) -> list[int]:
    """Delete the blob of this place and what is staged for it."""
    connection.execute(sa.delete(table).where(table.c.blob_no == blob.number))
    return _drop_blocks(connection, slot, blob.name) + _release(connection, blob)


def set_metadata(connection: sa.Connection, number: int, metadata: bytes | None, now: int) -> None:
    change = sa.update(table).where(table.c.blob_no == number)
    connection.execute(change, {"metadata": metadata, "modified": now})


def set_properties(connection: sa.Connection, number: int, properties: HttpProperties, now: int) -> None:
    change = sa.update(table).where(table.c.blob_no == number)
    connection.execute(change, {"properties": encode_properties(properties), "modified": now})


def page(connection: sa.Connection, container_no: int, first: str, end: str | None, limit: int) -> list[Blob]:
    """At most `limit` blobs of names from `first` up to, not including, `end` (None: no end)."""
    query = sa.select(*COLUMNS).where(table.c.container_no == container_no, table.c.name >= first)
    if end is not None:
        query = query.where(table.c.name < end)
    return [Blob(*row) for row in connection.execute(query.order_by(table.c.name).limit(limit))]
