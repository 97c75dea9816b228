"""Content in an object store (S3, Google Cloud Storage, Azure), through obstore.

A content is objects of PART_BYTES each, but for the last, named after its number and their own. Plain
objects appear as a whole or not at all and can be listed, so that after a crash what is there of an
upload is found and removed; unfinished multipart uploads would stay, unseen and paid for.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import contextmanager

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore

from batchite.blobs.content.base import ContentTruncated, Data, Digest, StorageUnavailable

PART_BYTES = 8 * 1024 * 1024
PARTS_AT_ONCE = 2
"""On their way for one upload. It holds one more in memory, which is being collected."""
READ_BYTES = 1024 * 1024
READS_AT_ONCE = 4
"""On their way for one reader, or waiting for it."""
LATE_SECONDS = 60.0
"""What a process handed to the system before it was killed is still sent, and the store takes its time."""
_LISTS_AT_ONCE = 16
_FANOUT = 256
_BEYOND_THE_END = "416 Range Not Satisfiable"


class Objects:
    """Uses names that begin with two hexadecimal digits, below the store's prefix."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self.late_seconds = LATE_SECONDS

    async def create(self, content_no: int, digest: Digest) -> ObjectDraft:
        return ObjectDraft(self._store, content_no, digest)

    async def read(self, content_no: int, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Asks for some stretches ahead. Each is one short request, however slow whoever reads is: a
        request that lasted as long as a slow client takes would run into the store's time limit."""
        pending: deque[asyncio.Future[bytes]] = deque()
        try:
            for part, first, last in _stretches(start, start + length):
                if len(pending) == READS_AT_ONCE:
                    yield await pending.popleft()
                pending.append(asyncio.ensure_future(self._get(content_no, part, first, last)))
            while pending:
                yield await pending.popleft()
        finally:
            await _cancelled(pending)

    parts = read

    async def _get(self, content_no: int, part: int, first: int, last: int) -> bytes:
        try:
            with _told():
                name = _name(content_no, part)
                data = bytes(await obstore.get_range_async(self._store, name, start=first, end=last))
        except _Missing as error:
            raise ContentTruncated(f"part {part} of content {content_no} is not there, or shorter") from error
        if len(data) < last - first:
            raise ContentTruncated(f"part {part} of content {content_no} is too short")
        return data

    async def remove(self, numbers: Collection[int]) -> None:
        listed = await self._list_all(numbers)
        parts = [name for name, _ in listed]
        if parts:
            with _told():
                await obstore.delete_async(self._store, parts)

    async def stored(self) -> set[int]:
        numbers = {_number(name) for name, _ in await self._list(None)}
        return {number for number in numbers if number is not None}

    async def size(self, content_no: int) -> int | None:
        sizes = [size for _, size in await self._list_all([content_no])]
        return sum(sizes) if sizes else None

    async def close(self) -> None:
        """There is nothing to close."""

    async def _list_all(self, numbers: Collection[int]) -> list[tuple[str, int]]:
        """Names and sizes of the parts of these contents."""
        slots = asyncio.Semaphore(_LISTS_AT_ONCE)

        async def parts(number: int) -> list[tuple[str, int]]:
            async with slots:
                listed = await self._list(_prefix(number))
            return [(name, size) for name, size in listed if _number(name) == number]

        found = await asyncio.gather(*(parts(number) for number in numbers))
        return [part for some in found for part in some]

    async def _list(self, prefix: str | None) -> list[tuple[str, int]]:
        """Names and sizes. Stores list whole path segments only, so the prefix is one."""
        found: list[tuple[str, int]] = []
        with _told():
            async for page in obstore.list(self._store, prefix, chunk_size=1000):
                found += [(meta["path"], meta["size"]) for meta in page]
        return found


class ObjectDraft:
    """A content whose parts are sent while the next one is collected."""

    def __init__(self, store: ObjectStore, content_no: int, digest: Digest) -> None:
        self._store = store
        self._content_no = content_no
        self._digest = digest
        self._pieces: list[Data] = []
        self._collected = 0
        self._parts = 0
        self._sending: set[asyncio.Future[None]] = set()

    async def write(self, data: Data) -> None:
        await asyncio.to_thread(self._digest.update, data)
        while data:
            piece = data[: PART_BYTES - self._collected]
            data = data[len(piece) :]
            self._pieces.append(piece)
            self._collected += len(piece)
            if self._collected == PART_BYTES:
                await self._send()

    async def finish(self) -> None:
        if self._collected:
            await self._send()
        while self._sending:
            await self._one_sent()

    async def close(self) -> None:
        """Waits for the parts on their way: one that was abandoned could appear after it was removed."""
        await asyncio.gather(*self._sending, return_exceptions=True)
        self._sending.clear()

    async def _send(self) -> None:
        while len(self._sending) >= PARTS_AT_ONCE:
            await self._one_sent()
        data, self._pieces, self._collected = b"".join(self._pieces), [], 0
        name = _name(self._content_no, self._parts)
        self._parts += 1
        self._sending.add(asyncio.ensure_future(self._put(name, data)))

    async def _put(self, name: str, data: bytes) -> None:
        with _told():
            await obstore.put_async(self._store, name, data, use_multipart=False)

    async def _one_sent(self) -> None:
        done, self._sending = await asyncio.wait(self._sending, return_when=asyncio.FIRST_COMPLETED)
        for sent in done:
            sent.result()


def _prefix(content_no: int) -> str:
    return f"{content_no % _FANOUT:02x}/{content_no:x}"


def _name(content_no: int, part: int) -> str:
    return f"{_prefix(content_no)}/{part:x}"


def _number(name: str) -> int | None:
    """The content that an object belongs to; None for objects that are none of ours."""
    fan, _, rest = name.partition("/")
    digits, _, part = rest.partition("/")
    try:
        number = int(digits, 16)
        return number if name == _name(number, int(part, 16)) and len(fan) == 2 else None
    except ValueError:
        return None


def _stretches(start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The part, and the first byte and the end within it, of reads that are small enough."""
    while start < end:
        part, first = divmod(start, PART_BYTES)
        last = min(first + READ_BYTES, PART_BYTES, first + end - start)
        yield part, first, last
        start += last - first


async def _cancelled(pending: Collection[asyncio.Future[bytes]]) -> None:
    for reading in pending:
        reading.cancel()
    await asyncio.gather(*pending, return_exceptions=True)


class _Missing(StorageUnavailable):
    """An object is not there, or ends before the bytes that were asked for."""


@contextmanager
def _told() -> Iterator[None]:
    """Failures of the library as those of this contract."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise _Missing(_text(error)) from error
    except BaseError as error:
        kind = _Missing if _BEYOND_THE_END in str(error) else StorageUnavailable
        raise kind(_text(error)) from error


def _text(error: Exception) -> str:
    """What happened; the library adds how it represents it, which may be long."""
    return str(error).partition("\n")[0][:500]
