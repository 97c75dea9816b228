"""Failed tasks of one cause, run anew together."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from batchite.batch.conditions import Conditions
from batchite.batch.tasks import actions
from batchite.portal.answers import Answer, Done
from batchite.portal.visit import Visit
from batchite.resources.searches import Pattern, TaskSearch, Term
from batchite.wire.batch.errors import BatchError

MOST: Final = 1000
"""At a time, the newest of them."""
_AT_ONCE: Final = 50
"""Changes, which are committed together."""


async def retry(visit: Visit) -> Answer:
    """Each is a change of its own: what cannot be run anew any more keeps no other from it."""
    job_id = visit.params["job"]
    wanted = TaskSearch((Term("cause", (Pattern(visit.form.get("cause", "")),)),))
    found = await actions.search(visit.acting, job_id, wanted, MOST)
    tasks = [row.id for row in found.found.rows]
    refused: Counter[str] = Counter()
    for start in range(0, len(tasks), _AT_ONCE):
        some = (_reactivate(visit, job_id, task) for task in tasks[start : start + _AT_ONCE])
        refused.update(code for code in await asyncio.gather(*some) if code)
    return Done(visit.url("jobs", job_id), _told(len(tasks) - refused.total(), refused))


async def _reactivate(visit: Visit, job_id: str, task_id: str) -> str:
    """The code of the refusal, if it is refused."""
    try:
        await actions.reactivate(visit.acting, job_id, task_id, Conditions())
    except BatchError as error:
        return error.code
    return ""


def _told(done: int, refused: Counter[str]) -> str:
    tasks = "1 task waits" if done == 1 else f"{done} tasks wait"
    others = f", {refused.total()} do not ({', '.join(sorted(refused))})" if refused else ""
    return f"{tasks} to run anew{others}."
