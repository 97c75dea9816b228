"""Going down into directories that tasks have filled: no link on the way is followed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence

from batchite.machine import openat2

_O_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_O_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_NO_LINKS = openat2.BENEATH | openat2.NO_SYMLINKS | openat2.NO_MAGICLINKS


def top(path: str) -> int:
    """A descriptor to begin with; the path up to the last part is trusted."""
    return os.open(path, _O_DIRECTORY)


def enter(
    directory: int, names: Sequence[str], *, make: bool = False, made: Callable[[int], None] | None = None
) -> int:
    """A descriptor of what the names lead to from `directory`, which stays open. With `make` what is
    missing on the way is made, and `made` told a descriptor of each. Raises OSError, also where a link is in
    the way."""
    if openat2.is_there():  # one call instead of two for each name
        try:
            return openat2.openat2(directory, "/".join(names) or ".", _O_DIRECTORY, _NO_LINKS)
        except FileNotFoundError:
            if not make:
                raise
    return _walk(directory, names, make, made)


def _walk(directory: int, names: Sequence[str], make: bool, made: Callable[[int], None] | None) -> int:
    here = os.dup(directory)
    for name in names:
        try:
            is_new = make and _make(name, here)
            inner = os.open(name, _O_DIRECTORY, dir_fd=here)
        finally:
            os.close(here)
        here = inner
        if is_new and made is not None:
            try:
                made(here)
            except BaseException:
                os.close(here)
                raise
    return here


def _make(name: str, directory: int) -> bool:
    """Whether it had to be made."""
    try:
        os.mkdir(name, dir_fd=directory)
    except FileExistsError:
        return False
    return True


class opened:  # noqa: N801 - used as a function; a generator would take three times as long
    """A descriptor that is closed at the end."""

    __slots__ = ("_descriptor",)

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def __enter__(self) -> int:
        return self._descriptor

    def __exit__(self, *_: object) -> None:
        os.close(self._descriptor)


def new(name: str, directory: int, mode: int, flags: int = 0) -> int:
    """A descriptor to write a new file with. Raises FileExistsError if anything has that name."""
    return os.open(name, _O_NEW | flags, mode, dir_fd=directory)


def create(name: str, directory: int, mode: int, flags: int = 0) -> int:
    """As `new`, whatever had the name before."""
    with contextlib.suppress(FileExistsError):
        return new(name, directory, mode, flags)
    os.unlink(name, dir_fd=directory)
    return new(name, directory, mode, flags)
