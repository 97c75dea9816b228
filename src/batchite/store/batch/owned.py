"""What a shard's owner reads: rows of pools, nodes, jobs and tasks as it needs them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from batchite.resources.states import ON_NODE
from batchite.store.batch.schema import (
    OPEN_JOB,
    ORDER,
    WAITING_TASK,
    autoscaling,
    due,
    jobs,
    nodes,
    pools,
    task_counts,
    tasks,
)

_task_columns = (
    tasks.c.task_no,
    tasks.c.id,
    tasks.c.required_slots,
    tasks.c.rank,
    tasks.c.attempt,
    tasks.c.retry_count,
    tasks.c.rules,
    tasks.c.definition,
    tasks.c.requeue_count,
    tasks.c.created,
    tasks.c.state,
    tasks.c.node_id,
)

_bare_columns = (
    *(column for column in _task_columns if column is not tasks.c.definition),
    sa.literal(b"").label("definition"),
)

Row = sa.Row[*tuple[Any, ...]]

# Queries of every turn are built once: building one takes longer than running it.

_counts = (
    task_counts.c.required_slots,
    task_counts.c.active,
    task_counts.c.running,
    task_counts.c.blocked,
)
_FIRST_RANK = (
    sa.select(tasks.c.rank)
    .where(
        tasks.c.job_no == task_counts.c.job_no,
        tasks.c.required_slots == task_counts.c.required_slots,
        WAITING_TASK,
    )
    .order_by(*ORDER)
    .limit(1)
    .scalar_subquery()
)
_COUNTS = sa.select(*_counts, _FIRST_RANK.label("rank")).where(task_counts.c.job_no == sa.bindparam("job"))
_WAITING = (
    sa.select(*_task_columns)
    .where(
        tasks.c.job_no == sa.bindparam("job"),
        WAITING_TASK,
        tasks.c.required_slots == sa.bindparam("slots"),
        sa.tuple_(*ORDER)
        > sa.tuple_(sa.bindparam("rank", type_=sa.Integer), sa.bindparam("after", type_=sa.BigInteger)),
        tasks.c.intent.is_(None),
        ~sa.exists().where(due.c.kind == "task-retry", due.c.subject == tasks.c.task_no),
    )
    .order_by(*ORDER)
    .limit(sa.bindparam("most"))
)
_WAITING_ONES = sa.select(*_task_columns, tasks.c.job_no).where(
    tasks.c.task_no.in_(sa.bindparam("numbers", expanding=True)),
    WAITING_TASK,
    tasks.c.intent.is_(None),
)
_AT_ONCE = 500
"""Values in one statement."""
_INTENDED = (
    sa.select(
        *_task_columns,
        tasks.c.job_no,
        tasks.c.intent,
        tasks.c.result,
        jobs.c.id.label("job_id"),
    )
    .join_from(tasks, jobs, jobs.c.job_no == tasks.c.job_no)
    .where(tasks.c.intent.is_not(None))
)


def _ruled(table: sa.Table) -> sa.Select[*tuple[Any, ...]]:
    """All but the definition, which may be large and is looked at only where there are no rules."""
    definition = sa.case((table.c.rules.is_(None), table.c.definition)).label("definition")
    return sa.select(*(column for column in table.c if column.name != "definition"), definition)


_POOL = (
    _ruled(pools)
    .add_columns(autoscaling.c.interval_ticks, autoscaling.c.evaluate_at, autoscaling.c.sample_at)
    .join_from(pools, autoscaling, autoscaling.c.pool_no == pools.c.pool_no, isouter=True)
    .where(pools.c.shard == sa.bindparam("of"))
)
_JOB = _ruled(jobs).where(jobs.c.job_no == sa.bindparam("job"), jobs.c.shard == sa.bindparam("of"))
_OPEN_JOBS = _ruled(jobs).where(jobs.c.shard == sa.bindparam("of"), OPEN_JOB).order_by(jobs.c.job_no)


def pool(connection: sa.Connection, shard: str) -> Row | None:
    return connection.execute(_POOL, {"of": shard}).one_or_none()


def pool_nodes(connection: sa.Connection, pool_no: int) -> Sequence[Row]:
    query = sa.select(nodes).where(nodes.c.pool_no == pool_no).order_by(nodes.c.node_no)
    return connection.execute(query).all()


_NODE = sa.select(nodes).where(nodes.c.node_no == sa.bindparam("node"))


def node(connection: sa.Connection, node_no: int) -> Row | None:
    return connection.execute(_NODE, {"node": node_no}).one_or_none()


_VACATING = sa.select(nodes.c.id, nodes.c.state, nodes.c.vacating, nodes.c.vacating_option).where(
    nodes.c.pool_no == sa.bindparam("pool"),
    nodes.c.vacating.is_not(None),
)


def vacating_nodes(connection: sa.Connection, pool_no: int) -> Sequence[Row]:
    """id, state, vacating, vacating_option, of the pool's nodes that take no more tasks for some purpose."""
    return connection.execute(_VACATING, {"pool": pool_no}).all()


