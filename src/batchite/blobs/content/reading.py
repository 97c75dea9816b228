"""Reading stretches of contents one after the other, in constant memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

from batchite.blobs.content.base import Storage
from batchite.store.blobs.blocks import Piece


class Reader:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def stream(self, pieces: Iterable[Piece]) -> AsyncGenerator[bytes, None]:
        """All pieces. Raises OSError, StorageUnavailable and ContentTruncated."""
        for piece in pieces:
            async with aclosing(self._storage.read(piece.content_no, piece.start, piece.length)) as chunks:
                async for chunk in chunks:
                    yield chunk
