"""Reading stretches of content files, in constant memory."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Iterable
from concurrent.futures import Executor
from contextlib import aclosing

from batchite.blobs.content import files as content_files
from batchite.blobs.content.files import Files
from batchite.store.blobs.blocks import Piece

READ_BYTES = 512 * 1024


class Reader:
    """Reads in threads; asks the disk for the next chunk while the client takes the last one."""

    def __init__(self, files: Files, threads: Executor) -> None:
        self._files = files
        self._threads = threads

    async def stream(self, pieces: Iterable[Piece]) -> AsyncGenerator[bytes, None]:
        """All pieces one after the other. Raises OSError and ContentTruncated."""
        for piece in pieces:
            async with aclosing(self._piece(piece)) as chunks:
                async for chunk in chunks:
                    yield chunk

    async def _piece(self, piece: Piece) -> AsyncGenerator[bytes, None]:
        loop = asyncio.get_running_loop()
        descriptor, chunk = await loop.run_in_executor(self._threads, self._first, piece)
        at, end = piece.start + len(chunk), piece.start + piece.length
        reading: asyncio.Future[bytes] | None = None
        try:
            while at < end:
                length = min(READ_BYTES, end - at)
                reading = loop.run_in_executor(self._threads, content_files.read, descriptor, length, at)
                yield chunk
                chunk = await reading
                at += length
            yield chunk
        finally:
            if reading is not None and not reading.done():
                await asyncio.wait([reading])
            os.close(descriptor)

    def _first(self, piece: Piece) -> tuple[int, bytes]:
        descriptor = self._files.open(piece.content_no)
        try:
            return descriptor, content_files.read(descriptor, min(READ_BYTES, piece.length), piece.start)
        except BaseException:
            os.close(descriptor)
            raise
