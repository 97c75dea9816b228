"""Pools that are made for jobs: they come in the transaction that adds the job, and begin to go in the one
with which it is over, or the job schedule is whose jobs share one. So there is never one without the other,
whatever is killed when.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa

from batchite.resources.auto_pools import TAKEN, NewPool, without_packages
from batchite.resources.feed import PoolChanged, Telling
from batchite.resources.pools import LEAVING
from batchite.store.batch import applications, autoscaling, events, feed, recording, usage
from batchite.store.batch.pools import since
from batchite.store.batch.recording import later
from batchite.store.batch.schema import OPEN_JOB, jobs, pools
from batchite.store.prepared import Prepared
from batchite.wire.batch.outcome import Failure

Room = Callable[[Mapping[str, Any], int, int], Failure | None]
"""Why there is none for a pool of these columns, with so many cores and nodes in use; see `usage.look`."""


def add(connection: sa.Connection, job: int, pool: NewPool, room: Room, telling: Telling) -> Failure | None:
    """Store the pool of a job that has been stored, with its event; or say why it cannot be made."""
    account = pool.row["account"]
    cores, nodes = usage.look(connection, account)
    failure = pool.failure or _lacking(connection, account, pool) or room(pool.row, cores, nodes)
    if failure is not None:
        return failure
    row = pool.row if pool.is_shared else {**pool.row, "job_no": job}
    added = recording.add(connection, pools, "pool", row)
    if added is None:
        return TAKEN
    if pool.scaling is not None:
        autoscaling.enable(connection, added.number, pool.scaling)
    telling.add(PoolChanged(row["id"], row["created"], row["state"], None, row["allocation_state"]))
    return None


def _lacking(connection: sa.Connection, account: str, pool: NewPool) -> Failure | None:
    missing = applications.missing(connection, account, pool.packages)
    return without_packages(". ".join(missing.values())) if missing else None


def keep(connection: sa.Connection, shard: str, job: int, keep_alive: bool) -> None:
    """Whether the job's pool stays when the job is over."""
    this_pool = sa.and_(pools.c.shard == shard, pools.c.job_no == job)
    connection.execute(sa.update(pools).where(this_pool).values(keep_alive=keep_alive))


_LET_GO = Prepared(
    sa.update(pools)
    .where(
        pools.c.shard == sa.bindparam("of"),
        pools.c.job_no == sa.bindparam("job"),
        pools.c.keep_alive.is_(False),
        pools.c.state == "active",
        ~sa.exists().where(jobs.c.job_no == sa.bindparam("job"), OPEN_JOB),
    )
    .values(
        modified=later(pools.c.modified, sa.bindparam("at")),
        **since(sa.bindparam("at"), LEAVING),
        **LEAVING,
    )
    .returning(pools.c.pool_no, pools.c.id)
)


def let_go(connection: sa.Connection, shard: str, job: int, at: int, telling: Telling) -> None:
    """The job is over, or about to be if the store lets it: then its pool begins to go, unless it is to stay,
    of which its owner learns by an event."""
    gone = _LET_GO.one_or_none(connection, {"of": shard, "job": job, "at": at})
    if gone is not None:
        number, name = gone
        events.append(connection, shard, "pool", number)
        telling.add(PoolChanged(name, at, "deleting", "active", LEAVING["allocation_state"]))


_shared = sa.and_(pools.c.schedule_no == sa.bindparam("schedule"), pools.c.schedule_no.is_not(None))
_IS_THERE = sa.select(
    sa.exists().where(_shared, pools.c.id == sa.bindparam("pool"), pools.c.state == "active")
)
_LET_GO_SHARED = (
    sa.update(pools)
    .where(_shared, pools.c.keep_alive.is_(False), pools.c.state == "active")
    .values(
        modified=later(pools.c.modified, sa.bindparam("at")),
        **since(sa.bindparam("at"), LEAVING),
        **LEAVING,
    )
    .returning(pools.c.pool_no, pools.c.id, pools.c.shard)
)


def is_there(connection: sa.Connection, schedule_no: int, pool_id: str) -> bool:
    """Whether jobs of the schedule can share this pool that was made for one of them."""
    return bool(connection.execute(_IS_THERE, {"schedule": schedule_no, "pool": pool_id}).scalar_one())


def let_go_of_schedule(connection: sa.Connection, schedule_no: int, at: int) -> list[str]:
    """Have the pools go that jobs of the schedule have shared, unless they are to stay, of which their owners
    learn by events. Returns their shards. No job of the schedule may be open."""
    shards: list[str] = []
    for number, name, shard in connection.execute(_LET_GO_SHARED, {"schedule": schedule_no, "at": at}).all():
        events.append(connection, shard, "pool", number)
        feed.append_pool(connection, shard, at, name, "deleting", "active", LEAVING["allocation_state"])
        shards.append(shard)
    return shards
