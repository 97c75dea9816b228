"""The machine that figures were taken on, as far as it matters to them."""

from __future__ import annotations

import os
import platform
import sqlite3
import sys
from pathlib import Path


def described() -> str:
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    python = f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    kernel = f"{platform.system()} {platform.release()}"
    return f"{cores} cores of {_processor()}, {memory:.0f} GiB of memory, {kernel}, {python}"


def load() -> str:
    """How busy the machine was with other work just before."""
    return f"{os.getloadavg()[0]:.1f}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine() or sys.platform
