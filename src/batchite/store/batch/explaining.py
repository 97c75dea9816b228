"""What is read to explain why something waits: by keys and short stretches of indexes, however long the queue
is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

import sqlalchemy as sa

from batchite.resources.boots import ErrorRow
from batchite.store.batch.schema import ORDER, WAITING_TASK, due, nodes, tasks

COUNTED = 1000
"""Tasks of a queue that are counted one by one."""


class TroubledNode(ErrorRow, Protocol):
    id: str
    state: str
    start_task_exit_code: int | None


def tasks_before(
    connection: sa.Connection, job_no: int, lanes: Iterable[int], rank: int, task_no: int
) -> int:
    """Tasks of the job, of so many slots each, that wait and go before the one of that rank and number;
    `COUNTED` and one more if there are more."""
    count = 0
    for slots in lanes:
        before = (
            sa.select(tasks.c.task_no)
            .where(
                tasks.c.job_no == job_no,
                WAITING_TASK,
                tasks.c.required_slots == slots,
                sa.tuple_(*ORDER) < sa.tuple_(rank, task_no),
            )
            .limit(COUNTED + 1 - count)
        )
        count += connection.execute(sa.select(sa.func.count()).select_from(before.subquery())).scalar_one()
    return count


def a_blocked_task(connection: sa.Connection, job_no: int) -> str | None:
    """The id of one of the job's tasks that wait for others."""
    query = sa.select(tasks.c.id).where(tasks.c.job_no == job_no, tasks.c.awaits.is_not(None))
    return connection.execute(query.order_by(tasks.c.awaits, tasks.c.task_no).limit(1)).scalar()


def due_at(connection: sa.Connection, kind: str, subject: int) -> int | None:
    """When this is to happen to the subject."""
    query = sa.select(due.c.at).where(due.c.kind == kind, due.c.subject == subject)
    return connection.execute(query).scalar()


def pausing(connection: sa.Connection, job_no: int) -> list[int]:
    """When the tasks of the job are retried that pause, the first first; at most `COUNTED`."""
    query = (
        sa.select(due.c.at)
        .join_from(due, tasks, tasks.c.task_no == due.c.subject)
        .where(due.c.kind == "task-retry", tasks.c.job_no == job_no)
        .order_by(due.c.at)
        .limit(COUNTED)
    )
    return list(connection.execute(query).scalars())


def troubled(connection: sa.Connection, pool_no: int) -> Sequence[TroubledNode]:
    """The pool's nodes of which the store knows more than their state."""
    query = sa.select(
        nodes.c.id, nodes.c.state, nodes.c.errors, nodes.c.start_task_exit_code, nodes.c.start_task_info
    )
    knows_more = (nodes.c.state == "starttaskfailed") | nodes.c.errors.is_not(None)
    return connection.execute(query.where(nodes.c.pool_no == pool_no, knows_more)).all()
