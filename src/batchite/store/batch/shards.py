"""Who owns a shard.

A shard has a row once it has had an owner, until there is neither a pool nor a job nor an event of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningInsert

from batchite.resources.keys import account_of
from batchite.store.batch import events
from batchite.store.batch.schema import OPEN_JOB, jobs, nodes, pools, shards, tasks
from batchite.store.dialects import insert_for


class LeaseLostError(Exception):
    """Another owner has taken the shard; nothing this one decides may be stored."""


class OwnedShard(NamedTuple):
    """A lease. It holds as long as the row has this owner and this epoch; a row that was forgotten and made
    anew begins to count again, but has an owner only once somebody took it."""

    shard: str
    account: str
    owner: str
    epoch: int


_THIS_LEASE = (
    shards.c.shard == sa.bindparam("name"),
    shards.c.owner == sa.bindparam("holder"),
    shards.c.epoch == sa.bindparam("lease"),
)
_HELD = sa.select(shards.c.shard).where(*_THIS_LEASE).with_for_update(key_share=True)


def with_work(connection: sa.Connection) -> Sequence[str]:
    """Shards whose owner has something to do, now or when a node or a time says so."""
    has_nodes = sa.exists().where(nodes.c.pool_no == pools.c.pool_no)
    changing = sa.or_(pools.c.state != "active", pools.c.allocation_state != "steady", has_nodes)
    intended = sa.select(jobs.c.shard).join_from(tasks, jobs, jobs.c.job_no == tasks.c.job_no)
    found = sa.union(
        events.SHARDS,
        sa.select(pools.c.shard).where(changing),
        sa.select(jobs.c.shard).where(OPEN_JOB),
        intended.where(tasks.c.intent.is_not(None)),
    )
    return sorted(connection.execute(found).scalars())


def acquire(connection: sa.Connection, names: Collection[str], owner: str) -> list[OwnedShard]:
    """Become the owner: from now on a former owner's commits fail."""
    take = _take(connection.dialect.name)
    given = ({"name": name, "of": account_of(name), "holder": owner} for name in names)
    return [OwnedShard(*connection.execute(take, one).one()) for one in given]


@cache
def _take(dialect: str) -> ReturningInsert[str, str, str, int]:
    first = insert_for(dialect, shards).values(
        shard=sa.bindparam("name"), account=sa.bindparam("of"), owner=sa.bindparam("holder"), epoch=1
    )
    upsert = first.on_conflict_do_update(
        index_elements=["shard"], set_={"owner": first.excluded.owner, "epoch": shards.c.epoch + 1}
    )
    return upsert.returning(shards.c.shard, shards.c.account, shards.c.owner, shards.c.epoch)


def hold(connection: sa.Connection, lease: OwnedShard) -> None:
    """Fence of an owner's commit: nobody else becomes the owner until it is over. Raises LeaseLostError."""
    if connection.execute(_HELD, _given(lease)).one_or_none() is None:
        raise LeaseLostError(lease.shard)


def release(connection: sa.Connection, lease: OwnedShard) -> bool:
    """Give the shard up, unless there is an event that its owner has not read: then False.

    One that comes at the same time is found among all events, whether there is a row of the shard or not.
    """
    hold(connection, lease)
    if events.of_shard(connection, lease.shard, 1):
        return False
    connection.execute(sa.update(shards).where(*_THIS_LEASE).values(owner=None), _given(lease))
    forget_unused(connection, shards.c.shard == lease.shard)
    return True


def forget_unused(connection: sa.Connection, which: sa.ColumnElement[bool] | None = None) -> None:
    """Remove the rows of shards (all of them, or those `which` says) of which there is nothing else."""
    used = sa.or_(
        shards.c.shard.in_(events.SHARDS),
        sa.exists().where(pools.c.shard == shards.c.shard),
        sa.exists().where(jobs.c.shard == shards.c.shard),
    )
    connection.execute(sa.delete(shards).where(~used, sa.true() if which is None else which))


def _given(lease: OwnedShard) -> dict[str, str | int]:
    return {"name": lease.shard, "holder": lease.owner, "lease": lease.epoch}
