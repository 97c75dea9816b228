"""System calls that Python has no functions for. Each raises OSError, with its own name and its object."""

from __future__ import annotations

import ctypes
import os
import struct

NEW_MOUNTS = 0x00020000
NEW_CGROUPS = 0x02000000
NEW_NAMES = 0x04000000
NEW_IPC = 0x08000000
NEW_USERS = 0x10000000
NEW_PIDS = 0x20000000

READ_ONLY = 1
NO_SETUID = 2
NO_DEVICES = 4
NO_PROGRAMS = 8
PRIVATE = 1 << 18
RECURSIVE = 1 << 14
"""the last two for `mount`, and only together"""

ID_MAPPED = 0x00100000
"""for `set_mount`, whose other attributes have the numbers of `mount`"""

_AT_FDCWD = -100
_AT_EMPTY_PATH = 0x1000
_AT_RECURSIVE = 0x8000
_OPEN_TREE_CLONE = 1
_MOVE_MOUNT_FROM_DESCRIPTOR = 4
_DETACH = 2
_SUBREAPER = 36
_DUMPABLE = 4
_OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 428, 429, 442  # the same on all kinds of processors
_ATTRIBUTES = struct.Struct("QQQQ")

_libc = ctypes.CDLL(None, use_errno=True)


def unshare(flags: int) -> None:
    """This process has namespaces of its own from now on."""
    _checked(_libc.unshare(ctypes.c_int(flags)), f"unshare {flags:#x}")


def enter_users(namespace: int) -> None:
    """Enter the user namespace of a descriptor."""
    _checked(_libc.setns(ctypes.c_int(namespace), ctypes.c_int(NEW_USERS)), "setns")


def mount(source: str, place: str, kind: str, flags: int = 0, options: str = "") -> None:
    words = (os.fsencode(source), os.fsencode(place), kind.encode(), ctypes.c_ulong(flags), options.encode())
    _checked(_libc.mount(*words), f"mount {kind} {place}")


def make_private() -> None:
    """No mount of this namespace is seen outside of it, and none that is made outside in it."""
    flags = ctypes.c_ulong(PRIVATE | RECURSIVE)
    _checked(_libc.mount(None, b"/", None, flags, None), "mount private /")


def open_tree(path: str, *, recursive: bool = False) -> int:
    """A descriptor of a mount of its own, nowhere yet, of what lies at the path."""
    flags = _OPEN_TREE_CLONE | os.O_CLOEXEC | (_AT_RECURSIVE if recursive else 0)
    words = (ctypes.c_int(_AT_FDCWD), os.fsencode(path), ctypes.c_uint(flags))
    return _checked(_libc.syscall(ctypes.c_long(_OPEN_TREE), *words), f"open_tree {path}")


def set_mount(tree: int, attributes: int, *, users: int = 0, recursive: bool = False) -> None:
    """Give a mount attributes; with `ID_MAPPED` owners are seen as in the user namespace `users`."""
    content = _ATTRIBUTES.pack(attributes, 0, 0, users)
    flags = ctypes.c_uint(_AT_EMPTY_PATH | (_AT_RECURSIVE if recursive else 0))
    size = ctypes.c_size_t(_ATTRIBUTES.size)
    words = (ctypes.c_int(tree), b"", flags, content, size)
    _checked(_libc.syscall(ctypes.c_long(_MOUNT_SETATTR), *words), f"mount_setattr {attributes:#x}")


def move_mount(tree: int, place: str) -> None:
    """Put a mount there."""
    flags = ctypes.c_uint(_MOVE_MOUNT_FROM_DESCRIPTOR)
    words = (ctypes.c_int(tree), b"", ctypes.c_int(_AT_FDCWD), os.fsencode(place), flags)
    _checked(_libc.syscall(ctypes.c_long(_MOVE_MOUNT), *words), f"move_mount {place}")


def make_root() -> None:
    """The working directory, which is a mount, becomes this namespace's root, and the old one goes away."""
    _checked(_libc.pivot_root(b".", b"."), "pivot_root")
    _checked(_libc.umount2(b".", ctypes.c_int(_DETACH)), "umount2 of the old root")


def set_name(name: str) -> None:
    """The host name in this namespace."""
    encoded = name.encode()
    _checked(_libc.sethostname(encoded, ctypes.c_size_t(len(encoded))), f"sethostname {name}")


def become_subreaper() -> None:
    """Descendants whose parents end become this process's children."""
    words = (ctypes.c_int(_SUBREAPER), *(ctypes.c_ulong(value) for value in (1, 0, 0, 0)))
    _checked(_libc.prctl(*words), "prctl subreaper")


def become_opaque() -> None:
    """No other process of this one's user may trace it, or read its memory, environment or descriptors."""
    words = (ctypes.c_int(_DUMPABLE), *(ctypes.c_ulong(0) for _ in range(4)))
    _checked(_libc.prctl(*words), "prctl dumpable")


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return result
