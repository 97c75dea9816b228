"""Receiving content: into memory if it is small and may stay there, else into the storage.

An upload into the storage is recorded before its first byte, so that no leftover escapes the sweep.
"""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import msgspec
import sqlalchemy as sa

from batchite.blobs.content.base import Data, Digest, Draft, Storage
from batchite.blobs.content.disposal import Disposal
from batchite.blobs.content.room import Room
from batchite.store.blobs import contents
from batchite.store.database import Database
from batchite.wire.blob.crc64 import crc64
from batchite.wire.blob.errors import BlobError
from batchite.wire.blob.headers import md5_of

INLINE_BYTES = 16 * 1024
WRITE_BYTES = 1024 * 1024
"""Handed to the storage at once; an upload holds up to three times as much in memory."""


log = logging.getLogger(__name__)


class Received(msgspec.Struct, frozen=True):
    """Content that is safe in memory (`data`) or on disk (`content_no`), not referred to yet."""

    size: int
    crc64: bytes
    md5: bytes | None
    data: bytes | None = None
    content_no: int | None = None

    @property
    def md5_text(self) -> str:
        """In base64; "" if it was not asked for."""
        return base64.b64encode(self.md5).decode() if self.md5 else ""

    def store(self, connection: sa.Connection) -> int | None:
        """Make it live, in the transaction that refers to it; None for no bytes at all."""
        if self.data is not None:
            return contents.keep_inline(connection, self.data) if self.data else None
        if self.content_no is not None:
            contents.finish(connection, self.content_no, self.size, self.crc64)
        return self.content_no


class _Collected:
    """Pieces of a body, until they are enough for one write."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._pieces: list[Data] = []
        self._total = 0
        self.size = 0

    def add(self, piece: Data) -> None:
        """Raises BlobError RequestBodyTooLarge."""
        self._total += len(piece)
        if self._total > self._limit:
            raise too_large(self._limit)
        self._pieces.append(piece)
        self.size += len(piece)

    def take(self) -> Data:
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self.size = 0
        return data


def too_large(limit: int) -> BlobError:
    return BlobError("RequestBodyTooLarge", details=(("MaxLimit", str(limit)),))


class _Receiving:
    """Written out, since every upload has one: a generator costs several times as much."""

    def __init__(self, taking: Awaitable[Received], abandon: Callable[[int], None]) -> None:
        self._taking = taking
        self._abandon = abandon

    async def __aenter__(self) -> Received:
        self._received = await self._taking
        return self._received

    async def __aexit__(self, kind: object, *error: object) -> None:
        if kind is not None and self._received.content_no is not None:
            self._abandon(self._received.content_no)


class Uploads:
    """Takes in the bodies of requests."""

    def __init__(self, database: Database, storage: Storage, disposal: Disposal) -> None:
        self._database = database
        self._storage = storage
        self._disposal = disposal
        self._room = Room(database)
        self._abandoning: set[asyncio.Task[None]] = set()

    def receive(
        self, stream: AsyncIterator[Data], limit: int, *, inline: bool, digest: bool
    ) -> AbstractAsyncContextManager[Received]:
        """Take in at most `limit` bytes; removed again if the block fails before they are live.

        Entering it raises BlobError RequestBodyTooLarge, OSError, StorageUnavailable, and what the
        stream raises.
        """
        return _Receiving(self._take_in(stream, limit, inline=inline, digest=digest), self._abandon)

    async def _take_in(
        self, stream: AsyncIterator[Data], limit: int, *, inline: bool, digest: bool
    ) -> Received:
        collected = _Collected(limit)
        async for piece in stream:
            collected.add(piece)
            if collected.size > INLINE_BYTES:
                break
        if collected.size <= INLINE_BYTES and (inline or not collected.size):
            await self._room.check_inline()
            data = bytes(collected.take())
            return Received(len(data), crc64(data), md5_of(data) if digest else None, data=data)
        self._room.check()
        content_no = await self._database.touch(contents.begin)
        try:
            return await self._to_storage(content_no, collected, stream, Digest(md5=digest))
        except BaseException:
            self._abandon(content_no)
            raise

    async def _to_storage(
        self, content_no: int, collected: _Collected, stream: AsyncIterator[Data], digest: Digest
    ) -> Received:
        draft = await self._storage.create(content_no, digest)
        writing: asyncio.Future[None] | None = None
        try:
            async for piece in stream:
                collected.add(piece)
                if collected.size >= WRITE_BYTES:
                    self._room.check()
                    if writing is not None:
                        await writing
                    writing = asyncio.ensure_future(draft.write(collected.take()))
            if writing is not None:
                await writing
            if collected.size:
                await draft.write(collected.take())
            await draft.finish()
        finally:
            await _close(draft, writing)
        return Received(digest.size, digest.crc64, digest.md5, content_no=content_no)

    def _abandon(self, content_no: int) -> None:
        task = asyncio.get_running_loop().create_task(self._condemn(content_no))
        self._abandoning.add(task)
        task.add_done_callback(self._abandoning.discard)

    async def _condemn(self, content_no: int) -> None:
        """Whether it became live all the same (the client left during the commit) the store knows."""
        try:
            gone = await self._database.touch(lambda connection: contents.abandon(connection, content_no))
        except Exception:  # its record stays, and the next start removes it
            log.exception("a failed upload could not be removed")
        else:
            if gone:
                self._disposal.dispose([content_no])

    async def settle(self) -> None:
        """Wait until abandoned uploads have been given to the disposal."""
        if self._abandoning:
            await asyncio.gather(*self._abandoning, return_exceptions=True)


async def _close(draft: Draft, writing: asyncio.Future[None] | None) -> None:
    """Never under the hands of what still writes."""
    if writing is not None and not writing.done():
        await asyncio.wait([writing])
    await draft.close()
