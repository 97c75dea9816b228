"""Content as the operations see it: receive, read, dispose."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from batchite.blobs.content.disposal import Disposal
from batchite.blobs.content.files import Files
from batchite.blobs.content.reading import Reader
from batchite.blobs.content.uploads import Uploads
from batchite.store.database import Database


class ContentStore:
    """Content in `directory`, recorded in `database`. Call `start` before serving, `close` after."""

    def __init__(self, database: Database, directory: Path, *, threads: int = 8) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="content")
        self.files = Files(directory)
        self.disposal = Disposal(database, self.files, self._threads)
        self.uploads = Uploads(database, self.files, self._threads, self.disposal)
        self.reader = Reader(self.files, self._threads)

    async def start(self) -> int:
        """Remove what a crash left behind; returns how many contents that were."""
        return await self.disposal.sweep()

    async def settle(self) -> None:
        """Wait until failed uploads and dropped content are gone from the disk."""
        await self.uploads.settle()
        await self.disposal.settle()

    async def close(self) -> None:
        """Finish the removals under way. No request may be served any more."""
        await self.settle()
        self._threads.shutdown()
