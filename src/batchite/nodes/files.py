"""Answering the service's questions about the node's files.

The answers go over the link; the bytes of a file never do, they are posted to an address of their
own. Looking into directories may take long, so it happens in threads.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import msgspec

from batchite.link import framing
from batchite.link.messages import (
    DeleteFile,
    FileDeleted,
    FileFailed,
    FilesListed,
    FileStatus,
    FromAgent,
    ListFiles,
    SendFile,
    StatFile,
)
from batchite.nodes.sandbox.spelling import meant
from batchite.nodes.sandbox.tree import Tree, TreeError
from batchite.nodes.threads import in_thread

if TYPE_CHECKING:
    from batchite.nodes.transfers import Transfers

FileRequest = ListFiles | StatFile | SendFile | DeleteFile

AT_ONCE = 16


class Files:
    """Serves requests; `send` puts an answer on the link."""

    def __init__(self, tree: Tree, service_url: str, send: Callable[[FromAgent], None]) -> None:
        self._tree = tree
        self._service_url = service_url
        self._send = send
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._working: set[asyncio.Task[None]] = set()
        self._transfers: Transfers | None = None

    def serve(self, request: FileRequest) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(request))
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def close(self) -> None:
        for task in self._working:
            task.cancel()
        await asyncio.gather(*self._working, return_exceptions=True)
        if self._transfers is not None:
            await self._transfers.close()

    async def _serve(self, request: FileRequest) -> None:
        async with self._turns:
            try:
                if isinstance(request, SendFile):
                    await self._post(request)
                else:
                    self._send(await in_thread(self._answer, request))
            except TreeError as error:
                self._send(FileFailed(request.request, error.reason))

    def _answer(self, request: ListFiles | StatFile | DeleteFile) -> FromAgent:
        if isinstance(request, ListFiles):
            found = self._tree.listing(meant(request.directory), recursive=request.recursive)
            answer = FilesListed(request.request, tuple(found))
            # A listing that fits into no frame would break the link for everybody.
            too_long = len(msgspec.msgpack.encode(answer)) > framing.MAX_FRAME_BYTES // 2
            return FileFailed(request.request, "unreadable") if too_long else answer
        if isinstance(request, StatFile):
            return FileStatus(request.request, self._tree.status(meant(request.path)))
        self._tree.delete(meant(request.path), recursive=request.recursive)
        return FileDeleted(request.request)

    async def _post(self, request: SendFile) -> None:
        descriptor = await in_thread(self._tree.open, meant(request.path))
        try:
            url = self._service_url.rstrip("/") + request.url_path
            content = _pieces(descriptor, request.offset, request.length)
            if not await self._client().post(url, content):
                self._send(FileFailed(request.request, "unreadable"))
        finally:
            os.close(descriptor)

    def _client(self) -> Transfers:
        if self._transfers is None:
            from batchite.nodes.transfers import Transfers

            self._transfers = Transfers()
        return self._transfers


async def _pieces(descriptor: int, offset: int, length: int) -> AsyncIterator[bytes]:
    """Bytes of the file as long as there are any, in pieces that do not fill the memory."""
    end = offset + length
    while offset < end:
        piece = await in_thread(os.pread, descriptor, min(1 << 18, end - offset), offset)
        if not piece:
            return
        offset += len(piece)
        yield piece
