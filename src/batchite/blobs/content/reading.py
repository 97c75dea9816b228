"""Reading stretches of contents one after the other, in constant memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from contextlib import aclosing

from batchite.blobs.content.base import ContentTruncated, Storage
from batchite.store.blobs import contents
from batchite.store.blobs.blocks import ZEROS, Piece
from batchite.store.database import Database

CHUNK_BYTES = 512 * 1024
"""Of zeros, and of small contents from the database, at once."""

_ZEROS = bytes(CHUNK_BYTES)


class Reader:
    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    async def stream(self, pieces: Iterable[Piece]) -> AsyncGenerator[bytes, None]:
        """All pieces. Raises OSError, StorageUnavailable and ContentTruncated."""
        for run in _runs(pieces):
            async with aclosing(self._read(run)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _read(self, run: Sequence[Piece]) -> AsyncGenerator[bytes, None]:
        first = run[0]
        if first.content_no == ZEROS:
            for at in range(0, first.length, CHUNK_BYTES):
                yield _ZEROS[: min(CHUNK_BYTES, first.length - at)]
        elif first.inline:
            yield await self._read_inline(run)
        else:
            async with aclosing(self._storage.read(first.content_no, first.start, first.length)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _read_inline(self, run: Sequence[Piece]) -> bytes:
        numbers = {piece.content_no for piece in run}
        found = await self._database.read(lambda connection: contents.data_of(connection, numbers))
        if found.keys() != numbers:
            raise ContentTruncated
        return b"".join(found[number][start : start + length] for number, start, length, _ in run)


def _runs(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    """Small contents together, up to a chunk; everything else alone."""
    run: list[Piece] = []
    size = 0
    for piece in pieces:
        if run and (not piece.inline or size + piece.length > CHUNK_BYTES):
            yield run
            run, size = [], 0
        if piece.inline:
            run.append(piece)
            size += piece.length
        else:
            yield [piece]
    if run:
        yield run
