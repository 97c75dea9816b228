"""Room that uploads must leave on the disk of the database, so that what deletes can still be recorded."""

from __future__ import annotations

from pathlib import Path
from time import monotonic

import sqlalchemy as sa

from batchite.machine import free_space
from batchite.store.database import Database

BELIEVED_SECONDS = 0.1
"""For so long a disk that had room for as much again is not asked anew before a few bytes."""


class Room:
    """Where the database is not a file there is always enough."""

    def __init__(self, database: Database) -> None:
        url = database.engine.url
        self._database = database
        self._believed_until = 0.0
        self._path = Path(url.database) if url.drivername.startswith("sqlite") and url.database else None

    def check(self) -> None:
        """Before bytes go to a file. Raises OSError ENOSPC."""
        if self._path is not None and free_space.spare_bytes(self._path) < 0:
            raise free_space.full(self._path)

    async def check_inline(self) -> None:
        """Before bytes go to the database, which may have pages of its own to fill. Raises OSError ENOSPC."""
        now = monotonic()
        if self._path is None or now < self._believed_until:
            return
        spare = free_space.spare_bytes(self._path)
        if spare < 0 and -spare > await self._database.read(_unused_bytes):
            raise free_space.full(self._path)
        if spare > free_space.RESERVE_BYTES:
            self._believed_until = now + BELIEVED_SECONDS


def _unused_bytes(connection: sa.Connection) -> int:
    pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    return int(pages) * int(size)
