"""The events of shards: how their owners learn what API operations changed.

An event only says what to look at again (`kind` and the number of a pool, node, job, task or job schedule);
the change itself is in the tables. So an owner that reads an event twice, or reads all tables instead, comes
to the same state. Numbers come from one sequence, without a lock that others would wait for, so an event may
become visible after others of higher numbers. Nobody reads on from a number, then: an owner takes away
exactly those events that it has read.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal, NamedTuple

import sqlalchemy as sa

from batchite.store.batch.schema import events, tasks
from batchite.store.prepared import Prepared

PoolKind = Literal["pool", "node", "job", "tasks", "task", "task-changed", "dependants", "logins"]
"""`pool`, `node`, `job`: that one changed (added, intent, deleted). `tasks`: the job got more active tasks.
`task`: that task has an intent. `task-changed`: that task was defined anew, or waits anew. `dependants`: of
the job's tasks not all have been looked at that wait for what has come. `logins`: the users of a node are
others."""
Kind = PoolKind | Literal["schedule"]
"""`schedule`, of an account's shard: that job schedule changed, or its job is over."""


class Event(NamedTuple):
    sequence: int
    kind: Kind
    subject: int


# built once: building a statement takes longer than running it

_APPEND = Prepared(sa.insert(events).returning(events.c.sequence))
_OF_SHARD = Prepared(
    sa.select(events.c.sequence, events.c.kind, events.c.subject)
    .where(events.c.shard == sa.bindparam("name"))
    .order_by(events.c.sequence)
    .limit(sa.bindparam("most"))
)
_PENDING = sa.select(sa.exists().where(events.c.sequence == sa.bindparam("number")))
_SETTLED = sa.select(
    ~sa.exists().where(events.c.sequence == sa.bindparam("number"))
    & ~sa.exists().where(tasks.c.task_no == sa.bindparam("task"), tasks.c.intent.is_not(None))
)
_CONSUME = Prepared(sa.delete(events).where(events.c.sequence == sa.bindparam("number")))
SHARDS = sa.select(events.c.shard).distinct()
"""Those with events that no owner has read."""


def append(connection: sa.Connection, shard: str, kind: Kind, subject: int) -> int:
    """Record an event and return its number; call it in the transaction of the change."""
    appended = _APPEND.one_or_none(connection, {"shard": shard, "kind": kind, "subject": subject})
    sequence: int = appended[0]
    return sequence


def of_shard(connection: sa.Connection, shard: str, limit: int) -> list[Event]:
    """Those that no owner has read, so many at most."""
    return [Event(*row) for row in _OF_SHARD.all(connection, {"name": shard, "most": limit})]


def consume(connection: sa.Connection, numbers: Collection[int]) -> None:
    """Take events away; call it in the transaction with all that followed from them."""
    _CONSUME.many(connection, [{"number": number} for number in numbers])


def is_pending(connection: sa.Connection, number: int) -> bool:
    """Whether the event is there and no owner has read it."""
    return bool(connection.execute(_PENDING, {"number": number}).scalar_one())


def is_settled(connection: sa.Connection, number: int, task: int | None) -> bool:
    """Whether an owner has read the event and all that followed from it is done: nothing is wanted any
    more of the `task` that it wanted ended or gone."""
    return bool(connection.execute(_SETTLED, {"number": number, "task": task}).scalar_one())
