"""The first page: what there is, what it is doing, and how to reach it."""

from __future__ import annotations

from batchite.portal.answers import Answer, Page
from batchite.portal.routes import Route, show
from batchite.portal.visit import Visit


async def home(visit: Visit) -> Answer:
    return Page("home/home.html")


async def docs(visit: Visit) -> Answer:
    return Page("home/docs.html")


async def soon(visit: Visit) -> Answer:
    return Page("home/soon.html", {"section": visit.path.rpartition("/")[2]})


ROUTES: tuple[Route, ...] = (
    show("/", home),
    show("/docs", docs),
    show("/batch/{account}/jobs", soon),
)
