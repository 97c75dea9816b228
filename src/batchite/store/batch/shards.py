"""Who owns a shard, and how far its owner has read the events."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import sqlalchemy as sa

from batchite.store.batch.schema import events, shards


class LeaseLostError(Exception):
    """Another owner has taken the shard; nothing this one decides may be stored."""


class Event(NamedTuple):
    sequence: int
    kind: str
    subject: int


class OwnedShard(NamedTuple):
    shard: str
    account: str
    epoch: int
    applied_event: int


_this_shard = shards.c.shard == sa.bindparam("name")
_BEHIND = sa.select(shards.c.shard).where(shards.c.last_event > shards.c.applied_event)
_ADVANCE = (
    sa.update(shards)
    .where(_this_shard, shards.c.epoch == sa.bindparam("lease"))
    .values(applied_event=sa.bindparam("applied"))
)
_FORGET = sa.delete(events).where(
    events.c.shard == sa.bindparam("name"), events.c.sequence <= sa.bindparam("applied")
)
_AFTER = (
    sa.select(events.c.sequence, events.c.kind, events.c.subject)
    .where(events.c.shard == sa.bindparam("name"), events.c.sequence > sa.bindparam("applied"))
    .order_by(events.c.sequence)
    .limit(sa.bindparam("most"))
)


def with_events(connection: sa.Connection) -> Sequence[str]:
    """Shards whose owner has not read all events."""
    return connection.execute(_BEHIND).scalars().all()


def all_names(connection: sa.Connection) -> Sequence[str]:
    return connection.execute(sa.select(shards.c.shard).order_by(shards.c.shard)).scalars().all()


def acquire(connection: sa.Connection, shard: str, owner: str) -> OwnedShard:
    """Become the owner: from now on the former owner's commits fail."""
    statement = (
        sa.update(shards)
        .where(shards.c.shard == shard)
        .values(owner=owner, epoch=shards.c.epoch + 1)
        .returning(shards.c.shard, shards.c.account, shards.c.epoch, shards.c.applied_event)
    )
    return OwnedShard(*connection.execute(statement).one())


def advance(connection: sa.Connection, shard: str, epoch: int, applied: int) -> None:
    """Fence and bookmark of an owner's commit. Raises LeaseLostError if it is the owner no more."""
    given = {"name": shard, "lease": epoch, "applied": applied}
    if connection.execute(_ADVANCE, given).rowcount != 1:
        raise LeaseLostError(shard)


def hold(connection: sa.Connection, shard: str, epoch: int) -> None:
    """Fence of a commit for which no events were read. Raises LeaseLostError as `advance` does."""
    mine = sa.select(shards.c.shard).where(shards.c.shard == shard, shards.c.epoch == epoch)
    if connection.execute(mine.with_for_update()).first() is None:
        raise LeaseLostError(shard)


def forget_events(connection: sa.Connection, shard: str, up_to: int) -> None:
    connection.execute(_FORGET, {"name": shard, "applied": up_to})


def events_after(connection: sa.Connection, shard: str, applied: int, limit: int = 1000) -> list[Event]:
    given = {"name": shard, "applied": applied, "most": limit}
    return [Event(*row) for row in connection.execute(_AFTER, given)]
