"""What operations of the API change, with the event of each."""

from __future__ import annotations

from typing import NamedTuple

import sqlalchemy as sa

from batchite.store.batch import events
from batchite.store.batch.events import Kind


class Changed(NamedTuple):
    """A change that is stored, of the resource with this id; the owner of the shard learns of it by the
    event of this number."""

    id: str
    modified: int
    shard: str
    sequence: int


def record(
    connection: sa.Connection, shard: str, kind: Kind, number: int, name: str, modified: int
) -> Changed:
    """Tell the owner of the shard; call it in the transaction of the change."""
    return Changed(name, modified, shard, events.append(connection, shard, kind, number))
