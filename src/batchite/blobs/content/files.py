"""Content in files of a local directory.

A file is named after the number of its content. It is written under a draft name, synced, renamed,
and its directory synced: a file of the final name is complete and survives a power failure.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from functools import partial
from pathlib import Path
from typing import TypeVar

from batchite.blobs.content import writeback
from batchite.blobs.content.base import ContentTruncated, Data, Digest, Stretch
from batchite.machine.syncing import sync_directory

T = TypeVar("T")

READ_BYTES = 512 * 1024
WRITEBACK_BYTES = 8 * 1024 * 1024
"""Of a file being written; so much does not wait for its end to go to the disk."""
DIGEST_BYTES = 256 * 1024
"""What takes longer to digest than to hand to another thread."""
_FANOUT = 256
_DRAFT = ".part"


class Files:
    """Creates the directory if it is not there, and each of its subdirectories for the first file in it."""

    late_seconds = 0.0

    def __init__(self, directory: Path, *, threads: int = 8) -> None:
        self._directory = directory
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="content")
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._parents = set(directory.iterdir())
        """those of which a power failure leaves the names"""
        sync_directory(directory)
        sync_directory(directory.parent)

    def _parent(self, content_no: int) -> Path:
        return self._directory / f"{content_no % _FANOUT:02x}"

    def path(self, content_no: int) -> Path:
        return self._parent(content_no) / f"{content_no:x}"

    def draft_path(self, content_no: int) -> Path:
        return self.path(content_no).with_suffix(_DRAFT)

    async def create(self, content_no: int, digest: Digest) -> FileDraft:
        return await self._run(partial(self._create, content_no, digest))

    def _create(self, content_no: int, digest: Digest) -> FileDraft:
        parent = self._parent(content_no)
        if parent not in self._parents:  # another thread may have made it, and not have synced it yet
            parent.mkdir(mode=0o700, exist_ok=True)
            sync_directory(self._directory)
            self._parents.add(parent)
        return FileDraft(self.path(content_no), self.draft_path(content_no), digest, self._threads)

    async def read(self, content_no: int, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Asks the disk for the next chunk while the client takes the last one."""
        path, end = self.path(content_no), start + length
        descriptor, chunk = await self._run(partial(_open_and_read, path, min(READ_BYTES, length), start))
        at = start + len(chunk)
        reading: asyncio.Future[bytes] | None = None
        try:
            while at < end:
                wanted = min(READ_BYTES, end - at)
                reading = self._run(partial(_read, descriptor, wanted, at))
                yield chunk
                chunk = await reading
                at += wanted
            yield chunk
        finally:
            if reading is not None and not reading.done():
                await asyncio.wait([reading])
            os.close(descriptor)

    async def parts(self, content_no: int, start: int, length: int) -> AsyncGenerator[bytes | Stretch, None]:
        if length < READ_BYTES:  # opened and read by one call of a thread; sending it would take another
            async with aclosing(self.read(content_no, start, length)) as chunks:
                async for chunk in chunks:
                    yield chunk
            return
        descriptor = await self._run(partial(_open_whole, self.path(content_no), start + length))
        try:
            yield Stretch(descriptor, start, length)
        finally:
            os.close(descriptor)

    async def remove(self, numbers: Collection[int]) -> None:
        await self._run(partial(self._remove, numbers))

    def _remove(self, numbers: Collection[int]) -> None:
        for number in numbers:
            for victim in (self.path(number), self.draft_path(number)):
                with suppress(FileNotFoundError):
                    victim.unlink()

    async def stored(self) -> set[int]:
        return await self._run(self.numbers)

    def numbers(self) -> set[int]:
        """As `stored`, for callers that may block."""
        found = (entry.name.removesuffix(_DRAFT) for entry in self._directory.glob("??/*"))
        return {int(name, 16) for name in found}

    async def size(self, content_no: int) -> int | None:
        try:
            return (await self._run(self.path(content_no).stat)).st_size
        except FileNotFoundError:
            return None

    async def close(self) -> None:
        self._threads.shutdown()

    def _run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, call)


class FileDraft:
    """A content file being written."""

    def __init__(self, path: Path, draft: Path, digest: Digest, threads: ThreadPoolExecutor) -> None:
        self._path = path
        self._draft = draft
        self._digest = digest
        self._threads = threads
        self._digesting: asyncio.Future[None] | None = None
        self._written = 0
        self._on_its_way = 0
        """bytes that the system has been told to write to disk"""
        self._descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)

    async def write(self, data: Data) -> None:
        """A slow digest of much data has a thread of its own, and may be one behind."""
        await self._digested()
        if self._digest.is_slow and len(data) >= DIGEST_BYTES:
            self._digesting = self._run(partial(self._digest.update, data))
            await self._run(partial(self._write, data))
        else:
            await self._run(partial(self._digest_and_write, data))

    async def _digested(self) -> None:
        if self._digesting is not None:
            await self._digesting

    def _digest_and_write(self, data: Data) -> None:
        self._digest.update(data)
        self._write(data)

    def _write(self, data: Data) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self._written += len(data)
        waiting = self._written - self._on_its_way
        if waiting >= WRITEBACK_BYTES:
            writeback.begin(self._descriptor, self._on_its_way, waiting)
            self._on_its_way = self._written

    async def finish(self) -> None:
        await self._run(self._finish)
        await self._digested()

    def _finish(self) -> None:
        os.fdatasync(self._descriptor)
        self._close()
        self._draft.rename(self._path)
        sync_directory(self._path.parent)

    async def close(self) -> None:
        if self._digesting is not None and not self._digesting.done():
            await asyncio.wait([self._digesting])
        if self._descriptor >= 0:
            await self._run(self._close)

    def _close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)

    def _run(self, call: Callable[[], T]) -> asyncio.Future[T]:
        return asyncio.get_running_loop().run_in_executor(self._threads, call)


def _open(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise ContentTruncated(f"there is no file {path.name}") from None


def _open_and_read(path: Path, length: int, start: int) -> tuple[int, bytes]:
    """A descriptor, and the first bytes read from it."""
    descriptor = _open(path)
    try:
        return descriptor, _read(descriptor, length, start)
    except BaseException:
        os.close(descriptor)
        raise


def _open_whole(path: Path, end: int) -> int:
    """A descriptor of a file that has so many bytes."""
    descriptor = _open(path)
    size = os.fstat(descriptor).st_size
    if size < end:
        os.close(descriptor)
        raise ContentTruncated(f"{end} bytes are wanted, {size} are there")
    return descriptor


def _read(descriptor: int, length: int, offset: int) -> bytes:
    data = os.pread(descriptor, length, offset)
    while len(data) < length:
        more = os.pread(descriptor, length - len(data), offset + len(data))
        if not more:
            raise ContentTruncated(f"{length} bytes at {offset} are wanted, {len(data)} are there")
        data += more
    return data
