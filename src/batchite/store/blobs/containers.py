"""Queries on containers.

One that was deleted softly has its blobs still; no query finds them before it is restored.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import msgspec
import sqlalchemy as sa

from batchite.store.blobs import contents
from batchite.store.blobs.schema import LATEST, blobs, services, uncommitted
from batchite.store.blobs.schema import containers as table
from batchite.wire.blob import leases
from batchite.wire.blob.leases import Lease
from batchite.wire.ticks import TICKS_PER_DAY

Access = Literal["blob", "container"]

_metadata_decoder = msgspec.json.Decoder(dict[str, str])


class Container(NamedTuple):
    """A container as stored."""

    number: int
    name: str
    modified: int
    metadata: bytes | None
    stored_lease: bytes | None = None
    access: Access | None = None
    stored_policies: bytes | None = None
    deleted: int | None = None
    purge: int | None = None

    @property
    def lease(self) -> Lease | None:
        return leases.decode(self.stored_lease)


COLUMNS = (
    table.c.container_no,
    table.c.name,
    table.c.modified,
    table.c.metadata,
    table.c.lease,
    table.c.access,
    table.c.policies,
    table.c.deleted,
    table.c.purge,
)
_FIND = sa.select(*COLUMNS).where(
    table.c.account == sa.bindparam("account"),
    table.c.name == sa.bindparam("name"),
    table.c.deleted.is_(None),
)


def encode_metadata(metadata: Mapping[str, str]) -> bytes | None:
    return msgspec.json.encode(metadata) if metadata else None


def decode_metadata(stored: bytes | None) -> dict[str, str]:
    return _metadata_decoder.decode(stored) if stored else {}


def find(connection: sa.Connection, account: str, name: str) -> Container | None:
    row = connection.execute(_FIND, {"account": account, "name": name}).one_or_none()
    return None if row is None else Container(*row)


def add(
    connection: sa.Connection,
    account: str,
    name: str,
    metadata: bytes | None,
    now: int,
    access: Access | None = None,
) -> bool:
    """False if there is one of that name."""
    if find(connection, account, name) is not None:
        return False
    connection.execute(
        sa.insert(table),
        {
            "account": account,
            "name": name,
            "created": now,
            "modified": now,
            "metadata": metadata,
            "access": access,
        },
    )
    return True


def update(connection: sa.Connection, container: Container, now: int, **changes: Any) -> None:
    """Change columns; `now` becomes its time, and a lease that has ended is forgotten."""
    values = {"modified": now, "lease": leases.encode(leases.after_change(container.lease, now)), **changes}
    connection.execute(sa.update(table).where(table.c.container_no == container.number), values)


def set_lease(connection: sa.Connection, number: int, lease: Lease | None) -> None:
    """Neither time nor ETag change."""
    change = sa.update(table).where(table.c.container_no == number)
    connection.execute(change, {"lease": leases.encode(lease)})


def delete(connection: sa.Connection, account: str, number: int, now: int) -> list[int]:
    """Delete the container, softly if the account keeps deleted ones; the rest as `remove`."""
    query = sa.select(services.c.container_retention).where(services.c.account == account)
    days = connection.execute(query).scalar_one_or_none()
    if days is None:
        return remove(connection, number)
    change = sa.update(table).where(table.c.container_no == number)
    connection.execute(change, {"deleted": now, "purge": now + days * TICKS_PER_DAY, "lease": None})
    return []


def find_deleted(
    connection: sa.Connection, account: str, name: str, deleted: int, now: int
) -> Container | None:
    """The container of that name that was deleted softly at this time, if it can be restored."""
    query = sa.select(*COLUMNS).where(
        table.c.account == account, table.c.name == name, table.c.deleted == deleted, table.c.purge > now
    )
    row = connection.execute(query).one_or_none()
    return None if row is None else Container(*row)


def restore(connection: sa.Connection, number: int, name: str, now: int) -> None:
    """Undo a soft deletion, under a name that no container has."""
    values = {"name": name, "modified": now, "deleted": None, "purge": None}
    connection.execute(sa.update(table).where(table.c.container_no == number), values)


def due(connection: sa.Connection, now: int, limit: int) -> list[int]:
    """Containers whose time to be kept is over."""
    query = sa.select(table.c.container_no).where(table.c.purge <= now).order_by(table.c.purge).limit(limit)
    return list(connection.execute(query).scalars())


def remove(connection: sa.Connection, number: int) -> list[int]:
    """Delete the container and all that is in it.

    Returns the numbers of contents whose files are to be removed once this is committed.
    """
    condemned: list[int] = []
    staged = sa.select(uncommitted.c.uncommitted_no).where(uncommitted.c.container_no == number)
    for uncommitted_no in connection.execute(staged).scalars().all():
        condemned += contents.release_blocks(connection, uncommitted_no)
    dropped = (
        sa.delete(blobs)
        .where(blobs.c.container_no == number)
        .returning(blobs.c.content_no, blobs.c.layout_no)
    )
    loose: set[int] = set()
    layouts: set[int] = set()
    for content_no, layout_no in connection.execute(dropped):
        loose.update(() if content_no is None else (content_no,))
        layouts.update(() if layout_no is None else (layout_no,))
    condemned += contents.release(connection, loose)
    for layout_no in sorted(layouts):
        condemned += contents.release_layout(connection, layout_no)
    connection.execute(sa.delete(table).where(table.c.container_no == number))
    return condemned


def page(
    connection: sa.Connection,
    account: str,
    first: tuple[str, int],
    end: str | None,
    limit: int,
    *,
    deleted_at: int = 0,
) -> list[Container]:
    """At most `limit` containers of names from `first` up to, not including, `end` (None: no end).

    `deleted_at`: also those that were deleted softly and can be restored at this time, each before the
    container of the same name that exists; of the first name only those deleted then or later.
    """
    query = sa.select(*COLUMNS).where(table.c.account == account, table.c.name >= first[0])
    if deleted_at:
        deleted = sa.func.coalesce(table.c.deleted, LATEST)
        query = query.where(
            sa.or_(table.c.deleted.is_(None), table.c.purge > deleted_at),
            sa.or_(table.c.name > first[0], deleted >= first[1]),
        ).order_by(table.c.name, deleted)
    else:
        query = query.where(table.c.deleted.is_(None)).order_by(table.c.name)
    if end is not None:
        query = query.where(table.c.name < end)
    return [Container(*row) for row in connection.execute(query.limit(limit))]
