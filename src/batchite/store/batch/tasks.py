"""Tasks, as the API reads and writes them.

A task with the intent `delete` does not exist for the API, though its row stays until the owner of
its shard has seen to it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal, NamedTuple

import sqlalchemy as sa
from sqlalchemy.sql.dml import ReturningInsert

from batchite.resources.feed import Telling
from batchite.resources.jobs import JobRow
from batchite.resources.keys import folded
from batchite.resources.states import TAKING_TASKS, UNFINISHED
from batchite.resources.tasks import TaskRow
from batchite.store.batch import events, feed, pages, recording
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.store.batch.schema import jobs, task_counts, tasks
from batchite.store.dialects import Insert, insert_for

Clause = sa.ColumnElement[bool]
Change = Literal["terminate", "delete"]

VISIBLE = sa.func.coalesce(tasks.c.intent, "") != "delete"
"""Tasks that exist for the API."""


class Added(NamedTuple):
    """What became of tasks: the event with which the owner of the shard learns of those that are stored (0:
    there are none), and their keys."""

    shard: str
    sequence: int
    keys: frozenset[str]


def add(connection: sa.Connection, job_no: int, rows: Sequence[Mapping[str, Any]]) -> Added | None:
    """Store those whose id is free in the job; None if the job is gone or takes no tasks any more.

    The job's row is locked, so that the job cannot end while its tasks are being stored, and that they become
    visible in the order of their numbers: whoever reads on from a number misses none.
    """
    job = connection.execute(_JOB, {"number": job_no}).one_or_none()
    if job is None or job.state not in TAKING_TASKS:
        return None
    stored = connection.execute(_insertion(connection.dialect.name), rows).all()
    sequence = 0
    if stored:
        _count(connection, job_no, Counter(slots for _, slots, _ in stored))
        sequence = events.append(connection, job.shard, "tasks", job_no)
        _tell(connection, job.shard, job.id, rows[0]["created"], [id for _, _, id in stored])
    return Added(job.shard, sequence, frozenset(key for key, _, _ in stored))


def _tell(connection: sa.Connection, shard: str, job_id: str, at: int, ids: Sequence[str]) -> None:
    telling = Telling()
    telling.add_tasks(job_id, at, ids)
    feed.append(connection, shard, at, telling)


def _count(connection: sa.Connection, job_no: int, added: Counter[int]) -> None:
    fresh = {"job_no": job_no, "running": 0, "succeeded": 0, "failed": 0}
    rows = [{**fresh, "required_slots": slots, "active": count} for slots, count in added.items()]
    connection.execute(_addition(connection.dialect.name), rows)


# built once: building a statement takes longer than running it

_JOB = (
    sa.select(jobs.c.shard, jobs.c.state, jobs.c.id)
    .where(jobs.c.job_no == sa.bindparam("number"))
    .with_for_update(key_share=True)
)

_FIND = sa.select(tasks).where(
    tasks.c.job_no == sa.bindparam("job"), tasks.c.key == sa.bindparam("name"), VISIBLE
)


@cache
def _insertion(dialect: str) -> ReturningInsert[str, int, str]:
    statement = insert_for(dialect, tasks).on_conflict_do_nothing()
    return statement.returning(tasks.c.key, tasks.c.required_slots, tasks.c.id)


@cache
def _addition(dialect: str) -> Insert:
    statement = insert_for(dialect, task_counts)
    return statement.on_conflict_do_update(
        index_elements=["job_no", "required_slots"],
        set_={"active": task_counts.c.active + statement.excluded.active},
    )


def find(connection: sa.Connection, job_no: int, task_id: str) -> TaskRow | None:
    return connection.execute(_FIND, {"job": job_no, "name": folded(task_id)}).one_or_none()


def page(connection: sa.Connection, job_no: int, wanted: Wanted) -> Part[TaskRow]:
    """Tasks of the job, oldest first."""
    query = sa.select(tasks).where(tasks.c.job_no == job_no, VISIBLE)
    return pages.read(connection, query, tasks.c.task_no, wanted)


def intend(
    connection: sa.Connection, job: JobRow, task_id: str, change: Change, condition: Clause
) -> Changed | None:
    """Store the intent; None if there is no such task, it is over (terminate), or `condition` fails."""
    guard = tasks.c.state.in_(UNFINISHED) if change == "terminate" else sa.true()
    statement = (
        sa.update(tasks)
        .where(tasks.c.job_no == job.job_no, tasks.c.key == folded(task_id), VISIBLE, guard, condition)
        .values(intent=change)
        .returning(tasks.c.task_no, tasks.c.id, tasks.c.modified)
    )
    task = connection.execute(statement).one_or_none()
    return None if task is None else recording.record(connection, job.shard, "task", *task)
