"""The first page: what there is, what it is doing, and how to reach it."""

from __future__ import annotations

from batchite.portal.answers import Answer, Page, watch
from batchite.portal.jobs import attention
from batchite.portal.routes import Route, show
from batchite.portal.visit import Visit


async def home(visit: Visit) -> Answer:
    return Page("home/home.html", {"failed": await attention.lately(visit)}, watch("job", "task"))


async def docs(visit: Visit) -> Answer:
    return Page("home/docs.html")


ROUTES: tuple[Route, ...] = (
    show("/", home),
    show("/docs", docs),
)
