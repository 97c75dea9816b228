"""What operations of the API change, with the event of each."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from batchite.store.batch import events
from batchite.store.batch.events import Kind


class Changed(NamedTuple):
    """A change that is stored, of the resource with this number and id; the owner of the shard learns of
    it by the event with that sequence number."""

    number: int
    id: str
    modified: int
    shard: str
    sequence: int


def later(modified: sa.Column[int], now: int) -> sa.ColumnElement[int]:
    """What `modified` becomes by a change at `now`: later than it is, since ETags are made of it, even if
    the last change was made by a service whose clock is ahead."""
    return sa.case((modified >= now, modified + 1), else_=now)


def record(
    connection: sa.Connection, shard: str, kind: Kind, number: int, name: str, modified: int
) -> Changed:
    """Tell the owner of the shard; call it in the transaction of the change."""
    return Changed(number, name, modified, shard, events.append(connection, shard, kind, number))
