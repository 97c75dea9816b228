"""Having the system begin to write a file to disk, so that a sync at its end has little left to wait for."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

_BEGIN_WRITING = 2
"""SYNC_FILE_RANGE_WRITE of sync_file_range(2)"""


def begin(descriptor: int, start: int, length: int) -> None:
    """For these bytes of the file. Only a wish: whether they are on disk a sync alone tells."""
    _function()(descriptor, start, length, _BEGIN_WRITING)


@cache
def _function() -> Callable[[int, int, int, int], int]:
    function = getattr(ctypes.CDLL(None), "sync_file_range", None)
    if function is None:
        return lambda descriptor, start, length, what: 0
    function.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
    made: Callable[[int, int, int, int], int] = function
    return made
