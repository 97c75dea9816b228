"""Opening a path in one call that no link and no `..` leads out of a directory (openat2, Linux 5.6)."""

from __future__ import annotations

import ctypes
import errno
import functools
import os

BENEATH = 0x08
"""RESOLVE_BENEATH: links may only lead to what lies below the directory"""
NO_SYMLINKS = 0x04
"""RESOLVE_NO_SYMLINKS: and none is followed at all"""
NO_MAGICLINKS = 0x02
"""RESOLVE_NO_MAGICLINKS: nor what /proc has instead of links"""
IN_ROOT = 0x10
"""RESOLVE_IN_ROOT: links and `..` lead where they would if the directory were the root of all"""

_NUMBER = 437
_AGAIN = 64


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


_SIZE = ctypes.sizeof(_OpenHow)
_syscall = ctypes.CDLL(None, use_errno=True)["syscall"]  # by index: a function that is this module's own
_syscall.argtypes = (ctypes.c_long, ctypes.c_int, ctypes.c_char_p, ctypes.POINTER(_OpenHow), ctypes.c_size_t)
_syscall.restype = ctypes.c_long


@functools.cache
def _how(flags: int, resolve: int) -> _OpenHow:
    return _OpenHow(flags=flags, mode=0, resolve=resolve)


def openat2(directory: int, path: str, flags: int, resolve: int) -> int:
    """A descriptor of what lies at `path` below `directory`. Raises OSError."""
    how, encoded = _how(flags, resolve), os.fsencode(path)
    for _ in range(_AGAIN):
        descriptor: int = _syscall(_NUMBER, directory, encoded, how, _SIZE)
        if descriptor >= 0:
            return descriptor
        # EAGAIN: something was renamed while the kernel looked; it asks to be called again.
        if ctypes.get_errno() != errno.EAGAIN:
            break
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def read(tree: str, path: str, limit: int) -> bytes:
    """The beginning of a file of a tree, to which links lead as they would if it were the whole. Raises
    OSError."""
    top = os.open(tree, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
        with open(openat2(top, path, flags, IN_ROOT), "rb") as file:
            return file.read(limit)
    finally:
        os.close(top)


@functools.cache
def is_there() -> bool:
    """Whether the kernel knows the call, and lets this process make it."""
    try:
        os.close(openat2(-100, ".", os.O_PATH | os.O_CLOEXEC, NO_MAGICLINKS))  # -100: AT_FDCWD
    except OSError:
        return False
    return True
