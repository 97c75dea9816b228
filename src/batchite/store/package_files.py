"""Contents of application packages: a file each, in the data directory, that has its hash for a name::

    packages/{SHA-256 of the content}.zip

A content is whole and on disk before a row refers to it, and is never changed. What no row refers to any more
is removed; what a crash has left behind, at the next start.

What is on its way in lies there, too, and as long as its client likes: so all of that together has a bound,
and leaves something of the disk (`machine.free_space`).
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
import threading
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, Final

from batchite.machine import free_space
from batchite.machine.syncing import sync_directory

PLACE: Final = "packages"
LARGEST: int = 16 << 30
"""Bytes of a package as it is sent."""
MOST_UNDER_WAY: int = 2 * LARGEST
"""Bytes of all contents that are on their way in."""
_END = ".zip"
_STAGED = ".new-"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class UnderWayError(Exception):
    """What is on its way in takes as much as it may; later there is room again."""


class _Room:
    """For what is on its way in: what it has, not what was announced, so that who announces much and sends
    nothing keeps nobody out. Used by many threads."""

    def __init__(self, place: Path) -> None:
        self._place = place
        self._lock = threading.Lock()
        self._taken = 0

    def check(self, size: int) -> None:
        """Raises UnderWayError, and OSError ENOSPC, if there is not as much at present."""
        if self._taken + size > MOST_UNDER_WAY:
            raise UnderWayError
        if free_space.spare_bytes(self._place) < size:
            raise free_space.full(self._place)

    def take(self, size: int) -> None:
        """Raises as `check`."""
        with self._lock:
            self.check(size)
            self._taken += size

    def give_back(self, size: int) -> None:
        with self._lock:
            self._taken -= size


class Staged:
    """A content on its way in; to be closed, by which it is gone unless it was kept."""

    def __init__(self, place: Path, room: _Room) -> None:
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=0o700)
            sync_directory(place.parent)
        self._path = place / (_STAGED + secrets.token_hex(8))
        self.file: BinaryIO = self._path.open("x+b")
        self._hash = hashlib.sha256()
        self._room = room
        self.size = 0

    def write(self, piece: bytes | memoryview) -> None:
        """Raises UnderWayError and OSError."""
        self._room.take(len(piece))
        self.size += len(piece)
        self.file.write(piece)
        self._hash.update(piece)

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal."""
        return self._hash.hexdigest()

    def sync(self) -> None:
        """Have what was written on disk."""
        self.file.flush()
        os.fsync(self.file.fileno())

    def keep(self) -> None:
        """Under its digest from now on, whatever is killed; `sync` goes before."""
        os.replace(self._path, self._path.with_name(self.digest + _END))
        sync_directory(self._path.parent)

    def close(self) -> None:
        with contextlib.suppress(OSError):  # a full disk has no room for what was not written yet
            self.file.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        self._room.give_back(self.size)


class PackageFiles:
    """All of a data directory. `lock` is held by who has a content recorded, from keeping it until the
    commit, and by who removes one, from looking until it is gone: so nothing is removed that is just being
    recorded again. `reading` is held while an archive is looked through, which may keep a thread for minutes:
    many of them would leave none for others."""

    def __init__(self, data_dir: Path) -> None:
        self._place = data_dir / PLACE
        self._room = _Room(data_dir)
        self.lock = asyncio.Lock()
        self.reading = asyncio.Lock()

    def check_room(self, size: int) -> None:
        """Before a content is sent that will have so many bytes. Raises UnderWayError and OSError ENOSPC."""
        self._room.check(size)

    def stage(self) -> Staged:
        return Staged(self._place, self._room)

    def path(self, digest: str) -> Path:
        """Where the content is, if it is there. Raises ValueError for what is no digest."""
        if _DIGEST.fullmatch(digest) is None:
            raise ValueError("a digest has 64 hexadecimal digits")
        return self._place / (digest + _END)

    def remove(self, digest: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            self.path(digest).unlink()

    def tidy(self, known: Collection[str]) -> None:
        """Remove everything but the contents with these digests; nothing may be on its way in."""
        kept = {digest + _END for digest in known}
        with contextlib.suppress(FileNotFoundError):
            for name in os.listdir(self._place):
                if name not in kept:
                    (self._place / name).unlink()
