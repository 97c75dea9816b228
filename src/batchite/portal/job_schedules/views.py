"""Job schedules: the list, and one with its next runs and the jobs that it has made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from batchite.batch import wanting
from batchite.batch.conditions import Conditions
from batchite.batch.explaining import actions as explaining
from batchite.batch.job_schedules import actions
from batchite.batch.jobs import actions as job_actions
from batchite.portal import lists, reasons, shares
from batchite.portal.answers import Answer, Done, Page, watch
from batchite.portal.jobs.rows import job_line
from batchite.portal.routes import change, show
from batchite.portal.visit import Visit
from batchite.resources.job_schedules import ScheduleRow, shown
from batchite.resources.states import SCHEDULE_CHANGEABLE, SCHEDULE_DELETABLE

WORDS: Final = {"id": "id", "state": "state"}
NEXT_RUNS: Final = 5
"""that are shown of a schedule"""


async def list_(visit: Visit) -> Answer:
    asked = lists.asked(visit, "job schedules", WORDS, newest_first=True)
    rows = []
    more = ""
    if asked.wanted is not None:
        part = await actions.page(visit.acting, asked.wanted)
        rows = [shown(row, visit.url) for row in part.rows]
        more = lists.next_page(visit, part, lambda row: row.schedule_no)
    values = {"asked": asked, "rows": rows, "more": more}
    return Page("job_schedules/list.html", values, watch("schedule"))


async def show_one(visit: Visit) -> Answer:
    row = await actions.find(visit.acting, visit.params["schedule"])
    asked = lists.asked(visit, "jobs of a schedule", {"state": "state"}, newest_first=True)
    wanted = asked.wanted or wanting.wanted("jobs of a schedule", limit=lists.ROWS, newest_first=True)
    part = await actions.jobs_of(visit.acting, row.id, wanted)
    counts = await job_actions.counts_of(visit.acting, part.rows)
    values = {
        "schedule": shown(row, visit.url),
        "reasons": await _why_none_is_made(visit, row),
        "runs": actions.next_runs(row, NEXT_RUNS),
        "jobs": [job_line(visit, job, counts.get(job.job_no, shares.NO_TASKS)) for job in part.rows],
        "can": {
            "disable": row.state == "active",
            "enable": row.state == "disabled",
            "terminate": row.state in SCHEDULE_CHANGEABLE,
            "delete": row.state in SCHEDULE_DELETABLE,
        },
        "asked": asked,
        "more": lists.next_page(visit, part, lambda job: job.job_no),
    }
    return Page("job_schedules/schedule.html", values, watch("schedule", "job", "task"))


async def _why_none_is_made(visit: Visit, row: ScheduleRow) -> Sequence[reasons.Reason]:
    """Only where a job might be made some time."""
    if row.state not in SCHEDULE_CHANGEABLE:
        return []
    return reasons.of(await explaining.schedule(visit.acting, row.id), lambda node: "")


async def disable(visit: Visit) -> Answer:
    name = visit.params["schedule"]
    await actions.disable(visit.acting, name, Conditions())
    return _done(visit, name, "makes no jobs from now on; the one that it has goes on")


async def enable(visit: Visit) -> Answer:
    name = visit.params["schedule"]
    await actions.enable(visit.acting, name, Conditions())
    return _done(visit, name, "makes jobs again")


async def terminate(visit: Visit) -> Answer:
    name = visit.params["schedule"]
    await actions.terminate(visit.acting, name, Conditions())
    return _done(visit, name, "is being ended, with its job")


async def delete(visit: Visit) -> Answer:
    name = visit.params["schedule"]
    await actions.delete(visit.acting, name, Conditions())
    return Done(visit.url("job-schedules"), f"The schedule {name} is being deleted, with its jobs.")


def _done(visit: Visit, name: str, what: str) -> Done:
    return Done(visit.url("job-schedules", name), f"The schedule {name} {what}.")


_ONE = "/batch/{account}/job-schedules/{schedule}"

ROUTES = (
    show("/batch/{account}/job-schedules", list_),
    show(_ONE, show_one),
    change(f"{_ONE}/disable", disable),
    change(f"{_ONE}/enable", enable),
    change(f"{_ONE}/terminate", terminate),
    change(f"{_ONE}/delete", delete),
)
