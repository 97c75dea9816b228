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

from batchite.resources.feed import TaskRequeued, Telling
from batchite.resources.graph import GraphTask
from batchite.resources.graph import task as as_graph
from batchite.resources.jobs import JobRow
from batchite.resources.keys import folded
from batchite.resources.states import BLOCKED, TAKING_TASKS, UNFINISHED, WAITING
from batchite.resources.tasks import TaskRow
from batchite.store.batch import changes, dependencies, events, feed, pages, recording, ways
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.store.batch.schema import jobs, task_counts, tasks
from batchite.store.batch.walking import Rows
from batchite.store.dialects import Insert, greatest, insert_for
from batchite.store.prepared import Insertion, Prepared

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


class _Job(NamedTuple):
    shard: str
    state: str
    id: str


def add(connection: sa.Connection, job_no: int, rows: Sequence[Mapping[str, Any]]) -> Added | None:
    """Store those whose id is free in the job; None if the job is gone or takes no tasks any more.

    The job's row is locked, so that the job cannot end while its tasks are being stored, that none waits for
    what is satisfied at the same moment, and that they become visible in the order of their numbers: whoever
    reads on from a number misses none. Those of a job with dependencies come with what they depend on, and
    are blocked or not.
    """
    job = lock_job(connection, job_no)
    if job is None:
        return None
    depends = "dependencies" in rows[0]
    if depends:
        rows = dependencies.settled(connection, job_no, rows)
    (last,) = _LAST.one_or_none(connection, {"job": job_no})
    stored = rows if _INSERT.count(connection, rows) == len(rows) else _since(connection, job_no, last, rows)
    sequence = 0
    if stored:
        added = Counter(row["required_slots"] for row in stored)
        awaited = [(row["required_slots"], row["awaits"]) for row in stored if depends and row["awaits"]]
        _count(connection, job_no, added, Counter(slots for slots, _ in awaited))
        dependencies.await_ranges(connection, job_no, (word for _, word in awaited))
        sequence = events.append(connection, job.shard, "tasks", job_no)
        _tell(connection, job.shard, job.id, rows[0]["created"], [row["id"] for row in stored])
    return Added(job.shard, sequence, frozenset(row["key"] for row in stored))


