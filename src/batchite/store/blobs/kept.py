"""What is kept beside base blobs: snapshots, versions, and what was deleted softly.

Everything that writes or deletes a base goes through here, so that the old state is kept when the
account asks for it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import sqlalchemy as sa

from batchite.store.blobs import blobs as rows
from batchite.store.blobs.blobs import COLUMNS, Blob, Kind, Slot, Written
from batchite.store.blobs.schema import LATEST, services
from batchite.store.blobs.schema import blobs as table
from batchite.wire.ticks import TICKS_PER_DAY

Snapshots = Literal["refuse", "include", "only"]


class SnapshotsLeft(Exception):  # noqa: N818 - a state of the store, not a mistake
    """The blob has snapshots, and nothing was said of them."""


class NothingThere(Exception):  # noqa: N818 - a state of the store, not a mistake
    """There is no blob of that name, deleted or not."""


def put(connection: sa.Connection, slot: Slot, name: str, new: Written) -> list[int]:
    """Create or replace the base; what was staged for it is dropped, its old state kept if need be."""
    old = slot.blob
    if old is None:
        if slot.retention is not None:
            _age(connection, slot, name)
        rows.insert(connection, slot, name, new)
        condemned: list[int] = []
    elif slot.versioning or old.version is not None:
        _put_aside(connection, old, "version", old.version or old.modified)
        rows.insert_over(connection, slot, old, new)
        condemned = []
    elif slot.retention is not None:
        _put_aside(connection, old, "snapshot", old.modified, _deletion(slot, new.modified))
        rows.insert_over(connection, slot, old, new)
        condemned = []
    else:
        condemned = rows.replace(connection, slot, old, new)
    return condemned + rows.drop_blocks(connection, slot)


def change(connection: sa.Connection, slot: Slot, blob: Blob, now: int, **changes: object) -> int | None:
    """Change columns of the base where that makes a version; returns the version's id."""
    if slot.versioning or blob.version is not None:
        copy(connection, blob, "version", blob.version or blob.modified)
    version = now if slot.versioning else None
    rows.update(connection, blob, now, version=version, **changes)
    return version


def _age(connection: sa.Connection, slot: Slot, name: str) -> None:
    """A base that was deleted becomes a snapshot when another takes its place."""
    old = sa.and_(table.c.container_no == slot.container_no, table.c.name == name, table.c.kind == "deleted")
    connection.execute(sa.update(table).where(old), {"kind": "snapshot"})


def _put_aside(
    connection: sa.Connection,
    blob: Blob,
    kind: Kind,
    moment: int,
    deletion: dict[str, int] | None = None,
) -> None:
    values = {"kind": kind, "moment": moment, "lease": None, **(deletion or {})}
    connection.execute(sa.update(table).where(table.c.blob_no == blob.number), values)


def _deletion(slot: Slot, now: int) -> dict[str, int]:
    return {"deleted": now, "purge": now + (slot.retention or 0) * TICKS_PER_DAY}


def copy(connection: sa.Connection, blob: Blob, kind: Kind, moment: int, **changes: object) -> None:
    """Keep the present state of the base at a moment; it shares the content."""
    given = {"moment": moment, "kind": kind, "lease": None, **changes}
    columns = [column for column in table.c if column is not table.c.blob_no]
    values = [
        sa.literal(given[column.name], column.type) if column.name in given else column for column in columns
    ]
    source = sa.select(*values).where(table.c.blob_no == blob.number)
    connection.execute(sa.insert(table).from_select([column.name for column in columns], source))


def snapshot(connection: sa.Connection, blob: Blob, now: int, metadata: bytes | None) -> int:
    """Take a snapshot, with other metadata if some are given; returns its own time of change."""
    if metadata is None:
        copy(connection, blob, "snapshot", now)
        return blob.modified
    copy(connection, blob, "snapshot", now, metadata=metadata, modified=now)
    return now


def renew_version(connection: sa.Connection, blob: Blob, version: int) -> None:
    """Keep the base as a version and go on under this id; neither its time nor its ETag change."""
    copy(connection, blob, "version", blob.version or blob.modified)
    connection.execute(sa.update(table).where(table.c.blob_no == blob.number), {"version": version})


