"""What a service is composed of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from batchite.store import migrating, revisions
from batchite.store.database import Database
from batchite.store.examining import UnusableDatabaseError
from batchite.web.guard import Guard


class CannotServeError(Exception):
    """The service cannot be composed of what is there; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Parts:
    """A composed service: what it serves, and how it starts and stops beside that."""

    app: Guard
    start: Callable[[], Awaitable[None]]
    stop: Callable[[bool], Awaitable[bool]]
    """called with whether to end the compute nodes, while requests are still served; returns whether all
    that was to end has ended"""
    close: Callable[[], Awaitable[None]]
    """called last"""
    served: Callable[[], None] = lambda: None
    """called once requests are served, for what has waited until then"""


async def open_database(data_dir: Path, name: revisions.Name) -> Database:
    """The database of a service at the present schema. Raises CannotServeError."""
    try:
        url = await asyncio.to_thread(migrating.prepare, revisions.file(data_dir, name), name)
    except UnusableDatabaseError as error:
        raise CannotServeError(str(error)) from None
    return Database(url)
