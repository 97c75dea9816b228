"""Queries on blobs.

Functions that change something are called within `Database.write`, whose units run one after the
other; those that drop content return the numbers whose files are to be removed after the commit.
What becomes of the old state of a blob that is overwritten or deleted is decided in `kept`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from batchite.store.blobs import contents as content_rows
from batchite.store.blobs import extras as extra_fields
from batchite.store.blobs import tags as tag_rows
from batchite.store.blobs.containers import decode_metadata
from batchite.store.blobs.extras import Extras
from batchite.store.blobs.schema import LATEST as LATEST
from batchite.store.blobs.schema import blobs as table
from batchite.store.blobs.schema import containers, contents, services, uncommitted
from batchite.store.prepared import Prepared, Values
from batchite.wire.blob import leases
from batchite.wire.blob.headers import HttpProperties
from batchite.wire.blob.leases import Lease

Type = Literal["block", "append", "page"]
Kind = Literal["base", "snapshot", "version", "deleted"]

_properties_decoder = msgspec.json.Decoder(HttpProperties)
_DEFAULTS = HttpProperties()


class Blob(NamedTuple):
    """A blob as stored: the base of a name, or what is kept beside it at its moment.

    `deleted` and `purge` are of soft deletion; both are None for a base.
    """

    number: int
    name: str
    moment: int
    kind: Kind
    version: int | None
    type: Type
    created: int
    modified: int
    size: int
    stored_properties: bytes | None
    stored_metadata: bytes | None
    content_no: int | None
    layout_no: int | None
    stored_lease: bytes | None
    stored_extras: bytes | None
    deleted: int | None
    purge: int | None

    @property
    def properties(self) -> HttpProperties:
        stored = self.stored_properties
        return _properties_decoder.decode(stored) if stored else _DEFAULTS

    @property
    def metadata(self) -> dict[str, str]:
        return decode_metadata(self.stored_metadata)

    @property
    def lease(self) -> Lease | None:
        return leases.decode(self.stored_lease)

    @property
    def extras(self) -> Extras:
        return extra_fields.decode(self.stored_extras)

    @property
    def snapshot(self) -> int | None:
        """The time that names it, if it is a snapshot."""
        return self.moment if self.kind == "snapshot" else None

    @property
    def version_id(self) -> int | None:
        """The time that names it, if it is a version or may become one."""
        return self.moment if self.kind == "version" else self.version


class Slot(NamedTuple):
    """A place for a blob: its container, the number under which blocks are staged for it (None: there
    are none), whether versions are kept and for how many days what is deleted (None: not at all); the
    blob if there is one."""

    container_no: int
    uncommitted_no: int | None
    versioning: bool
    retention: int | None
    blob: Blob | None


COLUMNS = (
    table.c.blob_no,
    table.c.name,
    table.c.moment,
    table.c.kind,
    table.c.version,
    table.c.type,
    table.c.created,
    table.c.modified,
    table.c.size,
    table.c.properties,
    table.c.metadata,
    table.c.content_no,
    table.c.layout_no,
    table.c.lease,
    table.c.extras,
    table.c.deleted,
    table.c.purge,
)
_place = sa.and_(table.c.container_no == containers.c.container_no, table.c.name == sa.bindparam("blob_name"))
_at_moment = table.c.moment == sa.bindparam("moment")
_of_version = sa.or_(
    sa.and_(table.c.kind == "version", _at_moment),
    sa.and_(table.c.moment == LATEST, table.c.version == sa.bindparam("moment")),
)
_staged_here = sa.and_(
    uncommitted.c.container_no == containers.c.container_no, uncommitted.c.name == sa.bindparam("blob_name")
)
_SLOT = (
    containers.c.container_no,
    uncommitted.c.uncommitted_no,
    sa.func.coalesce(services.c.versioning, sa.false()),
    services.c.blob_retention,
)
_WIDTH = len(_SLOT)


def _query(moment: sa.ColumnElement[bool], *, data: bool) -> sa.Select[Any]:
    joined = containers.outerjoin(services, services.c.account == containers.c.account)
    joined = joined.outerjoin(uncommitted, _staged_here).outerjoin(table, sa.and_(_place, moment))
    if data:
        joined = joined.outerjoin(contents, contents.c.content_no == table.c.content_no)
    shown = (*_SLOT, contents.c.data if data else sa.null(), *COLUMNS)
    return (
        sa.select(*shown)
        .select_from(joined)
        .where(
            containers.c.account == sa.bindparam("account"),
            containers.c.name == sa.bindparam("container_name"),
            containers.c.deleted.is_(None),
        )
    )


_FIND = {
    (of_version, data): Prepared(_query(_of_version if of_version else _at_moment, data=data))
    for of_version in (False, True)
    for data in (False, True)
}
_INSERT = Prepared(sa.insert(table).returning(table.c.blob_no))
_REPLACE = Prepared(
    sa.update(table)
    .where(table.c.blob_no == sa.bindparam("number"))
    .values(
        {
            table.c[name]: sa.bindparam(f"new_{name}")
            for name in (
                "type",
                "version",
                "modified",
                "size",
                "properties",
                "metadata",
                "content_no",
                "layout_no",
                "lease",
                "extras",
            )
        }
    )
)


class Wanted(NamedTuple):
    """Which blob of a name: the base, the snapshot of a time, or the version of a time."""

    moment: int = LATEST
    kind: Literal["base", "snapshot", "version"] = "base"


BASE = Wanted()


def find(
    connection: sa.Connection, account: str, container: str, name: str, wanted: Wanted = BASE
) -> Slot | None:
    """None if there is no such container. What was deleted softly is not found."""
    return find_with_data(connection, account, container, name, wanted, data=False)[0]


def find_with_data(
    connection: sa.Connection,
    account: str,
    container: str,
    name: str,
    wanted: Wanted = BASE,
    *,
    data: bool = True,
) -> tuple[Slot | None, bytes | None]:
    """As `find`, with the content where it is kept in its row."""
    names: Values = {
        "account": account,
        "container_name": container,
        "blob_name": name,
        "moment": wanted.moment,
    }
    row = _FIND[wanted.kind == "version", data].one_or_none(connection, names)
    if row is None:
        return None, None
    blob = None if row[_WIDTH + 1] is None else Blob._make(row[_WIDTH + 1 :])
    if blob is not None and (blob.deleted is not None or wanted.kind not in (blob.kind, "version")):
        blob = None
    return Slot(row[0], row[1], bool(row[2]), row[3], blob), row[_WIDTH] if blob else None


class Written(NamedTuple):
    """What a blob shall be from now on."""

    modified: int
    size: int
    properties: HttpProperties
    metadata: bytes | None
    content_no: int | None = None
    layout_no: int | None = None
    type: Type = "block"
    extras: Extras = extra_fields.NONE


def insert(connection: sa.Connection, slot: Slot, name: str, new: Written) -> None:
    """A base where there is none."""
    _insert(connection, slot, name, new, new.modified, None)


def insert_over(connection: sa.Connection, slot: Slot, old: Blob, new: Written) -> None:
    """A base in the place of one that has just been put aside; its lease goes on."""
    _insert(connection, slot, old.name, new, new.modified, _lease_after(old, new.modified))


def _insert(
    connection: sa.Connection, slot: Slot, name: str, new: Written, created: int, lease: bytes | None
) -> None:
    place: Values = {"container_no": slot.container_no, "name": name, "created": created}
    number: int = _INSERT.one_or_none(connection, {**place, **_values(slot, new, lease)})[0]
    if new.extras.tags:
        tag_rows.index(connection, number, new.extras.tags)


def _values(slot: Slot, new: Written, lease: bytes | None) -> Values:
    extras = new.extras
    if new.type == "page":
        extras = msgspec.structs.replace(extras, generation=new.modified)
    return {
        "type": new.type,
        "version": new.modified if slot.versioning else None,
        "modified": new.modified,
        "size": new.size,
        "properties": encode_properties(new.properties),
        "metadata": new.metadata,
        "content_no": new.content_no,
        "layout_no": new.layout_no,
        "lease": lease,
        "extras": extra_fields.encode(extras),
    }


def replace(connection: sa.Connection, slot: Slot, old: Blob, new: Written) -> list[int]:
    """Overwrite the base; nothing of its old state is kept."""
    values = _values(slot, new, _lease_after(old, new.modified))
    given = {f"new_{column}": value for column, value in values.items()}
    _REPLACE.count(connection, {"number": old.number, **given})
    if new.extras.tags or old.stored_extras is not None:
        tag_rows.reindex(connection, old.number, old.extras.tags, new.extras.tags)
    return release(connection, [old])


def _lease_after(blob: Blob, now: int) -> bytes | None:
    if blob.stored_lease is None:
        return None
    return leases.encode(leases.after_change(blob.lease, now))


def encode_properties(properties: HttpProperties) -> bytes | None:
    return None if properties == _DEFAULTS else msgspec.json.encode(properties)


def drop_blocks(connection: sa.Connection, slot: Slot) -> list[int]:
    """Forget what is staged for the blob."""
    if slot.uncommitted_no is None:
        return []
    return content_rows.release_blocks(connection, slot.uncommitted_no)


def release(connection: sa.Connection, gone: Iterable[Blob]) -> list[int]:
    """Drop what overwritten or deleted blobs were made of; call it after their rows have changed."""
    condemned: list[int] = []
    for old in gone:
        if old.layout_no is not None:
            condemned += content_rows.release_layout(connection, old.layout_no)
        elif old.content_no is not None:
            condemned += content_rows.release(connection, [old.content_no])
    return condemned


def delete_rows(connection: sa.Connection, gone: Iterable[Blob]) -> list[int]:
    """Delete blobs for good."""
    doomed = list(gone)
    for blob in doomed:
        connection.execute(sa.delete(table).where(table.c.blob_no == blob.number))
    return release(connection, doomed)


def update(connection: sa.Connection, blob: Blob, now: int, **changes: Any) -> None:
    """Change columns of the base; `now` becomes its time, and a lease that has ended is forgotten."""
    values = {"modified": now, **changes}
    if blob.stored_lease is not None:
        values["lease"] = _lease_after(blob, now)
    connection.execute(sa.update(table).where(table.c.blob_no == blob.number), values)


def set_extras(connection: sa.Connection, blob: Blob, new: Extras) -> None:
    """Neither time nor ETag change."""
    change = sa.update(table).where(table.c.blob_no == blob.number)
    connection.execute(change, {"extras": extra_fields.encode(new)})
    if new.tags != blob.extras.tags:
        tag_rows.reindex(connection, blob.number, blob.extras.tags, new.tags)


def set_lease(connection: sa.Connection, number: int, lease: Lease | None) -> None:
    """Neither time nor ETag change."""
    change = sa.update(table).where(table.c.blob_no == number)
    connection.execute(change, {"lease": leases.encode(lease)})
