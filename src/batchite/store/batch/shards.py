"""Who owns a shard, and until when.

A shard has a row once it has had an owner, until there is neither a pool nor a job nor a job schedule nor an
event of it. Its owner has a lease: until it ends nobody of another name takes the shard. An owner renews what
it has all at once; whoever has its name takes the shard from it at any time, and so does anybody once the
lease has ended.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningInsert

from batchite.resources.keys import account_of
from batchite.store.batch import events
from batchite.store.batch.schema import Ticks, job_schedules, jobs, pools, shards
from batchite.store.dialects import insert_for
from batchite.store.prepared import Prepared


class LeaseLostError(Exception):
    """Another owner has taken the shard, or may have: nothing this one decides may be stored."""


class OwnedShard(NamedTuple):
    """A lease. It holds as long as the row has this owner and this epoch; a row that was forgotten and made
    anew begins to count again, but has an owner only once somebody took it."""

    shard: str
    account: str
    owner: str
    epoch: int


TAKEN = sa.and_(shards.c.owner != sa.bindparam("holder"), shards.c.expires > sa.bindparam("now", type_=Ticks))
"""Rows of shards that `holder` has to leave to another owner."""
FREE = sa.or_(
    shards.c.owner.is_(None),
    shards.c.owner == sa.bindparam("holder"),
    shards.c.expires <= sa.bindparam("now", type_=Ticks),
)
"""Rows of the others."""

_THIS_LEASE = (
    shards.c.shard == sa.bindparam("name"),
    shards.c.owner == sa.bindparam("holder"),
    shards.c.epoch == sa.bindparam("lease"),
)
_HELD = Prepared(sa.select(shards.c.shard).where(*_THIS_LEASE).with_for_update(key_share=True))
_IS_TAKEN = sa.select(sa.exists().where(shards.c.shard == sa.bindparam("name"), TAKEN))
_RENEW = (
    sa.update(shards)
    .where(shards.c.owner == sa.bindparam("holder"))
    .values(expires=sa.bindparam("until"))
    .returning(shards.c.shard, shards.c.epoch)
)


def acquire(
    connection: sa.Connection, names: Collection[str], owner: str, now: int, until: int
) -> list[OwnedShard]:
    """Become the owner of those that are nobody else's: from now on a former owner's commits fail."""
    take, leases = _take(connection.dialect.name), []
    for name in names:
        # looked at first: what follows would wait for the owner's commits
        if connection.execute(_IS_TAKEN, {"name": name, "holder": owner, "now": now}).scalar_one():
            continue
        given = {"name": name, "of": account_of(name), "holder": owner, "now": now, "until": until}
        if taken := connection.execute(take, given).one_or_none():
            leases.append(OwnedShard(*taken))
    return leases


@cache
def _take(dialect: str) -> ReturningInsert[str, str, str, int]:
    first = insert_for(dialect, shards).values(
        shard=sa.bindparam("name"),
        account=sa.bindparam("of"),
        owner=sa.bindparam("holder"),
        epoch=1,
        expires=sa.bindparam("until"),
    )
    upsert = first.on_conflict_do_update(
        index_elements=["shard"],
        set_={
            "owner": first.excluded.owner,
            "epoch": shards.c.epoch + 1,
            "expires": first.excluded.expires,
        },
        where=FREE,
    )
    return upsert.returning(shards.c.shard, shards.c.account, shards.c.owner, shards.c.epoch)


def renew(connection: sa.Connection, owner: str, until: int) -> Mapping[str, int]:
    """Have the owner's leases end then; returns the epochs of all that are its own."""
    rows = connection.execute(_RENEW, {"holder": owner, "until": until}).all()
    return {row.shard: row.epoch for row in rows}


def give_back(connection: sa.Connection, owner: str) -> None:
    """End all leases of the owner: anybody may take over what there is to do."""
    renew(connection, owner, 0)


def hold(connection: sa.Connection, lease: OwnedShard) -> None:
    """Fence of an owner's commit: nobody else becomes the owner until it is over. Raises LeaseLostError."""
    if _HELD.one_or_none(connection, _given(lease)) is None:
        raise LeaseLostError(lease.shard)


def release(connection: sa.Connection, lease: OwnedShard) -> bool:
    """Give the shard up, unless there is an event that its owner has not read: then False.

    One that comes at the same time is found among all events, whether there is a row of the shard or not.
    """
    hold(connection, lease)
    if events.of_shard(connection, lease.shard, 1):
        return False
    released = sa.update(shards).where(*_THIS_LEASE).values(owner=None, expires=0)
    connection.execute(released, _given(lease))
    forget_unused(connection, shards.c.shard == lease.shard)
    return True


def forget_unused(connection: sa.Connection, which: sa.ColumnElement[bool] | None = None) -> None:
    """Remove the rows of shards (all of them, or those `which` says) of which there is nothing else."""
    used = sa.or_(
        shards.c.shard.in_(events.SHARDS),
        sa.exists().where(pools.c.shard == shards.c.shard),
        sa.exists().where(jobs.c.shard == shards.c.shard),
        sa.exists().where(job_schedules.c.shard == shards.c.shard),
    )
    connection.execute(sa.delete(shards).where(~used, sa.true() if which is None else which))


def _given(lease: OwnedShard) -> dict[str, str | int]:
    return {"name": lease.shard, "holder": lease.owner, "lease": lease.epoch}
