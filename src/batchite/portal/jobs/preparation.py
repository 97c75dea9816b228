"""On which nodes a job was prepared and released, and how that went."""

from __future__ import annotations

from typing import Final

from batchite.batch import wanting
from batchite.batch.job_nodes import actions
from batchite.portal import lists
from batchite.portal.answers import Answer, Page, watch
from batchite.portal.routes import show
from batchite.portal.visit import Visit
from batchite.resources.job_nodes import shown

WORDS: Final = {
    "node": "nodeId",
    "pool": "poolId",
    "prepared": "jobPreparationTaskExecutionInfo/result",
    "released": "jobReleaseTaskExecutionInfo/result",
}


async def list_(visit: Visit) -> Answer:
    job, rules = await actions.find(visit.acting, visit.params["job"])
    asked = lists.asked(visit, "nodes of a job", WORDS)
    wanted = asked.wanted or wanting.wanted("nodes of a job", limit=lists.ROWS)
    part = await actions.page(visit.acting, job, wanted)
    values = {
        "job_id": job.id,
        "rows": [shown(row, job.id, rules, visit.url) for row in part.rows],
        "has_release": rules.release is not None,
        "asked": asked,
        "more": lists.next_page(visit, part, lambda row: row.number),
    }
    return Page("jobs/preparation.html", values, watch("job", "task", "preparation", "release", job=job.id))


ROUTES = (show("/batch/{account}/jobs/{job}/preparation", list_),)
