"""A short name for a long path: a symbolic link in a directory that is nobody else's.

The name of a unix socket ends after 107 bytes, and programs put sockets where they work. So what tasks are
told of their directories has to be short, wherever those lie.
"""

from __future__ import annotations

import contextlib
import os
import stat

from batchite.nodes.sandbox import inside

_TRIES = 3
"""Others that give a name up remove the directory when it is empty."""


def give(name: str, path: str) -> None:
    """Have `name` stand for what exists at `path`. Raises OSError, also if other users could change that."""
    for left in range(_TRIES - 1, -1, -1):
        try:
            _link(name, path)
        except FileNotFoundError:
            if not left:
                raise
        else:
            return


def is_given(name: str, path: str) -> bool:
    try:
        return os.readlink(name) == path
    except OSError:
        return False


def take(name: str, path: str) -> None:
    """The name stands for nothing any more, unless it stands for something else."""
    if is_given(name, path):
        with contextlib.suppress(OSError):
            os.unlink(name)
            os.rmdir(os.path.dirname(name))


def _link(name: str, path: str) -> None:
    base, link = os.path.split(name)
    with contextlib.suppress(FileExistsError):
        os.mkdir(base, 0o700)
    with inside.opened(inside.top(base)) as directory:
        _check_owner(os.fstat(directory))
        _sweep(directory)
        try:
            os.symlink(path, link, dir_fd=directory)
        except FileExistsError:
            if os.readlink(link, dir_fd=directory) != path:
                raise


def _check_owner(base: os.stat_result) -> None:
    if base.st_uid != os.geteuid() or stat.S_IMODE(base.st_mode) & 0o077:
        raise PermissionError("the directory of short names is not this user's alone")


def _sweep(directory: int) -> None:
    """Remove the names of what is gone: whoever had given them was killed."""
    for link in os.listdir(directory):
        try:
            os.stat(link, dir_fd=directory)
        except FileNotFoundError:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(link, dir_fd=directory)
