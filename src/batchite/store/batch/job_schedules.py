"""Job schedules, as the API reads and writes them, and as the owner of an account's shard does."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from batchite.resources.feed import ScheduleChanged, Telling
from batchite.resources.job_options import FORCE
from batchite.resources.job_schedules import ScheduleRow, job_id
from batchite.resources.keys import folded
from batchite.resources.states import CLOSED
from batchite.store.batch import events, feed, names, pages, recording
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.store.batch.schema import (
    OPEN_JOB_OF_SCHEDULE,
    job_schedules,
    jobs,
    past_jobs_of_schedules,
)

Clause = sa.ColumnElement[bool]

_TOLD = (job_schedules.c.state, job_schedules.c.previous_state)


def add(connection: sa.Connection, row: Mapping[str, Any]) -> Changed | None:
    """Store the schedule and its event; None if the account has one of this id already, or a job."""
    if not names.is_free(connection, jobs, row["account"], row["id"]):
        return None
    added = recording.add(connection, job_schedules, "schedule", row)
    if added is not None:
        _tell(connection, added.shard, ScheduleChanged(added.id, row["created"], row["state"], None))
    return added


def find(
    connection: sa.Connection, account: str, schedule_id: str, *, to_change: bool = False
) -> ScheduleRow | None:
    """With `to_change` nobody else changes the schedule until the transaction ends."""
    query = sa.select(job_schedules).where(
        job_schedules.c.account == account, job_schedules.c.key == folded(schedule_id)
    )
    return connection.execute(query.with_for_update() if to_change else query).one_or_none()


def page(connection: sa.Connection, account: str, wanted: Wanted) -> Part[ScheduleRow]:
    """Job schedules of the account, oldest first."""
    query = sa.select(job_schedules).where(job_schedules.c.account == account)
    return pages.read(connection, query, job_schedules.c.schedule_no, wanted)


def change(
    connection: sa.Connection,
    account: str,
    schedule_id: str,
    permitted: Collection[str],
    now: int,
    values: Mapping[str, Any],
    condition: Clause,
) -> Changed | None:
    """Give a schedule that is in one of the states `permitted` these values of columns, and tell the owner of
    its shard, and clients where its state changes; None if there is no such schedule or `condition` fails."""
    which = sa.and_(
        job_schedules.c.account == account,
        job_schedules.c.key == folded(schedule_id),
        job_schedules.c.state.in_(permitted),
        condition,
    )
    moved = _moved(now) if "state" in values else {}
    found = recording.change(connection, job_schedules, "schedule", which, now, {**moved, **values}, *_TOLD)
    if found is None:
        return None
    changed, row = found
    if moved:
        _tell(connection, changed.shard, ScheduleChanged(changed.id, now, row.state, row.previous_state))
    return changed


def _moved(now: int) -> Mapping[str, Any]:
    return {
        "previous_state": job_schedules.c.state,
        "previous_state_time": job_schedules.c.state_time,
        "state_time": now,
    }


def _tell(connection: sa.Connection, shard: str, entry: ScheduleChanged) -> None:
    telling = Telling()
    telling.add(entry)
    feed.append(connection, shard, entry.at, telling)


# -- what the owner of the shard reads; built once: building a statement takes longer than running it

_of_schedule = sa.and_(jobs.c.schedule_no == sa.bindparam("schedule"), jobs.c.schedule_no.is_not(None))
_TO_DECIDE = (
    sa.select(job_schedules).where(job_schedules.c.schedule_no == sa.bindparam("schedule")).with_for_update()
)
_IS_FORCED = jobs.c.tasks_option.is_not_distinct_from(FORCE)
_OPEN_JOB = (
    sa.select(jobs.c.id, jobs.c.state, _IS_FORCED)
    .where(_of_schedule, OPEN_JOB_OF_SCHEDULE)
    .order_by(jobs.c.job_no.desc())
    .limit(1)
)
_HAS_JOBS = sa.select(sa.exists().where(_of_schedule))
_FIRST_JOBS = (
    sa.select(jobs.c.id, jobs.c.state, _IS_FORCED)
    .where(_of_schedule)
    .order_by(jobs.c.job_no)
    .limit(sa.bindparam("most"))
)


class JobOfSchedule(NamedTuple):
    id: str
    state: str
    is_forced: bool
    """its end waits for no node"""


def to_decide(connection: sa.Connection, schedule_no: int) -> ScheduleRow | None:
    """Nobody else changes it until the transaction ends."""
    return connection.execute(_TO_DECIDE, {"schedule": schedule_no}).one_or_none()


def open_job(connection: sa.Connection, schedule_no: int) -> JobOfSchedule | None:
    """The job of the schedule that is not over; of several, the newest."""
    found = connection.execute(_OPEN_JOB, {"schedule": schedule_no}).one_or_none()
    return None if found is None else JobOfSchedule(*found)


def has_jobs(connection: sa.Connection, schedule_no: int) -> bool:
    return bool(connection.execute(_HAS_JOBS, {"schedule": schedule_no}).scalar_one())


def first_jobs(connection: sa.Connection, schedule_no: int, limit: int) -> Sequence[JobOfSchedule]:
    """So many of the schedule, the oldest."""
    found = connection.execute(_FIRST_JOBS, {"schedule": schedule_no, "most": limit})
    return [JobOfSchedule(*row) for row in found]


# -- what it writes


def set_next_run(connection: sa.Connection, schedule_no: int, next_run: int | None) -> None:
    _update(connection, schedule_no, {"next_run": next_run})


def made_job(
    connection: sa.Connection, schedule: ScheduleRow, run: int, next_run: int | None, at: int
) -> None:
    """The schedule has made its next job, for this run."""
    number = schedule.jobs_made + 1
    values = {"jobs_made": number, "last_run": run, "next_run": next_run}
    _update(connection, schedule.schedule_no, values)
    made = job_id(schedule.id, number)
    entry = ScheduleChanged(schedule.id, at, schedule.state, schedule.state, made)
    _tell(connection, schedule.shard, entry)


def set_pool(connection: sa.Connection, schedule_no: int, pool_id: str | None) -> None:
    """The pool that its jobs share from now on."""
    _update(connection, schedule_no, {"pool_id": pool_id})


def complete(connection: sa.Connection, schedule: ScheduleRow, at: int) -> None:
    values = {**_moved(at), "state": CLOSED, "ended": at, "next_run": None, "pool_id": None}
    _update(connection, schedule.schedule_no, values)
    _tell(connection, schedule.shard, ScheduleChanged(schedule.id, at, CLOSED, schedule.state))


def remove(connection: sa.Connection, schedule: ScheduleRow, at: int) -> None:
    """Its jobs are gone."""
    for table in (job_schedules, past_jobs_of_schedules):
        connection.execute(sa.delete(table).where(table.c.schedule_no == schedule.schedule_no))
    _tell(connection, schedule.shard, ScheduleChanged(schedule.id, at, "deleted", schedule.state))


def _update(connection: sa.Connection, schedule_no: int, values: Mapping[str, Any]) -> None:
    statement = sa.update(job_schedules).where(job_schedules.c.schedule_no == schedule_no)
    connection.execute(statement.values(values))


# -- what becomes of a job matters to its schedule


def tell_of_job(connection: sa.Connection, shard: str, schedule_no: int | None) -> None:
    """The job is over, or gone: the schedule that has made it, if one has, is to be looked at, of which the
    owner of the account's `shard` learns by an event."""
    if schedule_no is not None:
        events.append(connection, shard, "schedule", schedule_no)
