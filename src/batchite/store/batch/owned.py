"""What a shard's owner reads: rows of pools, nodes, jobs and tasks as it needs them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa

from batchite.resources.states import ON_NODE
from batchite.store.batch.schema import (
    OPEN_JOB,
    WAITING_TASK,
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
    tasks.c.attempt,
    tasks.c.retry_count,
    tasks.c.rules,
    tasks.c.definition,
    tasks.c.requeue_count,
)

_bare_columns = (
    *(column for column in _task_columns if column is not tasks.c.definition),
    sa.literal(b"").label("definition"),
)

Row = sa.Row[*tuple[Any, ...]]

# Queries of every turn are built once: building one takes longer than running it.

_COUNTS = sa.select(task_counts.c.required_slots, task_counts.c.active, task_counts.c.running).where(
    task_counts.c.job_no == sa.bindparam("job")
)
_WAITING = (
    sa.select(*_task_columns)
    .where(
        tasks.c.job_no == sa.bindparam("job"),
        WAITING_TASK,
        tasks.c.required_slots == sa.bindparam("slots"),
        tasks.c.task_no > sa.bindparam("after"),
        tasks.c.intent.is_(None),
        ~sa.exists().where(due.c.kind == "task-retry", due.c.subject == tasks.c.task_no),
    )
    .order_by(tasks.c.task_no)
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
        tasks.c.state,
        tasks.c.result,
        tasks.c.node_id,
        jobs.c.id.label("job_id"),
    )
    .join_from(tasks, jobs, jobs.c.job_no == tasks.c.job_no)
    .where(tasks.c.intent.is_not(None))
)


def _ruled(table: sa.Table) -> sa.Select[*tuple[Any, ...]]:
    """All but the definition, which may be large and is looked at only where there are no rules."""
    definition = sa.case((table.c.rules.is_(None), table.c.definition)).label("definition")
    return sa.select(*(column for column in table.c if column.name != "definition"), definition)


_POOL = _ruled(pools).where(pools.c.shard == sa.bindparam("of"))
_JOB = _ruled(jobs).where(jobs.c.job_no == sa.bindparam("job"))
_OPEN_JOBS = _ruled(jobs).where(jobs.c.shard == sa.bindparam("of"), OPEN_JOB).order_by(jobs.c.job_no)


def pool(connection: sa.Connection, shard: str) -> Row | None:
    return connection.execute(_POOL, {"of": shard}).one_or_none()


def pool_nodes(connection: sa.Connection, pool_no: int) -> Sequence[Row]:
    query = sa.select(nodes).where(nodes.c.pool_no == pool_no).order_by(nodes.c.node_no)
    return connection.execute(query).all()


def open_jobs(connection: sa.Connection, shard: str) -> Sequence[Row]:
    return connection.execute(_OPEN_JOBS, {"of": shard}).all()


def job(connection: sa.Connection, job_no: int) -> Row | None:
    return connection.execute(_JOB, {"job": job_no}).one_or_none()


def job_counts(connection: sa.Connection, job_no: int) -> Sequence[Row]:
    """required_slots, active, running"""
    return connection.execute(_COUNTS, {"job": job_no}).all()


_SHARD_COUNTS = (
    sa.select(task_counts.c.job_no, task_counts.c.required_slots, task_counts.c.active, task_counts.c.running)
    .join_from(jobs, task_counts, task_counts.c.job_no == jobs.c.job_no)
    .where(jobs.c.shard == sa.bindparam("of"), OPEN_JOB)
)


def shard_counts(connection: sa.Connection, shard: str) -> Sequence[Row]:
    """job_no, required_slots, active, running, of the shard's open jobs"""
    return connection.execute(_SHARD_COUNTS, {"of": shard}).all()


def waiting_tasks(
    connection: sa.Connection, job_no: int, slots: int, after: int, limit: int, size: int
) -> tuple[list[Row], bool]:
    """Active tasks in the order they were added, and whether there may be more.

    At most `limit`, and none once their definitions have `size` bytes together. Those that somebody
    wants ended, and those that pause before they are retried, are left out.
    """
    given = {"job": job_no, "slots": slots, "after": after, "most": limit}
    rows: list[Row] = []
    for row in connection.execute(_WAITING, given):
        rows.append(row)
        size -= len(row.definition)
        if size <= 0:
            return rows, True
    return rows, len(rows) == limit


def waiting(connection: sa.Connection, numbers: Sequence[int]) -> list[Row]:
    """Those of these tasks that are active and that nobody wants ended, with their jobs."""
    found: list[Row] = []
    for start in range(0, len(numbers), _AT_ONCE):
        some = {"numbers": numbers[start : start + _AT_ONCE]}
        found += connection.execute(_WAITING_ONES, some)
    return found


_ASSIGNED, _ASSIGNED_BARE = (
    sa.select(*columns, tasks.c.job_no, tasks.c.node_id, tasks.c.state, tasks.c.started, tasks.c.intent)
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


def task_intent(connection: sa.Connection, task_no: int) -> Row | None:
    """The task with its job, intent, state, result and last node, if anything is still wanted of it."""
    return connection.execute(_INTENDED.where(tasks.c.task_no == task_no)).one_or_none()


def intents(connection: sa.Connection, shard: str) -> Sequence[Row]:
    """The same of all the shard's tasks that are on no node."""
    query = _INTENDED.where(jobs.c.shard == shard, tasks.c.state.not_in(ON_NODE))
    return connection.execute(query.order_by(tasks.c.task_no)).all()
