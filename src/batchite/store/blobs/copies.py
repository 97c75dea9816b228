"""Copies from other services that are under way."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from batchite.store.blobs.blobs import COLUMNS, Blob
from batchite.store.blobs.schema import blobs
from batchite.store.blobs.schema import copies as table


class Pending(NamedTuple):
    blob_no: int
    copy_id: str
    source: bytes


def begin(connection: sa.Connection, copy: Pending) -> None:
    connection.execute(sa.insert(table), copy._asdict())


def end(connection: sa.Connection, copy: Pending) -> Blob | None:
    """Forget the copy; the blob it is for, None if the copy is not under way any more."""
    known = sa.and_(table.c.blob_no == copy.blob_no, table.c.copy_id == copy.copy_id)
    if connection.execute(sa.delete(table).where(known)).rowcount != 1:
        return None
    row = connection.execute(sa.select(*COLUMNS).where(blobs.c.blob_no == copy.blob_no)).one_or_none()
    return None if row is None else Blob._make(row)


def pending(connection: sa.Connection) -> list[Pending]:
    """All that are under way."""
    query = sa.select(table.c.blob_no, table.c.copy_id, table.c.source)
    return [Pending(*row) for row in connection.execute(query)]
