"""Jobs: the list, and one job with its tasks and why those failed that did."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.responses import RedirectResponse

from batchite.batch.explaining import actions as explaining
from batchite.batch.jobs import actions
from batchite.batch.searching import language
from batchite.batch.searching import tasks as task_language
from batchite.batch.tasks import actions as task_actions
from batchite.portal import headers, lists, reasons, shares
from batchite.portal.answers import Answer, NotHere, Page, Raw, watch
from batchite.portal.jobs import causes, changing, dependencies, preparation, retrying, searching
from batchite.portal.jobs.rows import JobLine, job_line
from batchite.portal.routes import change, form, show
from batchite.portal.visit import Visit
from batchite.resources import jobs
from batchite.resources.searches import TaskSearch
from batchite.resources.states import DELETABLE, DISABLABLE, ENABLABLE, ENDABLE, TAKING_TASKS
from batchite.wire.batch.models.counts import BatchTaskCounts

WORDS: Final = {"id": "id", "state": "state", "pool": "executionInfo/poolId"}


async def list_(visit: Visit) -> Answer:
    asked = lists.asked(visit, "jobs", WORDS, newest_first=True)
    rows: list[JobLine] = []
    more = ""
    if asked.wanted is not None:
        part = await actions.page(visit.acting, asked.wanted)
        counts = await actions.counts_of(visit.acting, part.rows)
        rows = [job_line(visit, job, counts.get(job.job_no, shares.NO_TASKS)) for job in part.rows]
        more = lists.next_page(visit, part, lambda job: job.job_no)
    return Page("jobs/list.html", {"asked": asked, "rows": rows, "more": more}, watch("job", "task"))


async def show_one(visit: Visit) -> Answer:
    asked = searching.asked(visit)
    wanted = asked.search or TaskSearch()
    matches = await task_actions.search(
        visit.acting, visit.params["job"], wanted, searching.ROWS, asked.after
    )
    job, counts = matches.job, matches.counts
    tasks = shares.of_tasks(counts)
    values = {
        "job": jobs.shown(job, visit.url),
        "can": {
            "retry": visit.can_change and job.state in TAKING_TASKS,
            "disable": job.state in DISABLABLE and job.state != "disabled",
            "enable": job.state in ENABLABLE,
            "terminate": job.state in ENDABLE,
            "delete": job.state in DELETABLE,
            "add": job.state in TAKING_TASKS,
        },
        "disabling": changing.DISABLING,
        "most_retried": retrying.MOST,
        "reasons": await _why_none_runs(visit, job, counts),
        "tasks": tasks,
        "total": shares.total(tasks),
        "causes": [causes.of(visit, job.id, row) for row in matches.causes],
        "asked": asked,
        "listed": searching.listed(visit, matches) if asked.search is not None else None,
    }
    return Page("jobs/job.html", values, watch("job", "task", job=job.id))


async def _why_none_runs(visit: Visit, job: jobs.JobRow, counts: BatchTaskCounts) -> Sequence[reasons.Reason]:
    """Only where tasks wait and none runs."""
    if counts.running or not counts.active or job.state not in ENDABLE:
        return []
    found = await explaining.job(visit.acting, job.id)
    return reasons.of(found, lambda node: visit.url("pools", job.pool_id, "nodes", node))


async def newest(visit: Visit) -> Answer:
    """Leads to the newest of the tasks that are searched for. Raises NotHere."""
    asked = searching.asked(visit)
    if asked.search is None:
        raise NotHere("The filter cannot be understood.")
    matches = await task_actions.search(visit.acting, visit.params["job"], asked.search, 1)
    if not matches.found.rows:
        raise NotHere("No task is like that any more.")
    to = visit.url("jobs", matches.job.id, "tasks", matches.found.rows[0].id)
    return Raw(RedirectResponse(to, 302, {**headers.OF_ALL, "cache-control": "no-store"}))


async def hints(visit: Visit) -> Answer:
    """How the filter of a job's tasks can go on."""
    text = visit.query("q")
    _, causes = await actions.failures(visit.acting, visit.params["job"])
    offered = {"cause": [(row.cause, f"{row.tasks} × {row.line or row.code or 'other'}") for row in causes]}
    found = language.hints(text, len(text), task_language.QUALIFIERS, offered)
    return Page("jobs/hints.html", {"hints": found[:20]})


ROUTES = (
    show("/batch/{account}/jobs", list_),
    show("/batch/{account}/jobs/{job}", show_one),
    show("/batch/{account}/jobs/{job}/newest", newest),
    show("/batch/{account}/jobs/{job}/hints", hints),
    form("/batch/{account}/new-job", changing.form),
    change("/batch/{account}/new-job", changing.add),
    change("/batch/{account}/jobs/{job}/retry", retrying.retry),
    change("/batch/{account}/jobs/{job}/disable", changing.disable),
    change("/batch/{account}/jobs/{job}/enable", changing.enable),
    change("/batch/{account}/jobs/{job}/terminate", changing.terminate),
    change("/batch/{account}/jobs/{job}/delete", changing.delete),
    *dependencies.ROUTES,
    *preparation.ROUTES,
)
