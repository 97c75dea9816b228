"""Jobs, as the API reads and writes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from batchite.resources.auto_pools import unscheduled
from batchite.resources.feed import JobChanged, Telling
from batchite.resources.jobs import CountsRow, JobRow, NewJob
from batchite.resources.keys import folded
from batchite.store.batch import auto_pools, feed, names, pages, recording, tasks
from batchite.store.batch.auto_pools import Room
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.store.batch.schema import job_schedules, jobs, task_counts

Clause = sa.ColumnElement[bool]

_FIND = sa.select(jobs).where(
    jobs.c.account == sa.bindparam("owner"), jobs.c.key == sa.bindparam("name")
)  # built once: building a statement takes longer than running it
_FIND_TO_CHANGE = _FIND.with_for_update()
_TOLD = (jobs.c.pool_id, jobs.c.state, jobs.c.previous_state)
_COUNTS = sa.select(task_counts).where(task_counts.c.job_no == sa.bindparam("job"))


def add(connection: sa.Connection, new: NewJob, room: Room) -> Changed | None:
    """Store a job with all that comes with it, and their events; None if the account has one of this id
    already, or a job schedule. If its pool cannot be made, the job is over at once and says why."""
    row = new.row
    if not names.is_free(connection, job_schedules, row["account"], row["id"]):
        return None
    added = recording.add(connection, jobs, "job", row)
    if added is None:
        return None
    telling, now = Telling(), row["created"]
    in_pool = telling.name(row["pool_id"])
    telling.add(JobChanged(in_pool, added.id, now, row["state"], None))
    failure = auto_pools.add(connection, added.number, new.pool, room, telling) if new.pool else None
    if failure is not None:
        this_job = sa.update(jobs).where(jobs.c.job_no == added.number)
        connection.execute(this_job.values(unscheduled(failure, now)))
        telling.add(JobChanged(in_pool, added.id, now, "completed", row["state"], error=failure.code))
    feed.append(connection, added.shard, now, telling)
    if new.manager is not None:
        tasks.add(connection, added.number, [{**new.manager, "job_no": added.number}])
    return added


def find(connection: sa.Connection, account: str, job_id: str, *, to_change: bool = False) -> JobRow | None:
    """With `to_change` nobody else changes the job until the transaction ends."""
    statement = _FIND_TO_CHANGE if to_change else _FIND
    return connection.execute(statement, {"owner": account, "name": folded(job_id)}).one_or_none()


def page(connection: sa.Connection, account: str, wanted: Wanted) -> Part[JobRow]:
    """Jobs of the account, oldest first."""
    query = sa.select(jobs).where(jobs.c.account == account)
    return pages.read(connection, query, jobs.c.job_no, wanted)


def page_of_schedule(connection: sa.Connection, schedule_no: int, wanted: Wanted) -> Part[JobRow]:
    """Jobs that the schedule has made, oldest first."""
    query = sa.select(jobs).where(jobs.c.schedule_no == schedule_no, jobs.c.schedule_no.is_not(None))
    return pages.read(connection, query, jobs.c.job_no, wanted)


def change(
    connection: sa.Connection,
    account: str,
    job_id: str,
    permitted: Collection[str],
    now: int,
    values: Mapping[str, Any],
    condition: Clause,
) -> Changed | None:
    """Give a job that is in one of the states `permitted` these values of columns, and tell the owner of its
    shard, and clients where its state changes; None if there is no such job or `condition` fails."""
    which = sa.and_(
        jobs.c.account == account, jobs.c.key == folded(job_id), jobs.c.state.in_(permitted), condition
    )
    moved = _moved(now) if "state" in values else {}
    found = recording.change(connection, jobs, "job", which, now, {**moved, **values}, *_TOLD)
    if found is None:
        return None
    changed, row = found
    if moved:
        told = (row.state, row.previous_state, values.get("terminate_reason"))
        feed.append_job(connection, changed.shard, now, row.pool_id, changed.id, *told)
    return changed


def _moved(now: int) -> Mapping[str, Any]:
    return {"previous_state": jobs.c.state, "previous_state_time": jobs.c.state_time, "state_time": now}


def counts_of(connection: sa.Connection, numbers: Sequence[int]) -> Mapping[int, Sequence[CountsRow]]:
    """The same of several jobs, by their numbers; jobs without tasks are left out."""
    found: dict[int, list[CountsRow]] = {}
    query = sa.select(task_counts).where(task_counts.c.job_no.in_(numbers))
    for row in connection.execute(query):
        found.setdefault(row.job_no, []).append(row)
    return found


def counts(connection: sa.Connection, job_no: int) -> list[CountsRow]:
    """Numbers of tasks per state, one row for each number of slots required."""
    return list(connection.execute(_COUNTS, {"job": job_no}))
