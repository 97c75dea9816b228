"""The page that draws which tasks of a job wait for which: each where there are few, by steps where there are
many.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from batchite.batch.tasks import actions
from batchite.portal.answers import Answer, Page, watch
from batchite.portal.jobs import graph
from batchite.portal.routes import show
from batchite.portal.visit import Visit

MOST_READ: Final = 20_000
"""Tasks of a job that are looked at."""
_STATES: Final = ("succeeded", "failed", "running", "active")


async def show_one(visit: Visit) -> Answer:
    part, job = await actions.graph(visit.acting, visit.params["job"], MOST_READ)
    values: dict[str, Any] = {
        "job_id": job.id,
        "total": len(part.rows),
        "has_more": part.more,
        "drawn": None,
        "groups": [],
        "in_circle": 0,
        "is_tangled": False,
        "box": (graph.WIDTH, graph.HEIGHT),
    }
    try:
        if 0 < len(part.rows) <= graph.MOST_TASKS:
            values["drawn"] = await asyncio.to_thread(graph.of, part.rows)
        elif part.rows:
            groups, values["in_circle"] = await asyncio.to_thread(graph.levels, part.rows)
            values["groups"] = [
                (group, [(state, group.states.get(state, 0)) for state in _STATES]) for group in groups
            ]
    except graph.TangledError:
        values["is_tangled"] = True
    watches = watch("task", job=job.id) if values["drawn"] else None
    return Page("jobs/graph.html", values, watches)


ROUTES = (show("/batch/{account}/jobs/{job}/graph", show_one),)
