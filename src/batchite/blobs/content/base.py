"""What keeps the bytes: the contract, which one suite of tests holds every implementation to.

A content has a number that is never used again and bytes that never change. Only what was finished
may be read; whatever a crash left of the rest, `remove` finds by the number.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from typing import Protocol

from batchite.wire.blob.crc64 import Crc64

Data = bytes | memoryview


class ContentTruncated(Exception):  # noqa: N818 - a state of the storage, not a mistake
    """There are fewer bytes than the record says, or none."""


class StorageUnavailable(Exception):  # noqa: N818 - a state of the storage, not a mistake
    """The storage cannot be reached or refuses; to be tried again later. The text is for the log."""


UNAVAILABLE = "the object store that keeps the content of blobs cannot be used now; try again later"
"""What a client is told of it."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Bytes of an open file."""

    descriptor: int
    start: int
    length: int


class Digest:
    """Checksums of content on its way: CRC64, and MD5 if it is asked for, which costs forty times more."""

    def __init__(self, *, md5: bool) -> None:
        self.size = 0
        self._crc64 = Crc64()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None

    @property
    def is_slow(self) -> bool:
        """MD5 takes longer than writing to a disk."""
        return self._md5 is not None

    def update(self, data: Data) -> None:
        self.size += len(data)
        self._crc64.update(data)
        if self._md5 is not None:
            self._md5.update(data)

    @property
    def crc64(self) -> bytes:
        return self._crc64.digest()

    @property
    def md5(self) -> bytes | None:
        return self._md5.digest() if self._md5 else None


class Draft(Protocol):
    """A content being written. After `finish` returns it is complete and survives a power failure.

    All raise OSError or StorageUnavailable.
    """

    async def write(self, data: Data) -> None:
        """One at a time."""

    async def finish(self) -> None: ...

    async def close(self) -> None:
        """Call it in any case. What was not finished is left for `remove`."""


class Storage(Protocol):
    """All raise OSError or StorageUnavailable."""

    late_seconds: float
    """How long after its writer died something of a content may still appear."""

    async def create(self, content_no: int, digest: Digest) -> Draft:
        """`digest` is given all that is written, in order."""

    def read(self, content_no: int, start: int, length: int) -> AsyncGenerator[bytes, None]:
        """Exactly these bytes and no more, in constant memory. Raises ContentTruncated."""

    def parts(self, content_no: int, start: int, length: int) -> AsyncGenerator[bytes | Stretch, None]:
        """As `read`, but as stretches where they are in files; each is open until the next is asked for."""

    async def remove(self, numbers: Collection[int]) -> None:
        """Remove these contents and what is there of unfinished ones; none needs to exist."""

    async def stored(self) -> set[int]:
        """The contents of which there is something, finished or not."""

    async def size(self, content_no: int) -> int | None:
        """Bytes of a finished content; None if there is none."""

    async def close(self) -> None:
        """Nothing is asked for any more."""
