"""Tasks, as the API reads and writes them.

A task with the intent `delete` does not exist for the API, though its row stays until the owner of
its shard has seen to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningInsert

from batchite.store.batch import events, pages
from batchite.store.batch.keys import folded
from batchite.store.batch.schema import jobs, task_counts, tasks
from batchite.store.dialects import Insert, insert_for

Clause = sa.ColumnElement[bool]
Change = Literal["terminate", "delete"]

OPEN = ("active", "disabling", "disabled", "enabling")
"""States of a job in which tasks can be added."""

VISIBLE = sa.func.coalesce(tasks.c.intent, "") != "delete"
"""Tasks that exist for the API."""


@dataclass(frozen=True, slots=True)
class NewTask:
    """A task to store."""

    id: str
    definition: bytes
    required_slots: int
    max_retries: int


@dataclass(frozen=True, slots=True)
class Intended:
    """An intent that is stored: the event with which the owner learns of it."""

    shard: str
    sequence: int


def add(connection: sa.Connection, job_no: int, new: Sequence[NewTask], now: int) -> frozenset[str] | str:
    """Store those whose id is free in the job; their keys, or the job's state if it takes no tasks.

    The job's row is locked, so that the job cannot end while its tasks are being stored.
    """
    job = connection.execute(_JOB, {"number": job_no}).one_or_none()
    if job is None or job.state not in OPEN:
        return "gone" if job is None else str(job.state)
    stored = _insert(connection, job_no, new, now)
    if stored:
        _count(connection, job_no, Counter(slots for _, slots in stored))
        events.append(connection, job.account, job.shard, "tasks", job_no)
    return frozenset(key for key, _ in stored)


def _insert(
    connection: sa.Connection, job_no: int, new: Sequence[NewTask], now: int
) -> Sequence[sa.Row[str, int]]:
    rows = [
        {
            "job_no": job_no,
            "key": folded(task.id),
            "id": task.id,
            "definition": task.definition,
            "required_slots": task.required_slots,
            "max_retries": task.max_retries,
            "state": "active",
            "state_time": now,
            "created": now,
            "modified": now,
        }
        for task in new
    ]
    return connection.execute(_insertion(connection.dialect.name), rows).all()


def _count(connection: sa.Connection, job_no: int, added: Counter[int]) -> None:
    fresh = {"job_no": job_no, "running": 0, "succeeded": 0, "failed": 0}
    rows = [{**fresh, "required_slots": slots, "active": count} for slots, count in added.items()]
    connection.execute(_addition(connection.dialect.name), rows)


# built once: building a statement takes longer than running it

_JOB = (
    sa.select(jobs.c.account, jobs.c.shard, jobs.c.state)
    .where(jobs.c.job_no == sa.bindparam("number"))
    .with_for_update(read=True)
)

_FIND = sa.select(tasks).where(
    tasks.c.job_no == sa.bindparam("job"), tasks.c.key == sa.bindparam("name"), VISIBLE
)


@cache
def _insertion(dialect: str) -> ReturningInsert[str, int]:
    statement = insert_for(dialect, tasks).on_conflict_do_nothing()
    return statement.returning(tasks.c.key, tasks.c.required_slots)


@cache
def _addition(dialect: str) -> Insert:
    statement = insert_for(dialect, task_counts)
    return statement.on_conflict_do_update(
        index_elements=["job_no", "required_slots"],
        set_={"active": task_counts.c.active + statement.excluded.active},
    )


def find(connection: sa.Connection, job_no: int, task_id: str) -> sa.Row[Any] | None:
    return connection.execute(_FIND, {"job": job_no, "name": folded(task_id)}).one_or_none()


def page(
    connection: sa.Connection, job_no: int, after: int, limit: int, condition: Clause
) -> list[sa.Row[Any]]:
    """Tasks of the job whose number is above `after`, oldest first."""
    query = sa.select(tasks).where(tasks.c.job_no == job_no, tasks.c.task_no > after, VISIBLE, condition)
    return pages.read(connection.execute(query.order_by(tasks.c.task_no).limit(limit)))


def intend(
    connection: sa.Connection, job: sa.Row[Any], task_id: str, change: Change, condition: Clause
) -> Intended | None:
    """Store the intent; None if there is no such task, it is over (terminate), or `condition` fails."""
    guard = tasks.c.state != "completed" if change == "terminate" else sa.true()
    statement = (
        sa.update(tasks)
        .where(tasks.c.job_no == job.job_no, tasks.c.key == folded(task_id), VISIBLE, guard, condition)
        .values(intent=change)
        .returning(tasks.c.task_no)
    )
    task_no = connection.execute(statement).scalar()
    if task_no is None:
        return None
    sequence = events.append(connection, job.account, job.shard, "task", task_no)
    return Intended(job.shard, sequence)
