"""Reading stretches of contents one after the other, in constant memory."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TypeAlias, TypeVar

from batchite.blobs.content.base import ContentTruncated, Storage, Stretch
from batchite.store.blobs import contents
from batchite.store.blobs.blocks import ZEROS, Piece
from batchite.store.database import Database

T = TypeVar("T")
_Read: TypeAlias = Callable[[int, int, int], AsyncGenerator[bytes | T, None]]

CHUNK_BYTES = 512 * 1024
"""Of zeros, and of small contents from the database, at once."""

_ZEROS = bytes(CHUNK_BYTES)


class Reader:
    def __init__(self, database: Database, storage: Storage) -> None:
        self._database = database
        self._storage = storage

    def stream(self, pieces: Iterable[Piece]) -> Stream:
        return Stream(self._database, self._storage, pieces)


class Stream:
    """All these pieces, read as they are asked for."""

    def __init__(self, database: Database, storage: Storage, pieces: Iterable[Piece]) -> None:
        self._database = database
        self._storage = storage
        self._pieces = pieces

    def chunks(self) -> AsyncGenerator[bytes, None]:
        """Raises OSError, StorageUnavailable and ContentTruncated."""
        return self._all(self._storage.read)

    def parts(self) -> AsyncGenerator[bytes | Stretch, None]:
        """The same, as stretches where it is in files, for whoever can send those."""
        return self._all(self._storage.parts)

    async def _all(self, read: _Read[T]) -> AsyncGenerator[bytes | T, None]:
        for run in _runs(self._pieces):
            async with aclosing(self._read(run, read)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _read(self, run: Sequence[Piece], read: _Read[T]) -> AsyncGenerator[bytes | T, None]:
        first = run[0]
        if first.content_no == ZEROS:
            for at in range(0, first.length, CHUNK_BYTES):
                yield _ZEROS[: min(CHUNK_BYTES, first.length - at)]
        elif first.inline:
            yield await self._read_inline(run)
        else:
            async with aclosing(read(first.content_no, first.start, first.length)) as chunks:
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
