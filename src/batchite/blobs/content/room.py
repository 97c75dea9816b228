"""Room that uploads must leave on the disk of the database, so that what deletes can still be recorded."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from time import monotonic

import sqlalchemy as sa

from batchite.store.database import Database

RESERVE_BYTES = 64 * 1024 * 1024
BELIEVED_SECONDS = 0.1
"""For so long a disk that had room for as much again is not asked anew before a few bytes."""
_SHARE = 2
"""Of a small disk, one part in so many. The log of the database alone takes 16 MiB before it is used anew."""


class Room:
    """Where the database is not a file there is always enough."""

    def __init__(self, database: Database) -> None:
        url = database.engine.url
        self._database = database
        self._believed_until = 0.0
        self._path = Path(url.database) if url.drivername.startswith("sqlite") and url.database else None

    def check(self) -> None:
        """Before bytes go to a file. Raises OSError ENOSPC."""
        if self._missing() > 0:
            raise self._full()

    async def check_inline(self) -> None:
        """Before bytes go to the database, which may have pages of its own to fill. Raises OSError ENOSPC."""
        now = monotonic()
        if now < self._believed_until:
            return
        missing = self._missing()
        if missing > 0 and missing > await self._database.read(_unused_bytes):
            raise self._full()
        if missing < -RESERVE_BYTES:
            self._believed_until = now + BELIEVED_SECONDS

    def _missing(self) -> int:
        """Bytes; negative if there are more than have to be."""
        if self._path is None:
            return 0
        disk = os.statvfs(self._path)
        reserve = min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // _SHARE)
        return reserve - disk.f_bavail * disk.f_frsize

    def _full(self) -> OSError:
        return OSError(errno.ENOSPC, "what is left of the disk is for deleting", str(self._path))


def _unused_bytes(connection: sa.Connection) -> int:
    pages = connection.exec_driver_sql("PRAGMA freelist_count").scalar_one()
    size = connection.exec_driver_sql("PRAGMA page_size").scalar_one()
    return int(pages) * int(size)