_HAS_FILES = sa.and_(tasks.c.node_no == sa.bindparam("node"), tasks.c.files_until.is_not(None))
_LAST_EXPIRY, _NEXT_EXPIRY = (
    sa.select(tasks.c.files_until).where(_HAS_FILES).order_by(order).limit(1)
    for order in (tasks.c.files_until.desc(), tasks.c.files_until)
)
_EXPIRED = (
    sa.select(tasks.c.task_no, tasks.c.attempt, jobs.c.id.label("job_id"), tasks.c.id)
    .join_from(tasks, jobs, jobs.c.job_no == tasks.c.job_no)
    .where(_HAS_FILES, tasks.c.files_until <= sa.bindparam("now"))
    .order_by(tasks.c.files_until)
    .limit(sa.bindparam("most"))
)


def files_until(connection: sa.Connection, node_no: int) -> int:
    """How long the node keeps files of tasks that are over; 0 if it has none."""
    return connection.execute(_LAST_EXPIRY, {"node": node_no}).scalar() or 0


def next_expiry(connection: sa.Connection, node_no: int) -> int | None:
    """When the first of them are to go."""
    return connection.execute(_NEXT_EXPIRY, {"node": node_no}).scalar()


def expired_tasks(connection: sa.Connection, node_no: int, now: int, limit: int) -> Sequence[Row]:
    """task_no, attempt, job_id, id: of those whose files are to go by now, so many at most."""
    return connection.execute(_EXPIRED, {"node": node_no, "now": now, "most": limit}).all()


def open_jobs(connection: sa.Connection, shard: str) -> Sequence[Row]:
    return connection.execute(_OPEN_JOBS, {"of": shard}).all()


_DEFINITIONS = sa.select(jobs.c.job_no, jobs.c.definition).where(jobs.c.shard == sa.bindparam("of"), OPEN_JOB)
_DEFINITION = sa.select(jobs.c.definition).where(jobs.c.job_no == sa.bindparam("job"))


def definitions(connection: sa.Connection, shard: str) -> Iterator[Row]:
    """job_no, definition, of the shard's open jobs, one after the other since they may be large"""
    yield from connection.execute(_DEFINITIONS, {"of": shard})


def definition(connection: sa.Connection, job_no: int) -> bytes | None:
    """Of a job; None if it is gone."""
    return connection.execute(_DEFINITION, {"job": job_no}).scalar()


def job(connection: sa.Connection, shard: str, job_no: int) -> Row | None:
    """None if it is gone, or of another shard by now."""
    return connection.execute(_JOB, {"job": job_no, "of": shard}).one_or_none()


def job_counts(connection: sa.Connection, job_no: int) -> Sequence[Row]:
    """required_slots, active, running, blocked: so many of the active ones; rank: that of the first that
    waits for a node, if one does"""
    return connection.execute(_COUNTS, {"job": job_no}).all()


