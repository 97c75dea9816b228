"""Files below one directory, read so that no path and no link leads out of it.

The kernel does the checking (openat2 with RESOLVE_BENEATH) where it can: symbolic links that stay below
the root then work. Elsewhere each part of a path is opened by itself and they are refused. Nothing is
ever looked up twice, so nothing can be exchanged between a check and a use.

A file of several names (`hard_links`) is of this tree only if all of them are.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import stat
from collections.abc import Iterator, Mapping, Set

from batchite.link.messages import LAST_MOMENT, FileEntry
from batchite.machine import openat2, removal
from batchite.nodes.sandbox import hard_links
from batchite.nodes.sandbox.hard_links import Identity
from batchite.nodes.sandbox.inside import opened
from batchite.nodes.sandbox.spelling import spelled

_O_PATH = os.O_PATH | os.O_CLOEXEC
_O_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_O_READ = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_REASONS = {
    errno.ENOENT: "not-found",
    errno.ENOTDIR: "not-found",
    errno.ENAMETOOLONG: "not-found",
    errno.EISDIR: "is-directory",
    errno.ENOTEMPTY: "not-empty",
    errno.EEXIST: "not-empty",
    errno.EXDEV: "outside",
    errno.ELOOP: "outside",
}
LONGEST_PATH = 4095
MAX_LISTED = 500_000
"""Entries of a listing; a bound on what a task can make its agent keep."""


class TreeError(Exception):
    """The file cannot be had; `reason` as in `FileFailed`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Tree:
    """What lies below `root`. Paths are relative, separated by `/`, and as the system has them; entries have
    them as they are spelled for others. All methods raise TreeError."""

    def __init__(self, root: str, *, dir_fd: int | None = None, kernel: bool = True) -> None:
        self._root = os.open(root, _O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=dir_fd)
        self._kernel = kernel and openat2.is_there()

    def close(self) -> None:
        os.close(self._root)

    def listing(self, directory: str, *, recursive: bool) -> list[FileEntry]:
        """Regular files and directories below `directory`, sorted by name. What a link stands for is
        listed if it is below the root; directories behind links are not entered."""
        start = "/".join(_parts(directory))
        found: list[FileEntry] = []
        shared: dict[int, tuple[Identity, int]] = {}
        waiting = [""]
        while waiting:
            below = waiting.pop()
            for name, is_directory in self._names(start, below):
                if recursive and is_directory:
                    waiting.append(f"{below}{name}/")
                status = self._status(f"{start}/{below}{name}".lstrip("/"))
                if status is None or (entry := _entry(below + name, status)) is None:
                    continue
                if (names := hard_links.names(status)) > 1:
                    shared[len(found)] = (hard_links.identity(status), names)
                found.append(entry)
            if len(found) > MAX_LISTED:
                raise TreeError("unreadable")
        foreign = self._foreign(dict(shared.values()))
        hidden = {position for position, (file, _) in shared.items() if file in foreign}
        own = (entry for position, entry in enumerate(found) if position not in hidden)
        return sorted(own, key=lambda entry: entry.name)

    def entries(self, directory: str, *, by_link: bool) -> Iterator[tuple[str, bool]]:
        """The names that a directory has, in no order and as they are asked for, and whether each is itself a
        directory. `by_link`: it may have been reached by one that stays below the root."""
        flags = _O_LIST if by_link else _O_LIST | os.O_NOFOLLOW
        with _reasons(), opened(self._open(directory, flags)) as inner, os.scandir(inner) as found:
            for entry in found:
                yield entry.name, entry.is_dir(follow_symlinks=False)

    def status(self, path: str) -> FileEntry:
        with _reasons(), opened(self._open(path, _O_PATH)) as descriptor:
            self._check_names(descriptor)
            entry = _entry(path, os.fstat(descriptor))
        if entry is None:
            raise TreeError("unreadable")
        return entry

    def open(self, path: str) -> int:
        """A descriptor to read the regular file from."""
        with _reasons():
            descriptor = self._open(path, _O_READ)
        try:
            mode = os.fstat(descriptor).st_mode
            if not stat.S_ISREG(mode):
                raise TreeError("is-directory" if stat.S_ISDIR(mode) else "unreadable")
            self._check_names(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def lies_at(self, descriptor: int, path: str) -> bool:
        """Whether an open file lies at this path itself, and was not reached by a link on the way."""
        top, place = (os.readlink(f"/proc/self/fd/{one}") for one in (self._root, descriptor))
        return place == f"{top}/{path}"

    def end(self, path: str, most: int) -> tuple[bytes, bool]:
        """At most so many of a regular file's last bytes, and whether that is all of it; at once, so of a
        file with several names nothing, whose other names would have to be looked for."""
        with _reasons(), opened(self._open(path, _O_READ)) as descriptor:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or hard_links.names(status) > 1:
                raise TreeError("unreadable")
            start = max(status.st_size - most, 0)
            return os.pread(descriptor, most, start), start == 0

    def delete(self, path: str, *, recursive: bool) -> None:
        """Remove a file, a link itself, or a directory; what is in it only if `recursive`."""
        *parents, name = _parts(path) or [""]
        if not name:
            raise TreeError("outside")
        with _reasons(), opened(self._open("/".join(parents), _O_LIST)) as parent:
            if not stat.S_ISDIR(os.lstat(name, dir_fd=parent).st_mode):
                os.unlink(name, dir_fd=parent)
            elif recursive:
                removal.remove(name, dir_fd=parent)
            else:
                os.rmdir(name, dir_fd=parent)

    def _open(self, path: str, flags: int) -> int:
        parts = _parts(path)
        if len(path) > LONGEST_PATH:  # in characters: the kernel counts again, in bytes
            raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
        if self._kernel:
            resolve = openat2.BENEATH | openat2.NO_MAGICLINKS
            return openat2.openat2(self._root, "/".join(parts) or ".", flags, resolve)
        return _walk(self._root, parts, flags)

    def _names(self, directory: str, below: str) -> list[tuple[str, bool]]:
        """What a directory has, and whether it is a directory itself. One further down that vanished, is
        closed to us or has a path too long to be asked for has nothing."""
        path, flags = f"{directory}/{below}".strip("/"), _O_LIST | (os.O_NOFOLLOW if below else 0)
        try:
            with _reasons(), opened(self._open(path, flags)) as inner, os.scandir(inner) as found:
                entries = itertools.islice(found, MAX_LISTED + 1)
                return [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
        except TreeError:
            if below:
                return []
            raise

    def _status(self, path: str) -> os.stat_result | None:
        """None for what vanished meanwhile or leads out of the root."""
        try:
            with opened(self._open(path, _O_PATH)) as descriptor:
                return os.fstat(descriptor)
        except (OSError, TreeError):
            return None

    def _check_names(self, descriptor: int) -> None:
        """Refuse an open file that has a name outside, or may have: one was changed as they were counted."""
        status = os.fstat(descriptor)
        names, file = hard_links.names(status), hard_links.identity(status)
        if names > 1 and self._foreign({file: names}):
            raise TreeError("outside")
        if names > 1 and os.fstat(descriptor).st_ctime_ns != status.st_ctime_ns:
            raise TreeError("unreadable")

    def _foreign(self, files: Mapping[Identity, int]) -> Set[Identity]:
        """Those of the files that have a name outside the root."""
        return hard_links.outside(files, lambda path: self._open(path, _O_LIST | os.O_NOFOLLOW))


def _parts(path: str) -> list[str]:
    """The parts of a relative path; raises TreeError if it could lead out of the root."""
    parts = path.split("/") if path else []
    if any(part in ("", ".", "..") or "\0" in part for part in parts):
        raise TreeError("outside")
    return parts


def _entry(name: str, status: os.stat_result) -> FileEntry | None:
    is_directory = stat.S_ISDIR(status.st_mode)
    if not is_directory and not stat.S_ISREG(status.st_mode):
        return None
    size = 0 if is_directory else status.st_size
    modified = min(max(status.st_mtime_ns // 100, 0), LAST_MOMENT)  # whoever owns a file may set any time
    return FileEntry(spelled(name), is_directory, size, modified, status.st_mode)


@contextlib.contextmanager
def _reasons() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TreeError(_REASONS.get(error.errno or 0, "unreadable")) from None


def _walk(root: int, parts: list[str], flags: int) -> int:
    descriptor = os.open(".", _O_PATH | os.O_DIRECTORY, dir_fd=root)
    for position, part in enumerate(parts, 1):
        kind = flags if position == len(parts) else _O_PATH | os.O_DIRECTORY
        with opened(descriptor):
            if stat.S_ISLNK(os.lstat(part, dir_fd=descriptor).st_mode):
                raise OSError(errno.ELOOP, "a symbolic link")
            descriptor = os.open(part, kind | os.O_NOFOLLOW, dir_fd=descriptor)
    if parts or flags == _O_PATH:
        return descriptor
    with opened(descriptor):
        return os.open(".", flags, dir_fd=descriptor)
