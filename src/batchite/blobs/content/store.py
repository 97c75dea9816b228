"""Content as the operations see it: receive, read, dispose."""

from __future__ import annotations

from batchite.blobs.content.base import Storage
from batchite.blobs.content.disposal import Disposal
from batchite.blobs.content.reading import Reader
from batchite.blobs.content.uploads import Uploads
from batchite.store.database import Database


class ContentStore:
    """Content in `storage`, recorded in `database`. Call `start` before serving, `close` after."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self.storage = storage
        self.disposal = Disposal(database, storage)
        self.uploads = Uploads(database, storage, self.disposal)
        self.reader = Reader(database, storage)

    async def start(self) -> int:
        """Remove what a crash left behind; returns how many contents that were."""
        return await self.disposal.sweep()

    async def settle(self) -> None:
        """Wait until failed uploads and dropped content are gone from the storage."""
        await self.uploads.settle()
        await self.disposal.settle()

    async def close(self) -> None:
        """Finish the removals under way. No request may be served any more."""
        await self.settle()
        await self.disposal.close()
        await self.storage.close()
