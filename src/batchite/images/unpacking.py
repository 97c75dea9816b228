"""Root file systems from tar archives, which may be anybody's.

Nothing leaves the tree: names are taken apart, and no link that the archive has planted is followed on the
way to the next of its files. Owners and modes are kept as numbers, because they are those of users in there.
Devices, pipes and sockets are left out; a node has its own.
"""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from batchite.images.errors import ImageError
from batchite.images.roots import Filled
from batchite.machine import openat2

MOST_ID = 65_535
"""the last user or group that there is in a node"""
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WITHIN = openat2.BENEATH | openat2.NO_SYMLINKS
_CHUNK = 1 << 20


def unpack(archive: IO[bytes], tree: Path) -> Filled:
    """Of any compression that Python knows. Raises ImageError, and OSError where the disk is at fault."""
    files = size = 0
    top = os.open(tree, _DIRECTORY)
    try:
        with tarfile.open(fileobj=archive, mode="r|*") as members:
            for member in members:
                _check(member)
                _Place(top, member).put(members)
                files, size = files + 1, size + (member.size if member.isreg() else 0)
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError, ValueError, OverflowError) as error:
        raise ImageError(
            f"the archive cannot be read: {error}; give a tar file, also a compressed one"
        ) from None
    finally:
        os.close(top)
    return Filled(files, size)


def _check(member: tarfile.TarInfo) -> None:
    for name in (member.name, *([member.linkname] if member.islnk() else [])):
        if name.startswith("/") or ".." in name.split("/") or "\0" in name:
            raise _refusal(member, f"the name {name!r} leads out of it")
    if not (0 <= member.uid <= MOST_ID and 0 <= member.gid <= MOST_ID):
        owner = f"it belongs to {member.uid}:{member.gid}, and a node has users 0 to {MOST_ID} only"
        raise _refusal(member, owner)


def _refusal(member: tarfile.TarInfo, why: str) -> ImageError:
    return ImageError(
        f"the archive is refused at {member.name!r}: {why}; make it of a whole root file system, such as "
        "with docker export, or as root with: tar --numeric-owner -C DIRECTORY -c ."
    )


class _Place:
    """Where a member of the archive goes."""

    def __init__(self, top: int, member: tarfile.TarInfo) -> None:
        self._top = top
        self._member = member
        self._names = _names(member.name)

    def put(self, archive: tarfile.TarFile) -> None:
        member = self._member
        if member.isdev() or not (member.isreg() or member.isdir() or member.issym() or member.islnk()):
            return
        if not self._names:
            os.chmod(self._top, member.mode & 0o7777)
            return
        with self._opened(self._names[:-1], make=True) as directory:
            if member.isdir():
                self._make_directory(directory)
                return
            self._make_room(directory)
            if member.issym():
                os.symlink(member.linkname, self._names[-1], dir_fd=directory)
                os.chown(self._names[-1], member.uid, member.gid, dir_fd=directory, follow_symlinks=False)
            elif member.islnk():
                self._link(directory)
            else:
                self._write(directory, archive)

    @contextmanager
    def _opened(self, names: list[str], *, make: bool) -> Iterator[int]:
        """A directory of the tree; one that is missing belongs to root."""
        descriptor = os.dup(self._top)
        try:
            for name in names:
                if make:
                    _make(name, descriptor)
                below = self._enter(name, descriptor)
                os.close(descriptor)
                descriptor = below
            yield descriptor
        finally:
            os.close(descriptor)

    def _enter(self, name: str, directory: int) -> int:
        try:
            return openat2.openat2(directory, name, _DIRECTORY, _WITHIN)
        except OSError as error:
            why = f"{name!r} on the way to it is no directory ({error.strerror})"
            raise _refusal(self._member, why) from None

    def _make_room(self, directory: int) -> None:
        """A later member of the same name counts."""
        try:
            os.unlink(self._names[-1], dir_fd=directory)
        except FileNotFoundError:
            return
        except (IsADirectoryError, PermissionError):
            raise _refusal(self._member, "there is a directory of that name already") from None

    def _make_directory(self, directory: int) -> None:
        _make(self._names[-1], directory)
        below = self._enter(self._names[-1], directory)
        try:
            os.fchown(below, self._member.uid, self._member.gid)
            os.fchmod(below, self._member.mode & 0o7777)
        finally:
            os.close(below)

    def _link(self, directory: int) -> None:
        names = _names(self._member.linkname)
        with self._opened(names[:-1], make=False) as source:
            try:
                os.link(
                    names[-1],
                    self._names[-1],
                    src_dir_fd=source,
                    dst_dir_fd=directory,
                    follow_symlinks=False,
                )
            except (OSError, IndexError):
                raise _refusal(self._member, f"it is another name of {self._member.linkname!r}") from None

    def _write(self, directory: int, archive: tarfile.TarFile) -> None:
        content = archive.extractfile(self._member)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self._names[-1], flags, 0o600, dir_fd=directory), "wb") as file:
            while content is not None and (part := content.read(_CHUNK)):
                file.write(part)
            file.flush()
            # In this order: a change of owner takes setuid away.
            os.fchown(file.fileno(), self._member.uid, self._member.gid)
            os.fchmod(file.fileno(), self._member.mode & 0o7777)
            os.utime(file.fileno(), (self._member.mtime, self._member.mtime))


def _names(name: str) -> list[str]:
    return [part for part in name.split("/") if part not in ("", ".")]


def _make(name: str, directory: int) -> None:
    try:
        os.mkdir(name, 0o755, dir_fd=directory)
    except FileExistsError:
        return