def delete(
    connection: sa.Connection, slot: Slot, blob: Blob, now: int, snapshots: Snapshots
) -> tuple[bool, list[int]]:
    """Delete the base, its snapshots or both; whether it was for good, and the contents to remove.

    Raises SnapshotsLeft if there are snapshots and they are not included.
    """
    if snapshots == "refuse" and has_snapshots(connection, slot, blob.name):
        raise SnapshotsLeft
    gone = [] if snapshots == "refuse" else _snapshots(connection, slot, blob.name)
    condemned = _discard(connection, slot, gone, now)
    if snapshots != "only":
        condemned += _delete_base(connection, slot, blob, now)
        condemned += rows.drop_blocks(connection, slot)
    return slot.retention is None and not slot.versioning, condemned


def _delete_base(connection: sa.Connection, slot: Slot, blob: Blob, now: int) -> list[int]:
    if slot.versioning:
        _put_aside(connection, blob, "version", blob.version or blob.modified)
    elif slot.retention is not None:
        _put_aside(connection, blob, "deleted", now, _deletion(slot, now))
    else:
        return rows.delete_rows(connection, [blob])
    return []


def delete_one(connection: sa.Connection, slot: Slot, blob: Blob, now: int) -> tuple[bool, list[int]]:
    """Delete a snapshot or a version; whether it was for good, and the contents to remove."""
    return slot.retention is None, _discard(connection, slot, [blob], now)


def _discard(connection: sa.Connection, slot: Slot, gone: Iterable[Blob], now: int) -> list[int]:
    if slot.retention is None:
        return rows.delete_rows(connection, gone)
    numbers = [{"number": blob.number, **_deletion(slot, now)} for blob in gone]
    if numbers:
        mark = sa.update(table).where(table.c.blob_no == sa.bindparam("number"))
        connection.execute(mark.values(deleted=sa.bindparam("deleted"), purge=sa.bindparam("purge")), numbers)
    return []


def _beside(slot: Slot, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.container_no == slot.container_no, table.c.name == name, table.c.moment < LATEST)


def has_snapshots(connection: sa.Connection, slot: Slot, name: str) -> bool:
    here = sa.exists().where(_beside(slot, name), table.c.kind == "snapshot", table.c.deleted.is_(None))
    return bool(connection.execute(sa.select(here)).scalar_one())


def _snapshots(connection: sa.Connection, slot: Slot, name: str) -> list[Blob]:
    query = sa.select(*COLUMNS).where(
        _beside(slot, name), table.c.kind == "snapshot", table.c.deleted.is_(None)
    )
    return [Blob._make(row) for row in connection.execute(query)]


def may_delete_for_good(connection: sa.Connection, account: str) -> bool:
    """Whether the account permits to delete before its time what was deleted softly."""
    query = sa.select(services.c.permanent_delete).where(services.c.account == account)
    return bool(connection.execute(query).scalar_one_or_none())


def find_deleted(
    connection: sa.Connection, slot: Slot, name: str, moment: int, kind: Kind, now: int
) -> Blob | None:
    """A snapshot or version that was deleted softly."""
    query = sa.select(*COLUMNS).where(
        _beside(slot, name), table.c.moment == moment, table.c.kind == kind, table.c.purge > now
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Blob._make(row)


def undelete(connection: sa.Connection, slot: Slot, name: str, now: int) -> None:
    """Restore what was deleted of a blob: the base, if there is no other now, snapshots and versions.

    Raises NothingThere.
    """
    query = sa.select(*COLUMNS).where(_beside(slot, name), table.c.purge > now).order_by(table.c.moment)
    found = [Blob._make(row) for row in connection.execute(query)]
    if not found and slot.blob is None:
        raise NothingThere
    bases = [blob for blob in found if blob.kind == "deleted"]
    base = bases[-1] if bases and slot.blob is None else None
    for blob in found:
        kind = "snapshot" if blob.kind == "deleted" else blob.kind
        place = {"kind": "base", "moment": LATEST} if blob is base else {"kind": kind}
        restored = sa.update(table).where(table.c.blob_no == blob.number)
        connection.execute(restored, {"deleted": None, "purge": None, **place})


def due(connection: sa.Connection, now: int, limit: int) -> list[Blob]:
    """Blobs whose time to be kept is over."""
    query = sa.select(*COLUMNS).where(table.c.purge <= now).order_by(table.c.purge).limit(limit)
    return [Blob._make(row) for row in connection.execute(query)]
