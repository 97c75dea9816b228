"""Content files in a local directory; every function here blocks.

A file is named after the number of its content, which is never used again. It is written under a
draft name, synced, renamed, and its directory synced: a file of the final name is complete and
survives a power failure.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

_FANOUT = 256
_DRAFT = ".part"


class ContentTruncated(Exception):  # noqa: N818 - a state of the disk, not a mistake
    """A content file is shorter than its record says."""


class Files:
    """Creates the directory and its subdirectories if they are not there."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)
        for number in range(_FANOUT):
            self._parent(number).mkdir(exist_ok=True)
        sync_directory(directory)
        sync_directory(directory.parent)

    def _parent(self, content_no: int) -> Path:
        return self._directory / f"{content_no % _FANOUT:02x}"

    def path(self, content_no: int) -> Path:
        return self._parent(content_no) / f"{content_no:x}"

    def create(self, content_no: int, *, digest: bool) -> Draft:
        """`digest`: compute the MD5 on the way."""
        return Draft(self.path(content_no), digest=digest)

    def open(self, content_no: int) -> int:
        """A descriptor for reading. Raises OSError."""
        return os.open(self.path(content_no), os.O_RDONLY | os.O_CLOEXEC)

    def remove(self, content_no: int) -> None:
        """Remove the file and its draft; neither needs to exist."""
        path = self.path(content_no)
        for victim in (path, path.with_suffix(_DRAFT)):
            with suppress(FileNotFoundError):
                victim.unlink()

    def numbers(self) -> set[int]:
        """The contents that have a file or a draft."""
        found = (entry.name.removesuffix(_DRAFT) for entry in self._directory.glob("??/*"))
        return {int(name, 16) for name in found}


class Draft:
    """A content file being written."""

    def __init__(self, path: Path, *, digest: bool) -> None:
        self._path = path
        self._draft = path.with_suffix(_DRAFT)
        self._descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._md5 = hashlib.md5(usedforsecurity=False) if digest else None
        self.size = 0

    @property
    def md5(self) -> bytes | None:
        return self._md5.digest() if self._md5 else None

    def write(self, data: bytes) -> None:
        """Raises OSError."""
        if self._md5 is not None:
            self._md5.update(data)
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._descriptor, rest) :]
        self.size += len(data)

    def finish(self) -> None:
        """Put the file into place, on disk. Raises OSError."""
        os.fdatasync(self._descriptor)
        self.close()
        self._draft.rename(self._path)
        sync_directory(self._path.parent)

    def close(self) -> None:
        if self._descriptor >= 0:
            descriptor, self._descriptor = self._descriptor, -1
            os.close(descriptor)


def read(descriptor: int, length: int, offset: int) -> bytes:
    """Exactly `length` bytes. Raises ContentTruncated and OSError."""
    data = os.pread(descriptor, length, offset)
    while len(data) < length:
        more = os.pread(descriptor, length - len(data), offset + len(data))
        if not more:
            raise ContentTruncated
        data += more
    return data


def sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
