"""What a service is composed of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from batchite.store import migrating
from batchite.store.database import Database
from batchite.web.guard import Guard


@dataclass(frozen=True, slots=True)
class Parts:
    """A composed service: what it serves, and how it starts and stops beside that."""

    app: Guard
    start: Callable[[], Awaitable[None]]
    stop: Callable[[bool], Awaitable[None]]
    """called with whether to end the compute nodes, while requests are still served"""
    close: Callable[[], Awaitable[None]]
    """called last"""


async def open_database(data_dir: Path, name: Literal["batch", "blobs"]) -> Database:
    """The database of a service at the present schema; it is for nobody else to read."""
    path = data_dir / f"{name}.db"
    path.touch(mode=0o600)  # what SQLite makes beside has the same mode
    url = f"sqlite:///{path}"
    await asyncio.to_thread(migrating.upgrade, url, name)
    return Database(url)
