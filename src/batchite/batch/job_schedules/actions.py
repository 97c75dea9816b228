"""What can be done with job schedules."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from batchite.batch import auto_storage, changing, quotas
from batchite.batch.acting import Acting
from batchite.batch.changing import Refusals, same_id
from batchite.batch.conditions import Conditions
from batchite.resources.job_schedules import ScheduleRow, defined, definition, row
from batchite.resources.jobs import JobRow
from batchite.resources.rules import ScheduleRules, of_stored_schedule
from batchite.resources.states import SCHEDULE_CHANGEABLE, SCHEDULE_DELETABLE
from batchite.resources.usage import JobSums
from batchite.scheduling.recurrence import coming, first
from batchite.store.batch import job_schedules, job_usage, jobs, schema
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.job_schedules import BatchJobScheduleCreateOptions
from batchite.wire.ticks import Timestamp

REFUSALS = Refusals(
    "JobScheduleNotFound",
    "JobScheduleExists",
    {
        "active": "OperationInvalidForCurrentState",
        "disabled": "JobScheduleDisabled",
        "terminating": "JobScheduleBeingTerminated",
        "completed": "JobScheduleCompleted",
        "deleting": "JobScheduleBeingDeleted",
    },
)
SETTLE_SECONDS = 10
"""An answer waits no longer for the first job."""


async def add(acting: Acting, schedule: BatchJobScheduleCreateOptions) -> None:
    """`schedule` is accepted. If its first job is due, that is there when this returns. Raises BatchError if
    the account has a schedule or a job of this id, or as many as it may have."""
    auto_storage.check(acting, schedule)
    account, now = acting.account, acting.now
    new = row(schedule, account, first(ScheduleRules.of(schedule.schedule), now, None), now)

    def make(connection: sa.Connection) -> Changed | None:
        added = job_schedules.add(connection, new)
        if added is not None:
            quotas.check_jobs(acting, connection)
        return added

    changed = await changing.change(acting, make, lambda connection: _taken(connection, account, schedule.id))
    await acting.services.owner.settled(changed.shard, changed.sequence, SETTLE_SECONDS)


def _taken(connection: sa.Connection, account: str, id: str) -> BatchError:
    found = job_schedules.find(connection, account, id)
    return same_id("JobWithSameIdExists", id) if found is None else REFUSALS.taken(found)


async def find(acting: Acting, schedule_id: str) -> ScheduleRow:
    """Raises JobScheduleNotFound."""
    return await changing.find(acting, job_schedules, REFUSALS, schedule_id)


async def page(acting: Acting, wanted: Wanted) -> Part[ScheduleRow]:
    return await acting.read(lambda connection: job_schedules.page(connection, acting.account, wanted))


async def jobs_of(acting: Acting, schedule_id: str, wanted: Wanted) -> Part[JobRow]:
    """Jobs that the schedule has made. Raises JobScheduleNotFound."""
    schedule = await find(acting, schedule_id)
    return await acting.read(lambda c: jobs.page_of_schedule(c, schedule.schedule_no, wanted))


def next_runs(schedule: ScheduleRow, most: int) -> Sequence[Timestamp]:
    """When the schedule runs next if nothing comes between, at most so many times."""
    if schedule.next_run is None:
        return []
    return [Timestamp(at) for at in coming(of_stored_schedule(schedule.rules), schedule.next_run, most)]


async def sums(acting: Acting, found: Sequence[ScheduleRow]) -> Mapping[int, JobSums]:
    """What tasks of all jobs of these schedules used, by the numbers of the schedules; some may be left out
    that have none."""
    numbers = [schedule.schedule_no for schedule in found]
    return await acting.read(lambda connection: job_usage.of_schedules(connection, numbers, acting.now))


async def update(
    acting: Acting,
    schedule_id: str,
    change: Callable[[BatchJobScheduleCreateOptions], BatchJobScheduleCreateOptions],
    conditions: Conditions,
) -> Changed:
    """Define the schedule anew, for the jobs that it makes from now on: `change` makes what is to be of what
    is, or raises BatchError."""

    def make(connection: sa.Connection) -> Changed | None:
        found = job_schedules.find(connection, acting.account, schedule_id, to_change=True)
        if found is None or found.state not in SCHEDULE_CHANGEABLE:
            raise REFUSALS.of(found)
        before = definition(found)
        after = change(before)
        auto_storage.check(acting, after, before=before)
        values = _values(found, before, after, acting.now)
        condition = conditions.clause(schema.job_schedules.c.modified)
        return job_schedules.change(
            connection, acting.account, schedule_id, SCHEDULE_CHANGEABLE, acting.now, values, condition
        )

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet"))


def _values(
    found: ScheduleRow,
    before: BatchJobScheduleCreateOptions,
    after: BatchJobScheduleCreateOptions,
    now: int,
) -> dict[str, Any]:
    """Columns. A pool that jobs share is theirs as long as it is the one that is said of them."""
    values = defined(after)
    if (rules := ScheduleRules.of(after.schedule)) != ScheduleRules.of(before.schedule):
        values["next_run"] = first(rules, now, found.last_run)
    if after.job_specification.pool_info != before.job_specification.pool_info:
        values["pool_id"] = None
    return values


async def disable(acting: Acting, schedule_id: str, conditions: Conditions) -> Changed:
    """Have it make no jobs; the one that it has goes on. Raises BatchError."""
    return await _change(acting, schedule_id, ("active",), "disabled", conditions)


async def enable(acting: Acting, schedule_id: str, conditions: Conditions) -> Changed:
    """Have it make jobs again. Raises BatchError."""
    try:
        return await _change(acting, schedule_id, ("disabled",), "active", conditions)
    except BatchError as error:
        if error.code != "OperationInvalidForCurrentState":
            raise
        raise BatchError(error.code, "The job schedule is active, so there is nothing to enable.") from None


async def terminate(
    acting: Acting, schedule_id: str, conditions: Conditions, *, force: bool = False
) -> Changed:
    """Begin to end the schedule with its job. With `force` nodes are told and not waited for, also where that
    was not asked for at first. Raises BatchError."""
    return await _change(acting, schedule_id, SCHEDULE_CHANGEABLE, "terminating", conditions, force=force)


async def delete(acting: Acting, schedule_id: str, conditions: Conditions, *, force: bool = False) -> Changed:
    """Begin to remove the schedule with all its jobs and their tasks; `force` as for `terminate`. Raises
    BatchError."""
    return await _change(acting, schedule_id, SCHEDULE_DELETABLE, "deleting", conditions, force=force)


async def _change(
    acting: Acting,
    schedule_id: str,
    permitted: Collection[str],
    state: str,
    conditions: Conditions,
    *,
    force: bool = False,
) -> Changed:
    def make(connection: sa.Connection) -> Changed | None:
        found = job_schedules.find(connection, acting.account, schedule_id, to_change=True)
        if found is None:
            raise REFUSALS.of(None)
        values = _moved(found, permitted, state, force)
        condition = conditions.clause(schema.job_schedules.c.modified)
        return job_schedules.change(
            connection, acting.account, schedule_id, (found.state,), acting.now, values, condition
        )

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet"))


def _moved(found: ScheduleRow, permitted: Collection[str], state: str, force: bool) -> Mapping[str, Any]:
    """Columns of a schedule that comes to the state, or is in it already and waits for nodes no longer."""
    if found.state in permitted:
        return {"state": state, "forced": force}
    if force and found.state == state and not found.forced:
        return {"forced": True}
    raise REFUSALS.of(found)
