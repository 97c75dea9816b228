"""A job that has been given another pool goes to the shard of that, with all that is to happen to it.

Events that the former owner reads of it afterwards are passed on: they were on their way when it went.
"""

from __future__ import annotations

import sqlalchemy as sa

from batchite.store.batch import events
from batchite.store.batch.events import Kind
from batchite.store.batch.schema import due, jobs, tasks

OF_JOB = ("job-wall-clock", "empty-job")
OF_TASKS = ("task-retry",)
"""Kinds of rows in `due` whose subject is a job, or a task."""


def move(connection: sa.Connection, job: int, shard: str, to: str) -> None:
    """Give the job from one shard to the other. Call it in a commit of the one's owner, who writes nothing of
    the job any more; that of the other learns of it by an event."""
    this_job = sa.and_(jobs.c.job_no == job, jobs.c.shard == shard)
    if not connection.execute(sa.update(jobs).where(this_job).values(shard=to)).rowcount:
        return
    its_tasks = sa.select(tasks.c.task_no).where(tasks.c.job_no == job)
    of_job = sa.and_(due.c.kind.in_(OF_JOB), due.c.subject == job)
    of_tasks = sa.and_(due.c.kind.in_(OF_TASKS), due.c.subject.in_(its_tasks))
    moved = sa.update(due).where(due.c.shard == shard, sa.or_(of_job, of_tasks))
    connection.execute(moved.values(shard=to))
    events.append(connection, to, "job", job)


_OF_JOB = sa.select(jobs.c.shard).where(
    jobs.c.job_no == sa.bindparam("subject"), jobs.c.shard != sa.bindparam("of")
)
_OF_TASK = (
    sa.select(jobs.c.shard)
    .join_from(tasks, jobs, jobs.c.job_no == tasks.c.job_no)
    .where(tasks.c.task_no == sa.bindparam("subject"), jobs.c.shard != sa.bindparam("of"))
)


def pass_on(connection: sa.Connection, shard: str, kind: Kind, subject: int) -> None:
    """Give an event that the shard has read to the one that its job or task is of, if that is another."""
    query = _OF_TASK if kind in ("task", "task-changed") else _OF_JOB
    other = connection.execute(query, {"subject": subject, "of": shard}).scalar_one_or_none()
    if other is not None:
        events.append(connection, other, kind, subject)
