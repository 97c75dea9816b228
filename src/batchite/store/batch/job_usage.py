"""What tasks of jobs used: of those that are there, and of jobs that are gone, by their account and by
the schedule that had made them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from batchite.resources.usage import SUMS, JobSums, SumsRow, summed
from batchite.store.batch.schema import (
    OPEN_JOB,
    OPEN_JOB_OF_SCHEDULE,
    jobs,
    past_jobs,
    past_jobs_of_schedules,
    task_counts,
    tasks,
)
from batchite.store.dialects import insert, least
from batchite.wire.batch.outcome import MOST_SUMMED

_RUNNING = sa.select(tasks.c.job_no, tasks.c.required_slots, tasks.c.created, tasks.c.started).where(
    tasks.c.state == "running", tasks.c.started.is_not(None)
)


def of_jobs(connection: sa.Connection, numbers: Sequence[int], now: int) -> dict[int, JobSums]:
    """By the numbers of the jobs; those of which nothing is counted are left out."""
    found: dict[int, JobSums] = {}
    counted = sa.select(task_counts).where(task_counts.c.job_no.in_(numbers))
    for row in connection.execute(counted):
        found.setdefault(row.job_no, JobSums()).add(row)
    for task in connection.execute(_RUNNING.where(tasks.c.job_no.in_(numbers))):
        found.setdefault(task.job_no, JobSums()).add_running(task, now)
    return found


def of_schedules(connection: sa.Connection, numbers: Sequence[int], now: int) -> dict[int, JobSums]:
    """Of all jobs that job schedules have ever made, by the numbers of the schedules."""
    found: dict[int, JobSums] = {}
    gone = sa.select(past_jobs_of_schedules).where(past_jobs_of_schedules.c.schedule_no.in_(numbers))
    for row in connection.execute(gone):
        found[row.schedule_no] = _of_past(row)
    of_jobs = sa.select(jobs.c.schedule_no, task_counts).join(jobs, jobs.c.job_no == task_counts.c.job_no)
    for row in connection.execute(of_jobs.where(jobs.c.schedule_no.in_(numbers))):
        found.setdefault(row.schedule_no, JobSums()).add(row)
    running = (
        _RUNNING.add_columns(jobs.c.schedule_no)
        .join_from(jobs, tasks, tasks.c.job_no == jobs.c.job_no)
        .where(jobs.c.schedule_no.in_(numbers), OPEN_JOB_OF_SCHEDULE)
    )
    for task in connection.execute(running):
        found.setdefault(task.schedule_no, JobSums()).add_running(task, now)
    return found


def of_account(connection: sa.Connection, account: str, now: int) -> tuple[JobSums, int | None]:
    """Of all jobs that the account has ever had, and when the first was added that anything is known of."""
    sums, since = _gone(connection, account)
    of_jobs = sa.select(task_counts).join(jobs, jobs.c.job_no == task_counts.c.job_no)
    for row in connection.execute(of_jobs.where(jobs.c.account == account)):
        sums.add(row)
    running = _RUNNING.join_from(jobs, tasks, tasks.c.job_no == jobs.c.job_no)
    for task in connection.execute(running.where(jobs.c.account == account, OPEN_JOB)):
        sums.add_running(task, now)
    first = sa.select(sa.func.min(jobs.c.created)).where(jobs.c.account == account)
    known = [at for at in (since, connection.execute(first).scalar()) if at is not None]
    return sums, min(known, default=None)


def leave(
    connection: sa.Connection, account: str, job_no: int, created: int, schedule_no: int | None = None
) -> None:
    """A job goes, and its account keeps what its tasks used, and so does the schedule that has made it. Call
    it while they are still counted."""
    rows: Sequence[SumsRow] = connection.execute(
        sa.select(task_counts).where(task_counts.c.job_no == job_no)
    ).all()
    sums = summed(rows)
    _add(connection, past_jobs, {"account": account}, created, sums)
    if schedule_no is not None:
        _add(connection, past_jobs_of_schedules, {"schedule_no": schedule_no}, created, sums)


def _add(connection: sa.Connection, table: sa.Table, key: dict[str, Any], since: int, sums: JobSums) -> None:
    values = {name: getattr(sums, name) for name in SUMS}
    upsert = insert(connection, table).values(**key, since=since, **values)
    dialect, new = connection.dialect.name, upsert.excluded
    more = {name: least(dialect, table.c[name] + new[name], MOST_SUMMED) for name in SUMS}
    earlier = sa.case((new.since < table.c.since, new.since), else_=table.c.since)
    connection.execute(
        upsert.on_conflict_do_update(index_elements=list(key), set_={**more, "since": earlier})
    )


def _gone(connection: sa.Connection, account: str) -> tuple[JobSums, int | None]:
    row = connection.execute(sa.select(past_jobs).where(past_jobs.c.account == account)).one_or_none()
    return (JobSums(), None) if row is None else (_of_past(row), row.since)


def _of_past(row: sa.Row[Any]) -> JobSums:
    return JobSums(**{name: getattr(row, name) for name in SUMS})