_SHARD_COUNTS = (
    sa.select(task_counts.c.job_no, *_counts)
    .join_from(jobs, task_counts, task_counts.c.job_no == jobs.c.job_no)
    .where(jobs.c.shard == sa.bindparam("of"), OPEN_JOB)
)


def shard_counts(connection: sa.Connection, shard: str) -> Sequence[Row]:
    """job_no, required_slots, active, running, blocked, of the shard's open jobs"""
    return connection.execute(_SHARD_COUNTS, {"of": shard}).all()


def waiting_tasks(
    connection: sa.Connection, job_no: int, slots: int, after: tuple[int, int], limit: int, size: int
) -> tuple[list[Row], bool]:
    """Active tasks after that rank and number, by these two, and whether there may be more.

    At most `limit`, and none once their definitions have `size` bytes together. Those that somebody
    wants ended, and those that pause before they are retried, are left out.
    """
    rank, number = after
    given = {"job": job_no, "slots": slots, "rank": rank, "after": number, "most": limit}
    rows: list[Row] = []
    for row in connection.execute(_WAITING, given):
        rows.append(row)
        size -= len(row.definition)
        if size <= 0:
            return rows, True
    return rows, len(rows) == limit


def waiting(connection: sa.Connection, numbers: Sequence[int]) -> list[Row]:
    """Those of these tasks that wait for a node and that nobody wants ended, with their jobs."""
    found: list[Row] = []
    for start in range(0, len(numbers), _AT_ONCE):
        some = {"numbers": numbers[start : start + _AT_ONCE]}
        found += connection.execute(_WAITING_ONES, some)
    return found


_ASSIGNED, _ASSIGNED_BARE = (
    sa.select(*columns, tasks.c.job_no, tasks.c.started, tasks.c.intent)
    .join_from(jobs, tasks, tasks.c.job_no == jobs.c.job_no)
    .where(jobs.c.shard == sa.bindparam("of"), OPEN_JOB, tasks.c.state.in_(ON_NODE))
    for columns in (_task_columns, _bare_columns)
)


def assigned_tasks(connection: sa.Connection, shard: str, *, bare: bool) -> Sequence[Row]:
    """The shard's tasks that are on nodes, with job, node, state, start and intent, in the order of their
    numbers; `bare`: without their definitions.

    They are put in order here. Asked to do it, SQLite goes through the whole queue by an index in that
    order, rather than find the few that are on nodes.
    """
    rows = connection.execute(_ASSIGNED_BARE if bare else _ASSIGNED, {"of": shard}).all()
    return sorted(rows, key=attrgetter("task_no"))


def task_intent(connection: sa.Connection, shard: str, task_no: int) -> Row | None:
    """The task with its job, intent, state, result and last node, if it is of the shard and anything is still
    wanted of it."""
    query = _INTENDED.where(tasks.c.task_no == task_no, jobs.c.shard == shard)
    return connection.execute(query).one_or_none()


_CHANGED = sa.select(
    *_task_columns,
    tasks.c.job_no,
    tasks.c.intent,
    tasks.c.files_until,
    sa.exists().where(due.c.kind == "task-retry", due.c.subject == tasks.c.task_no).label("pauses"),
).where(
    tasks.c.task_no == sa.bindparam("number"),
    sa.exists().where(jobs.c.job_no == tasks.c.job_no, jobs.c.shard == sa.bindparam("of")),
)


def changed_task(connection: sa.Connection, shard: str, task_no: int) -> Row | None:
    """The task with its job and intent, how long its files are kept, and whether it pauses before it is
    retried, if it is of the shard."""
    return connection.execute(_CHANGED, {"number": task_no, "of": shard}).one_or_none()


def intents(connection: sa.Connection, shard: str) -> Sequence[Row]:
    """The same of all the shard's tasks that are on no node."""
    query = _INTENDED.where(jobs.c.shard == shard, tasks.c.state.not_in(ON_NODE))
    return connection.execute(query.order_by(tasks.c.task_no)).all()
