"""How long this process has been running, its interpreter's own start included."""

from __future__ import annotations

import os
import time
from pathlib import Path

_START_FIELD = 19
"""Of the fields in /proc/self/stat after the command name: clock ticks from boot to the start."""


def seconds() -> float:
    """Seconds since the kernel started this process."""
    after_name = Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2]
    started = int(after_name.split()[_START_FIELD]) / os.sysconf("SC_CLK_TCK")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - started
