"""Text files of a node's system that its first process keeps, as the node's root and within the node.

What the node has put in their places may resist, but neither keeps anybody waiting nor leads elsewhere.
"""

from __future__ import annotations

import contextlib
import os
import stat

_NEW = ".new-by-batchite"


def read(path: str, most: int) -> tuple[str, int]:
    """What it says, and its rights. Raises OSError, also for what is no file or longer than `most` bytes."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, encoding="utf-8", errors="surrogateescape", newline="") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size > most:
            raise OSError(0, "it is no file of ours", path)
        return file.read(most), stat.S_IMODE(status.st_mode)


def replace(path: str, text: str, mode: int) -> None:
    """At once: nobody reads half of it. Raises OSError."""
    new = path + _NEW
    with contextlib.suppress(FileNotFoundError):
        os.unlink(new)
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
        file.write(text)
        os.fchmod(descriptor, mode)
    os.replace(new, path)
