"""What may still be written to a disk, of which the last bit is for what deletes."""

from __future__ import annotations

import errno
import os
from pathlib import Path

RESERVE_BYTES = 64 * 1024 * 1024
"""That what is sent in leaves, so that deletions can still be recorded."""
_SHARE = 2
"""Of a small disk, one part in so many. The log of a database alone takes 16 MiB before it is used anew."""


def spare_bytes(place: Path) -> int:
    """Beyond the reserve, on the disk where `place` lies; negative if the reserve is touched already."""
    disk = os.statvfs(place)
    reserve = min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // _SHARE)
    return disk.f_bavail * disk.f_frsize - reserve


def full(place: Path) -> OSError:
    """What is raised instead of touching the reserve."""
    return OSError(errno.ENOSPC, "what is left of the disk is for deleting", str(place))
