"""Contents of application packages: a file each, in the data directory, that has its hash for a name::

    packages/{SHA-256 of the content}.zip

A content is whole and on disk before a row refers to it, and is never changed. What no row refers to any more
is removed; what a crash has left behind, at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import os
import re
import secrets
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO, Final

from batchite.machine.syncing import sync_directory

PLACE: Final = "packages"
_END = ".zip"
_STAGED = ".new-"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)


class Staged:
    """A content on its way in; to be closed, by which it is gone unless it was kept."""

    def __init__(self, place: Path) -> None:
        with contextlib.suppress(FileExistsError):
            place.mkdir(mode=0o700)
            sync_directory(place.parent)
        self._path = place / (_STAGED + secrets.token_hex(8))
        self.file: BinaryIO = self._path.open("x+b")
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, piece: bytes | memoryview) -> None:
        self.file.write(piece)
        self._hash.update(piece)
        self.size += len(piece)

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
        self.file.close()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()


class PackageFiles:
    """All of a data directory. `lock` is held by who has a content recorded, from keeping it until the
    commit, and by who removes one, from looking until it is gone: so nothing is removed that is just being
    recorded again. `reading` is held while an archive is looked through, which may keep a thread for minutes:
    many of them would leave none for others."""

    def __init__(self, data_dir: Path) -> None:
        self._place = data_dir / PLACE
        self.lock = asyncio.Lock()
        self.reading = asyncio.Lock()

    def stage(self) -> Staged:
        return Staged(self._place)

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
