"""Services that lack memory, descriptors, threads or disk say so, and go on when there is enough again."""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import psutil
import pytest
from tests import needs
from tests.product.starving.__main__ import CANNOT_MOUNT
from tests.product.starving.scenario import starve

from batchite.testing import RunningService
from batchite.testing.service import running_service

ROOT = Path(__file__).parents[3]
LIMITS: dict[str, tuple[int, Callable[[psutil.Process], int]]] = {
    "memory": (resource.RLIMIT_AS, lambda process: process.memory_info().vms),
    "descriptors": (resource.RLIMIT_NOFILE, lambda process: process.num_fds()),
    "disk": (resource.RLIMIT_FSIZE, lambda _: 4096),
}
if os.geteuid() != 0:  # who has no limit of processes; but threads do not start without memory either
    LIMITS["threads"] = (resource.RLIMIT_NPROC, lambda _: 1)


@contextmanager
def limited(service: RunningService, name: str) -> Iterator[None]:
    """The hard limits stay, so that anybody may take the soft ones back."""
    kind, limit = LIMITS[name]
    numbers = [int((service.data_dir / f"{lock}.lock").read_text()) for lock in ("batch", "blobs")]
    before = {process: process.rlimit(kind) for process in map(psutil.Process, numbers)}
    for process, (_, hard) in before.items():
        process.rlimit(kind, (limit(process), hard))
    try:
        yield
    finally:
        for process, limits in before.items():
            if process.is_running():
                process.rlimit(kind, limits)


@pytest.mark.endurance
def test_what_is_short_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    with running_service(tmp_path) as service:
        asyncio.run(starve(service, [(name, partial(limited, service, name)) for name in LIMITS]))


@pytest.mark.system
def test_a_full_disk_is_said_and_nothing_is_lost(tmp_path: Path) -> None:
    """Who may not mount gets a user namespace."""
    needs.programs("unshare", "mount")
    unshare = ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--user", "--map-root-user"])]
    program = [sys.executable, "-m", "tests.product.starving", str(tmp_path)]
    ended = subprocess.run([*unshare, *program], check=False, cwd=ROOT, capture_output=True, text=True)
    if ended.returncode == CANNOT_MOUNT or "unshare" in ended.stderr.partition("\n")[0]:
        needs.unmet("a small file system cannot be mounted: this needs root or user namespaces")
    assert ended.returncode == 0, ended.stdout + ended.stderr
