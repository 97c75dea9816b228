"""Job schedules: the operations on them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.job_schedules import actions
from batchite.batch.jobs import api as jobs
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, operation
from batchite.batch.pools import autoscaling
from batchite.resources.job_schedules import ScheduleRow, shown, statistics
from batchite.store.batch import filtering
from batchite.store.batch.recording import Changed
from batchite.wire.batch.models.job_schedules import (
    BatchJobSchedule,
    BatchJobScheduleCreateOptions,
    BatchJobScheduleReplaceOptions,
    BatchJobScheduleUpdateOptions,
)
from batchite.wire.batch.validation.job_schedules import accept, patched, replaced


async def add(call: Call) -> Response:
    options = await call.body(BatchJobScheduleCreateOptions)
    schedule = accept(options, autoscaling.least_interval(call.services), call.task_retention)
    await actions.add(call.acting, schedule)
    return answers.created(call, call.now.ticks, call.url("jobschedules", schedule.id))


async def get(call: Call) -> Response:
    schedule = await actions.find(call.acting, call.params["jobScheduleId"])
    call.conditions.check_read(schedule.modified)
    (shape,) = await _shown(call, [schedule])
    return answers.entity(call, "jobschedules", shape, modified=schedule.modified)


async def exists(call: Call) -> Response:
    schedule = await actions.find(call.acting, call.params["jobScheduleId"])
    call.conditions.check_read(schedule.modified)
    return answers.empty(call, 200, modified=schedule.modified)


async def list_(call: Call) -> Response:
    part = await actions.page(call.acting, listing.wanted(call, filtering.JOB_SCHEDULES))
    shapes = await _shown(call, part.rows)
    return listing.answer(call, "jobschedules", part, BatchJobSchedule, shapes, lambda row: row.schedule_no)


async def _shown(call: Call, found: Sequence[ScheduleRow]) -> list[BatchJobSchedule]:
    """With their statistics, if these are asked for."""
    if not call.wants_statistics(BatchJobSchedule):
        return [shown(schedule, call.url) for schedule in found]
    sums, now = await actions.sums(call.acting, found), call.now.ticks
    return [shown(one, call.url, statistics(one, sums.get(one.schedule_no), call.url, now)) for one in found]


async def list_jobs(call: Call) -> Response:
    wanted = listing.wanted(call, filtering.JOBS_OF_SCHEDULE)
    return await jobs.listed(call, await actions.jobs_of(call.acting, call.params["jobScheduleId"], wanted))


async def patch(call: Call) -> Response:
    options = await call.body(BatchJobScheduleUpdateOptions)
    least, kept = autoscaling.least_interval(call.services), call.task_retention
    return await _update(call, lambda schedule: patched(schedule, options, least, kept))


async def update(call: Call) -> Response:
    options = await call.body(BatchJobScheduleReplaceOptions)
    least, kept = autoscaling.least_interval(call.services), call.task_retention
    return await _update(call, lambda schedule: replaced(schedule, options, least, kept))


async def _update(
    call: Call, change: Callable[[BatchJobScheduleCreateOptions], BatchJobScheduleCreateOptions]
) -> Response:
    changed = await actions.update(call.acting, call.params["jobScheduleId"], change, call.conditions)
    return _changed(call, 200, changed)


async def disable(call: Call) -> Response:
    changed = await actions.disable(call.acting, call.params["jobScheduleId"], call.conditions)
    return _changed(call, 204, changed, "disable")


async def enable(call: Call) -> Response:
    changed = await actions.enable(call.acting, call.params["jobScheduleId"], call.conditions)
    return _changed(call, 204, changed, "enable")


async def terminate(call: Call) -> Response:
    name, force = call.params["jobScheduleId"], call.truth("force")
    changed = await actions.terminate(call.acting, name, call.conditions, force=force)
    return _changed(call, 202, changed, "terminate")


def _changed(call: Call, status: int, changed: Changed, *action: str) -> Response:
    return answers.changed(call, status, changed, "jobschedules", changed.id, *action)


async def delete(call: Call) -> Response:
    name, force = call.params["jobScheduleId"], call.truth("force")
    await actions.delete(call.acting, name, call.conditions, force=force)
    return answers.empty(call, 202)


_FORCE = {"force": "2024-07-01.20.0"}

OPERATIONS = (
    operation("JobSchedule_Add", add),
    operation("JobSchedule_List", list_, FILTERED | EXPAND),
    operation("JobSchedule_Get", get, EXPAND, CONDITIONAL),
    operation("JobSchedule_Exists", exists, conditions=CONDITIONAL),
    operation("JobSchedule_Patch", patch, conditions=CONDITIONAL),
    operation("JobSchedule_Update", update, conditions=CONDITIONAL),
    operation("JobSchedule_Disable", disable, conditions=CONDITIONAL),
    operation("JobSchedule_Enable", enable, conditions=CONDITIONAL),
    operation("JobSchedule_Terminate", terminate, frozenset(_FORCE), CONDITIONAL, later=_FORCE),
    operation("JobSchedule_Delete", delete, frozenset(_FORCE), CONDITIONAL, later=_FORCE),
    operation("Job_ListFromJobSchedule", list_jobs, FILTERED | EXPAND),
)
