"""Content in an object store (S3, Google Cloud Storage, Azure), through obstore.

A content is objects of PART_BYTES each, but for the last, named after its number and their own. Plain
objects appear as a whole or not at all and can be listed, so that after a crash what is there of an
upload is found and removed; unfinished multipart uploads would stay, unseen and paid for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Collection, Iterator
from contextlib import contextmanager

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import ObjectStore

from batchite.blobs.content.base import ContentTruncated, Digest, StorageUnavailable

PART_BYTES = 8 * 1024 * 1024
READ_BYTES = 1024 * 1024
PARTS_AT_ONCE = 2
"""On their way for one upload. It holds one more in memory, which is being collected."""
_FANOUT = 256


class Objects:
    """Uses names that begin with two hexadecimal digits, below the store's prefix."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store

    async def create(self, content_no: int, digest: Digest) -> ObjectDraft:
        return ObjectDraft(self._store, content_no, digest)

    async def read(self, content_no: int, start: int, length: int) -> AsyncGenerator[bytes, None]:
        end = start + length
        for part in range(start // PART_BYTES, -(-end // PART_BYTES)):
            base = part * PART_BYTES
            first, last = max(start - base, 0), min(end - base, PART_BYTES)
            left = last - first
            with _told():
                options: obstore.GetOptions = {"range": (first, last)}
                found = await obstore.get_async(self._store, _name(content_no, part), options=options)
                async for chunk in found.stream(min_chunk_size=READ_BYTES):
                    left -= len(chunk)
                    yield bytes(chunk)
            if left:
                raise ContentTruncated(f"part {part} of content {content_no} is too short")

    async def remove(self, numbers: Collection[int]) -> None:
        with _told():
            for number in numbers:
                parts = [name for name, _ in await self._list(_prefix(number)) if _number(name) == number]
                if parts:
                    await obstore.delete_async(self._store, parts)

    async def stored(self) -> set[int]:
        with _told():
            numbers = {_number(name) for name, _ in await self._list(None)}
        return {number for number in numbers if number is not None}

    async def size(self, content_no: int) -> int | None:
        with _told():
            listed = await self._list(_prefix(content_no))
        sizes = [size for name, size in listed if _number(name) == content_no]
        return sum(sizes) if sizes else None

    async def close(self) -> None:
        """There is nothing to close."""

    async def _list(self, prefix: str | None) -> list[tuple[str, int]]:
        """Names and sizes. Stores list whole path segments only, so the prefix is one."""
        found: list[tuple[str, int]] = []
        async for page in obstore.list(self._store, prefix, chunk_size=1000):
            found += [(meta["path"], meta["size"]) for meta in page]
        return found


class ObjectDraft:
    """A content whose parts are sent while the next one is collected."""

    def __init__(self, store: ObjectStore, content_no: int, digest: Digest) -> None:
        self._store = store
        self._content_no = content_no
        self._digest = digest
        self._pieces: list[bytes] = []
        self._collected = 0
        self._parts = 0
        self._sending: set[asyncio.Future[None]] = set()

    async def write(self, data: bytes) -> None:
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
        for sending in self._sending:
            sending.cancel()
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


@contextmanager
def _told() -> Iterator[None]:
    """Failures of the library as those of this contract."""
    try:
        yield
    except (NotFoundError, FileNotFoundError) as error:
        raise ContentTruncated(_text(error)) from error
    except BaseError as error:
        raise StorageUnavailable(_text(error)) from error


def _text(error: Exception) -> str:
    """What happened; the library adds how it represents it, which may be long."""
    return str(error).partition("\n")[0][:500]
