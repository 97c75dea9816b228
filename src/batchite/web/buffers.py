"""Buffers for long bodies.

They are of the system's own memory, which has it back at the end: a heap with holes of their size stays as
large as it ever was. Getting such memory costs about as much as filling it, so some is kept.
"""

from __future__ import annotations

from mmap import MAP_ANONYMOUS, MAP_PRIVATE, mmap

BUFFER_BYTES = 1024 * 1024
MOST_BUFFERS = 4
"""Used again and again for one body, as long as its reader holds on to fewer."""
KEPT_BUFFERS = 16
"""By all that are served; for the bodies to come."""

_kept: list[mmap] = []


def keep_heap() -> None:
    """For what is read otherwise: once a block of this size was freed, glibc has smaller ones in its heap.

    Until then it gets each from the system, and gives it back.
    """
    bytearray(2 * BUFFER_BYTES)


class Buffers:
    """Those of one body. Nobody says when a buffer is not needed any more: no view refers to it then."""

    def __init__(self) -> None:
        self._own: list[mmap] = []

    def take(self) -> mmap:
        """One to which no view refers. It is the caller's as long as there are views."""
        for buffer in self._own:
            if _is_free(buffer):
                return buffer
        buffer = _take_kept() or mmap(-1, BUFFER_BYTES, MAP_PRIVATE | MAP_ANONYMOUS)
        if len(self._own) < MOST_BUFFERS:
            self._own.append(buffer)
        return buffer

    def leave(self) -> None:
        """The body is over, though its reader may still hold on to some."""
        _kept.extend(self._own[: KEPT_BUFFERS - len(_kept)])
        self._own.clear()


def _take_kept() -> mmap | None:
    for number, buffer in enumerate(_kept):
        if _is_free(buffer):
            return _kept.pop(number)
    return None


def _is_free(buffer: mmap) -> bool:
    try:
        buffer.resize(BUFFER_BYTES)  # refused as long as there are views
    except BufferError:
        return False
    return True
