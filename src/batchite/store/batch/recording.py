"""What operations of the API change, with the event of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa

from batchite.store.batch import events
from batchite.store.batch.events import Kind
from batchite.store.dialects import insert


class Changed(NamedTuple):
    """A change that is stored, of the resource with this number and id; the owner of the shard learns of
    it by the event with that sequence number."""

    number: int
    id: str
    modified: int
    shard: str
    sequence: int


def later(modified: sa.Column[int], now: int | sa.BindParameter[int]) -> sa.ColumnElement[int]:
    """What `modified` becomes by a change at `now`: later than it is, since ETags are made of it, even if
    the last change was made by a service whose clock is ahead."""
    return sa.case((modified >= now, modified + 1), else_=now)


def record(
    connection: sa.Connection, shard: str, kind: Kind, number: int, name: str, modified: int
) -> Changed:
    """Tell the owner of the shard; call it in the transaction of the change."""
    return Changed(number, name, modified, shard, events.append(connection, shard, kind, number))


def add(connection: sa.Connection, table: sa.Table, kind: Kind, row: Mapping[str, Any]) -> Changed | None:
    """Store a resource, and tell the owner of its shard; None if its id is taken."""
    statement = insert(connection, table).on_conflict_do_nothing().returning(*table.primary_key)
    number = connection.execute(statement, dict(row)).scalar()
    if number is None:
        return None
    return record(connection, row["shard"], kind, number, row["id"], row["modified"])


def change(
    connection: sa.Connection,
    table: sa.Table,
    kind: Kind,
    which: sa.ColumnElement[bool],
    now: int,
    values: Mapping[str, Any],
    *also: sa.ColumnElement[Any],
) -> tuple[Changed, sa.Row[*tuple[Any, ...]]] | None:
    """Change the resource, and tell the owner of its shard; None if there is none such. Returns also the
    columns `also`, as they are now. It is modified by that, unless `values` say what `modified` is."""
    statement = (
        sa.update(table)
        .where(which)
        .values({"modified": later(table.c.modified, now), **values})
        .returning(*table.primary_key, table.c.id, table.c.shard, table.c.modified, *also)
    )
    found = connection.execute(statement).one_or_none()
    if found is None:
        return None
    number, name, shard, modified, *_ = found
    return record(connection, shard, kind, number, name, modified), found
