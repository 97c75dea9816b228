"""The uploads of a node, for all who have some."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from batchite.nodes.own_blobs import OwnBlobs

if TYPE_CHECKING:
    from batchite.nodes.patience import Patience
    from batchite.nodes.uploads import Uploads


class Uploader:
    """Loads the HTTP client, and makes its session, when the first file is to be uploaded.

    While the node's service is away (`served` is clear) no failed try counts.
    """

    def __init__(
        self, own_blobs: OwnBlobs, served: asyncio.Event | None = None, patience: Patience | None = None
    ) -> None:
        self._own_blobs = own_blobs
        self._served = served
        self._patience = patience
        self._uploads: Uploads | None = None

    @property
    def uploads(self) -> Uploads:
        if self._uploads is None:
            from batchite.nodes.patience import Patience
            from batchite.nodes.uploads import Uploads

            self._uploads = Uploads(self._own_blobs, self._patience or Patience(served=self._served))
        return self._uploads

    async def close(self) -> None:
        if self._uploads is not None:
            await self._uploads.close()
