"""The event table of a shard: how its owner learns what API operations changed.

An event only says what to look at again (`kind` and the number of a pool, job or task); the change
itself is in the tables. So an owner that reads an event twice, or reads all tables instead, comes to
the same state. Sequence numbers are given under a lock of the shard's row and therefore become
visible in order.
"""

from __future__ import annotations

from functools import cache
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningInsert

from batchite.store.batch import schema
from batchite.store.dialects import insert_for

Kind = Literal["pool", "job", "tasks", "task"]
"""`pool`, `job`: that one changed (added, intent, deleted). `tasks`: the job got more active tasks.
`task`: that task has an intent."""


def append(connection: sa.Connection, account: str, shard: str, kind: Kind, subject: int) -> int:
    """Record an event and return its sequence number; call it in the transaction of the change."""
    number = connection.execute(_next(connection.dialect.name), {"shard": shard, "account": account})
    sequence: int = number.scalar_one()
    connection.execute(_EVENT, {"shard": shard, "sequence": sequence, "kind": kind, "subject": subject})
    return sequence


# built once: building a statement takes longer than running it

_EVENT = sa.insert(schema.events)


@cache
def _next(dialect: str) -> ReturningInsert[int]:
    """The next sequence number of a shard."""
    first = insert_for(dialect, schema.shards).values(last_event=1)
    upsert = first.on_conflict_do_update(
        index_elements=["shard"], set_={"last_event": schema.shards.c.last_event + 1}
    )
    return upsert.returning(schema.shards.c.last_event)
