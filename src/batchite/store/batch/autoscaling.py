"""Autoscale formulas of pools, the samples that they look back at, and what they have come to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from batchite.store.batch.recording import later
from batchite.store.batch.schema import autoscaling, evaluations, jobs, pools, samples, task_counts
from batchite.store.dialects import insert

Row = sa.Row[*tuple[Any, ...]]

_OF_POOL = (
    sa.select(autoscaling, pools.c.id, pools.c.resize_errors)
    .join_from(autoscaling, pools, pools.c.pool_no == autoscaling.c.pool_no)
    .where(autoscaling.c.pool_no == sa.bindparam("pool"), pools.c.auto_scale)
)
_SAMPLES = (
    sa.select(samples.c.at, samples.c.measured)
    .where(samples.c.pool_no == sa.bindparam("pool"), samples.c.at > sa.bindparam("after"))
    .order_by(samples.c.at)
)
_EVALUATIONS = (
    sa.select(evaluations.c.entry)
    .where(evaluations.c.pool_no == sa.bindparam("pool"))
    .order_by(evaluations.c.evaluation_no.desc())
    .limit(sa.bindparam("most"))
)


def change(connection: sa.Connection, pool_no: int, values: Mapping[str, Any]) -> None:
    """Give what the pool is scaled by these values of columns."""
    connection.execute(sa.update(autoscaling).where(autoscaling.c.pool_no == pool_no).values(**values))


def enable(connection: sa.Connection, pool_no: int, values: Mapping[str, Any]) -> None:
    """Have the pool scaled by this row, whatever it was scaled by once."""
    statement = insert(connection, autoscaling).values(pool_no=pool_no, **values)
    connection.execute(statement.on_conflict_do_update(index_elements=["pool_no"], set_=dict(values)))


def forget_samples(connection: sa.Connection, pool_no: int) -> None:
    """Of a pool whose autoscale is off."""
    connection.execute(sa.delete(samples).where(samples.c.pool_no == pool_no))


def find(connection: sa.Connection, pool_no: int) -> Row | None:
    """The formula with all that belongs to it, and id and resize_errors of the pool; None if autoscale is
    off."""
    return connection.execute(_OF_POOL, {"pool": pool_no}).one_or_none()


def sampled(connection: sa.Connection, pool_no: int, after: int = 0) -> Sequence[tuple[int, bytes]]:
    """at, measured; the oldest first, and only those after that moment."""
    found = connection.execute(_SAMPLES, {"pool": pool_no, "after": after})
    return [(at, measured) for at, measured in found]


def log(connection: sa.Connection, pool_no: int, most: int) -> Sequence[bytes]:
    """The last entries, the newest first."""
    return connection.execute(_EVALUATIONS, {"pool": pool_no, "most": most}).scalars().all()


# -- the owner's

_IS_ON = sa.exists().where(pools.c.pool_no == autoscaling.c.pool_no, pools.c.auto_scale)
_THIS = sa.and_(autoscaling.c.pool_no == sa.bindparam("pool"), _IS_ON)
_SAMPLED = sa.update(autoscaling).where(_THIS).values(sample_at=sa.bindparam("after"))
_TURN = (
    sa.update(autoscaling)
    .where(_THIS, autoscaling.c.evaluate_at == sa.bindparam("was"))
    .values(
        evaluate_at=sa.bindparam("after"),
        run=sa.func.coalesce(sa.bindparam("new_run", type_=sa.LargeBinary), autoscaling.c.run),
    )
)
_COUNTS = (
    sa.select(
        task_counts.c.required_slots,
        sa.func.sum(task_counts.c.active - task_counts.c.blocked),
        sa.func.sum(task_counts.c.running),
        sa.func.sum(task_counts.c.succeeded),
        sa.func.sum(task_counts.c.failed),
    )
    .join_from(jobs, task_counts, task_counts.c.job_no == jobs.c.job_no)
    .where(jobs.c.shard == sa.bindparam("of"))
    .group_by(task_counts.c.required_slots)
)
_OLDEST_KEPT = (
    sa.select(evaluations.c.evaluation_no)
    .where(evaluations.c.pool_no == sa.bindparam("pool"))
    .order_by(evaluations.c.evaluation_no.desc())
    .limit(1)
    .offset(sa.bindparam("most"))
)


def is_sampled(connection: sa.Connection, pool_no: int, after: int) -> bool:
    """Whether autoscale is on still; then the next sample is due `after`."""
    return connection.execute(_SAMPLED, {"pool": pool_no, "after": after}).rowcount == 1


def counts(connection: sa.Connection, shard: str) -> Sequence[tuple[int, int, int, int, int]]:
    """slots, active, running, succeeded, failed: of the tasks of all jobs of the shard; of the active ones,
    those that could run."""
    rows = connection.execute(_COUNTS, {"of": shard})
    return [(slots, int(a), int(b), int(c), int(d)) for slots, a, b, c, d in rows]


def add_sample(connection: sa.Connection, pool_no: int, at: int, measured: bytes) -> None:
    statement = insert(connection, samples).values(pool_no=pool_no, at=at, measured=measured)
    connection.execute(statement.on_conflict_do_nothing())


def forget_before(connection: sa.Connection, pool_no: int, at: int) -> None:
    """Samples that no formula looks back at any more."""
    connection.execute(sa.delete(samples).where(samples.c.pool_no == pool_no, samples.c.at < at))


def turn(connection: sa.Connection, pool_no: int, was: int, after: int, run: bytes | None) -> bool:
    """Whether the formula has had its turn of `was`: autoscale is on still, and its turns are the same. Then
    the next is due `after`, and `run`, if there is one, is what it has come to."""
    values = {"pool": pool_no, "was": was, "after": after, "new_run": run}
    return connection.execute(_TURN, values).rowcount == 1


def resize(
    connection: sa.Connection, pool_no: int, at: int, values: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Give the pool another size; returns its id and state. None if it is not steady by now."""
    statement = (
        sa.update(pools)
        .where(
            pools.c.pool_no == pool_no,
            pools.c.state == "active",
            pools.c.allocation_state == "steady",
            pools.c.auto_scale,
        )
        .values(
            allocation_state="resizing",
            allocation_state_time=at,
            resize_errors=None,
            kept_dedicated=None,
            kept_low_priority=None,
            modified=later(pools.c.modified, at),
            **values,
        )
        .returning(pools.c.id, pools.c.state)
    )
    found = connection.execute(statement).one_or_none()
    return None if found is None else (found.id, found.state)


def add_entry(connection: sa.Connection, pool_no: int, entry: bytes, most: int) -> None:
    """Of the pool's log, of which so many are kept."""
    connection.execute(sa.insert(evaluations).values(pool_no=pool_no, entry=entry))
    oldest = connection.execute(_OLDEST_KEPT, {"pool": pool_no, "most": most}).scalar_one_or_none()
    if oldest is not None:
        kept = sa.and_(evaluations.c.pool_no == pool_no, evaluations.c.evaluation_no <= oldest)
        connection.execute(sa.delete(evaluations).where(kept))
