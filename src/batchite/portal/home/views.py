"""The first page: what there is, what it is doing, what needs attention."""

from __future__ import annotations

from batchite.portal.answers import Answer, Page, watch
from batchite.portal.home import overview
from batchite.portal.jobs import attention
from batchite.portal.routes import Route, show
from batchite.portal.visit import Visit


async def home(visit: Visit) -> Answer:
    """Of the account that `?account=` names, the first one otherwise."""
    chosen = visit.chosen(visit.query("account"))
    values = {
        "visit": chosen,
        "overview": await overview.of(chosen.acting),
        "failed": await attention.lately(chosen),
    }
    return Page("home/home.html", values, watches=watch("pool", "node", "job", "task"))


ROUTES: tuple[Route, ...] = (show("/", home),)