def _since(
    connection: sa.Connection, job_no: int, last: int | None, rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Those of the rows that were stored when `last` was the highest number of the job's tasks: the first, of
    several with one id."""
    by_key = {row["key"]: row for row in reversed(rows)}
    return [by_key[key] for (key,) in _SINCE.all(connection, {"job": job_no, "last": last or 0})]


def lock_job(connection: sa.Connection, job_no: int) -> _Job | None:
    """The job, which cannot end before the transaction does; None if it is gone or takes no more tasks."""
    found = _JOB.one_or_none(connection, {"number": job_no})
    job = None if found is None else _Job(*found)
    return job if job is not None and job.state in TAKING_TASKS else None


def _tell(connection: sa.Connection, shard: str, job_id: str, at: int, ids: Sequence[str]) -> None:
    telling = Telling()
    telling.add_tasks(job_id, at, ids)
    feed.append(connection, shard, at, telling)


def _count(connection: sa.Connection, job_no: int, added: Counter[int], blocked: Counter[int]) -> None:
    fresh = {"job_no": job_no, "running": 0, "succeeded": 0, "failed": 0}
    rows = [
        {**fresh, "required_slots": slots, "active": count, "blocked": blocked[slots]}
        for slots, count in added.items()
    ]
    _ADD.many(connection, rows)


# built once: building a statement takes longer than running it

_JOB = Prepared(
    sa.select(jobs.c.shard, jobs.c.state, jobs.c.id)
    .where(jobs.c.job_no == sa.bindparam("number"))
    .with_for_update(key_share=True)
)

_FIND = sa.select(tasks).where(
    tasks.c.job_no == sa.bindparam("job"), tasks.c.key == sa.bindparam("name"), VISIBLE
)
_FIND_TO_CHANGE = _FIND.with_for_update()


_LAST = Prepared(sa.select(sa.func.max(tasks.c.task_no)).where(tasks.c.job_no == sa.bindparam("job")))
_INSERT = Insertion(lambda dialect: insert_for(dialect, tasks).on_conflict_do_nothing())
_SINCE = Prepared(
    sa.select(tasks.c.key)
    .where(tasks.c.job_no == sa.bindparam("job"), tasks.c.task_no > sa.bindparam("last"))
    .order_by(tasks.c.task_no)
)


def _addition(dialect: str) -> Insert:
    statement = insert_for(dialect, task_counts)
    return statement.on_conflict_do_update(
        index_elements=["job_no", "required_slots"],
        set_={
            "active": task_counts.c.active + statement.excluded.active,
            "blocked": task_counts.c.blocked + statement.excluded.blocked,
        },
    )


_ADD = Prepared(_addition)


def find(connection: sa.Connection, job_no: int, task_id: str, *, to_change: bool = False) -> TaskRow | None:
    """With `to_change` nobody else changes the task until the transaction ends."""
    statement = _FIND_TO_CHANGE if to_change else _FIND
    return connection.execute(statement, {"job": job_no, "name": folded(task_id)}).one_or_none()


def page(connection: sa.Connection, job_no: int, wanted: Wanted) -> Part[TaskRow]:
    """Tasks of the job, oldest first."""
    query = sa.select(tasks).where(tasks.c.job_no == job_no, VISIBLE)
    if wanted.expression is None or wanted.newest_first:
        return pages.read(connection, query, tasks.c.task_no, wanted)
    rows = Rows(sa.select(tasks.c.task_no).where(tasks.c.job_no == job_no), tasks.c.task_no, VISIBLE)
    found = ways.of_tasks(connection, job_no, wanted.expression)
    return pages.read_by(connection, query, rows, found, wanted)


def graph(connection: sa.Connection, job_no: int, limit: int) -> Part[GraphTask]:
    """Which of the job's tasks wait for which, oldest first; of more than `limit` the first."""
    columns = (tasks.c.key, tasks.c.id, tasks.c.state, tasks.c.result, tasks.c.definition)
    query = sa.select(*columns).where(tasks.c.job_no == job_no, VISIBLE)
    rows = connection.execute(query.order_by(tasks.c.task_no).limit(limit + 1))
    return pages.cut([as_graph(row) for row in rows], limit)


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


def redefine(
    connection: sa.Connection, job: JobRow, task: TaskRow, values: Mapping[str, Any], now: int
) -> Changed:
    """Give the task, of which nobody else changes anything, these values of columns."""
    statement = (
        sa.update(tasks)
        .where(tasks.c.task_no == task.task_no)
        .values({"modified": recording.later(tasks.c.modified, now), **values})
        .returning(tasks.c.modified)
    )
    modified = connection.execute(statement).scalar_one()
    return recording.record(connection, job.shard, "task-changed", task.task_no, task.id, modified)


_ANEW = (
    "assigned",
    "started",
    "staged",
    "ended",
    "exit_code",
    "result",
    "failure",
    "cause",
    "last_retry",
    "files_until",
)
"""What a task that waits anew says nothing of."""


def _if_files_are_there(column: sa.Column[Any]) -> sa.Case[Any]:
    """They can be read until it runs again."""
    return sa.case((tasks.c.files_until.is_not(None), column), else_=None)


_REACTIVATE = (
    sa.update(tasks)
    .where(tasks.c.task_no == sa.bindparam("task"))
    .values(
        state=sa.bindparam("becomes"),
        awaits=sa.bindparam("first"),
        dependencies=sa.bindparam("all"),
        previous_state="completed",
        previous_state_time=tasks.c.state_time,
        state_time=sa.bindparam("now"),
        retry_count=0,
        node_no=_if_files_are_there(tasks.c.node_no),
        node_id=_if_files_are_there(tasks.c.node_id),
        **dict.fromkeys(_ANEW, sa.null()),
    )
)


@cache
def _uncompletion(dialect: str) -> sa.Update:
    waited = task_counts.c.wait_time - sa.bindparam("waited", type_=sa.BigInteger)
    return (
        sa.update(task_counts)
        .where(
            task_counts.c.job_no == sa.bindparam("job"), task_counts.c.required_slots == sa.bindparam("slots")
        )
        .values(
            active=task_counts.c.active + 1,
            blocked=task_counts.c.blocked + sa.bindparam("kept", type_=sa.BigInteger),
            failed=task_counts.c.failed - 1,
            wait_time=greatest(dialect, waited, sa.literal_column("0")),
        )
    )


def reactivate(
    connection: sa.Connection, job: JobRow, task: TaskRow, depends_on: Sequence[str], now: int
) -> Changed:
    """Have a task wait anew that has completed and failed, first for what it depends on; nobody else changes
    anything of it nor of its job. It is no failure of the job any more, and what it waited is counted when it
    has run again."""
    of_task = {"job": job.job_no, "task": task.task_no}
    if task.cause is not None:
        changes.DISCOUNT_CAUSE.count(connection, of_task)
    first = dependencies.awaited(connection, job.job_no, depends_on)
    waits = {
        "becomes": WAITING if first is None else BLOCKED,
        "first": first,
        "all": dependencies.kept(depends_on) if first is not None else None,
    }
    connection.execute(_REACTIVATE, {"task": task.task_no, "now": now, **waits})
    if task.cause is not None:
        changes.DROP_CAUSE.count(connection, {"job": job.job_no})
    waited = 0 if task.started is None else max(task.started - task.created, 0)
    counted = {"job": job.job_no, "slots": task.required_slots, "waited": waited}
    counted["kept"] = int(first is not None)
    connection.execute(_uncompletion(connection.dialect.name), counted)
    telling = Telling()
    telling.add(TaskRequeued(telling.name(job.id), task.id, now, "reactivation", "completed"))
    feed.append(connection, job.shard, now, telling)
    events.append(connection, job.shard, "tasks", job.job_no)
    return recording.record(connection, job.shard, "task-changed", task.task_no, task.id, task.modified)
