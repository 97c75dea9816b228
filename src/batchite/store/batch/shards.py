"""Who owns a shard, and how far its owner has read the events.

A shard has a row from its first event on, until there is neither a pool nor a job nor an event of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from batchite.store.batch.events import Kind
from batchite.store.batch.schema import OPEN_JOB, events, jobs, nodes, pools, shards, tasks


class LeaseLostError(Exception):
    """Another owner has taken the shard; nothing this one decides may be stored."""


class Event(NamedTuple):
    sequence: int
    kind: Kind
    subject: int


class OwnedShard(NamedTuple):
    """A lease. It holds as long as the row has this owner and this epoch; a row that was forgotten and made
    anew begins to count again, but has an owner only once somebody took it."""

    shard: str
    account: str
    owner: str
    epoch: int
    applied_event: int


_THIS_LEASE = (
    shards.c.shard == sa.bindparam("name"),
    shards.c.owner == sa.bindparam("holder"),
    shards.c.epoch == sa.bindparam("lease"),
)
_BEHIND = sa.select(shards.c.shard).where(shards.c.last_event > shards.c.applied_event)
_ADVANCE = sa.update(shards).where(*_THIS_LEASE).values(applied_event=sa.bindparam("applied"))
_HELD = sa.select(shards.c.last_event).where(*_THIS_LEASE).with_for_update()
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


def with_work(connection: sa.Connection) -> Sequence[str]:
    """Shards whose owner has something to do, now or when a node or a time says so."""
    has_nodes = sa.exists().where(nodes.c.pool_no == pools.c.pool_no)
    changing = sa.or_(pools.c.state != "active", pools.c.allocation_state != "steady", has_nodes)
    intended = sa.select(jobs.c.shard).join_from(tasks, jobs, jobs.c.job_no == tasks.c.job_no)
    found = sa.union(
        _BEHIND,
        sa.select(pools.c.shard).where(changing),
        sa.select(jobs.c.shard).where(OPEN_JOB),
        intended.where(tasks.c.intent.is_not(None)),
    )
    return sorted(connection.execute(found).scalars())


def acquire(connection: sa.Connection, names: Collection[str], owner: str) -> list[OwnedShard]:
    """Become the owner of those that are there: from now on a former owner's commits fail."""
    taken = (
        sa.update(shards)
        .where(shards.c.shard == sa.bindparam("name"))
        .values(owner=owner, epoch=shards.c.epoch + 1)
        .returning(shards.c.shard, shards.c.account, shards.c.owner, shards.c.epoch, shards.c.applied_event)
    )
    rows = (connection.execute(taken, {"name": name}).one_or_none() for name in names)
    return [OwnedShard(*row) for row in rows if row is not None]


def advance(connection: sa.Connection, lease: OwnedShard, applied: int) -> None:
    """Fence and bookmark of an owner's commit. Raises LeaseLostError if it is the owner no more."""
    if connection.execute(_ADVANCE, {**_given(lease), "applied": applied}).rowcount != 1:
        raise LeaseLostError(lease.shard)


def hold(connection: sa.Connection, lease: OwnedShard) -> int:
    """Fence of a commit for which no events were read; the number of the last event there is.

    Raises LeaseLostError as `advance` does.
    """
    last: int | None = connection.execute(_HELD, _given(lease)).scalar_one_or_none()
    if last is None:
        raise LeaseLostError(lease.shard)
    return last


def release(connection: sa.Connection, lease: OwnedShard, applied: int) -> bool:
    """Give the shard up, unless there is an event that its owner has not read: then False.

    Events are appended under a lock of the shard's row, so one that comes after this is found by
    `with_events`, whether the row is still there or made anew.
    """
    if hold(connection, lease) > applied:
        return False
    connection.execute(sa.update(shards).where(*_THIS_LEASE).values(owner=None), _given(lease))
    forget_unused(connection, shards.c.shard == lease.shard)
    return True


def forget_unused(connection: sa.Connection, which: sa.ColumnElement[bool] | None = None) -> None:
    """Remove the rows of shards (all of them, or those `which` says) of which there is nothing else."""
    used = sa.or_(
        shards.c.last_event > shards.c.applied_event,
        sa.exists().where(pools.c.shard == shards.c.shard),
        sa.exists().where(jobs.c.shard == shards.c.shard),
    )
    connection.execute(sa.delete(shards).where(~used, sa.true() if which is None else which))


def _given(lease: OwnedShard) -> dict[str, str | int]:
    return {"name": lease.shard, "holder": lease.owner, "lease": lease.epoch}


def forget_events(connection: sa.Connection, shard: str, up_to: int) -> None:
    connection.execute(_FORGET, {"name": shard, "applied": up_to})


def events_after(connection: sa.Connection, shard: str, applied: int, limit: int = 1000) -> list[Event]:
    given = {"name": shard, "applied": applied, "most": limit}
    return [Event(*row) for row in connection.execute(_AFTER, given)]
