"""What has to be on disk before others are told of it."""

from __future__ import annotations

import ctypes
import functools
import os
from collections.abc import Callable
from pathlib import Path


def sync_directory(path: Path) -> None:
    """The names in it, such as that of a file that was renamed. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(descriptor: int) -> None:
    """All that was written to the file system of an open file: less work than a sync of each of many files.
    Raises OSError."""
    if _syncfs()(descriptor) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))


@functools.cache
def _syncfs() -> Callable[[int], int]:
    function = ctypes.CDLL(None, use_errno=True).syncfs
    function.argtypes, function.restype = [ctypes.c_int], ctypes.c_int
    found: Callable[[int], int] = function
    return found
