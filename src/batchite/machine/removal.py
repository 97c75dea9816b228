"""Removing directories that programs of strangers have filled.

Such a directory may be deeper than a path is long or a program can recurse, and its parts may be
unreadable. So directories further down are moved to the top before they are emptied, and no more than
three are open at any time. Links are removed and never followed, also not one that is put in the place of
a directory meanwhile.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import stat
from collections.abc import Iterator

_O_LIST = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_O_PATH = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def remove(path: str, *, dir_fd: int | None = None) -> None:
    """Remove the directory with all that is in it. Raises OSError, having removed only some of it."""
    mark = os.urandom(8).hex()
    fresh = (f".{mark}-{number}" for number in itertools.count())
    top = _open(path, dir_fd)
    try:
        waiting = _empty(top, top, fresh)
        while waiting:
            name = waiting.pop()
            directory = _open(name, top)
            try:
                waiting += _empty(directory, top, fresh)
            finally:
                os.close(directory)
            os.rmdir(name, dir_fd=top)
    finally:
        os.close(top)
    os.rmdir(path, dir_fd=dir_fd)


def _empty(directory: int, top: int, fresh: Iterator[str]) -> list[str]:
    """Remove the files; returns the names under which the directories are now in `top`."""
    with os.scandir(directory) as found:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in found]
    directories = []
    for name, is_directory in entries:
        if not is_directory:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=directory)
        elif directory == top:
            directories.append(name)
        else:
            os.close(_open(name, directory))  # only a directory that can be written to can be moved
            directories.append(next(fresh))
            os.rename(name, directories[-1], src_dir_fd=directory, dst_dir_fd=top)
    return directories


def _open(name: str, dir_fd: int | None) -> int:
    """A descriptor to list the directory, which its owner may use from now on."""
    handle = os.open(name, _O_PATH, dir_fd=dir_fd)
    try:
        if os.fstat(handle).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(f"/proc/self/fd/{handle}", stat.S_IRWXU)
        return os.open(".", _O_LIST, dir_fd=handle)
    finally:
        os.close(handle)
