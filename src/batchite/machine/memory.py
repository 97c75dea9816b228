"""What this machine has."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_CONTAINER_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory_bytes() -> int:
    """Of the machine, or what the container that this process is in may take of it."""
    sizes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for limit in _CONTAINER_LIMITS:
        with contextlib.suppress(OSError, ValueError):  # no such limit, or `max`
            sizes.append(int(limit.read_text()))
    return min(sizes)
