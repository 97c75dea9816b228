"""Temporary data directories, which are removed even if the test run that made them was killed."""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from batchite.configuration.endpoints import LOCK_FILE
from batchite.machine import directory_lock, removal
from batchite.processes import ending

PREFIX = "batchite-test-"
OWNER = "owner.lock"
"""Held by the test run for as long as it uses the directory, so that it ends with it, however that ends."""
NEW_SECONDS = 3600
"""A directory without a lock may be one that is being made."""


@contextlib.contextmanager
def temporary(parent: Path | None = None) -> Iterator[Path]:
    """A data directory in `parent`, or where temporary ones are; removed afterwards, as are those of runs
    that were killed."""
    parent = parent or Path(tempfile.gettempdir())
    sweep(parent)
    place = Path(tempfile.mkdtemp(prefix=PREFIX, dir=parent))
    try:
        with directory_lock.held(place / OWNER):
            yield place / "data"
    finally:
        _remove(place)


def sweep(parent: Path) -> None:
    """Remove the directories of runs that are over, having ended what is left of their nodes."""
    for place in parent.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):  # somebody else's, or being removed by another run
            if _is_abandoned(place):
                nodes = place / "data" / "nodes"
                if nodes.exists():
                    ending.start(str(nodes), at_once=True).wait()
                _remove(place)


def _is_abandoned(place: Path) -> bool:
    """The services end by themselves when the run has ended; until then the directory is theirs."""
    found = place.stat()
    if found.st_uid != os.getuid():
        return False
    if not (place / OWNER).exists():
        return time.time() - found.st_mtime > NEW_SECONDS
    return not directory_lock.is_held(place / OWNER) and not directory_lock.is_held(
        place / "data" / LOCK_FILE
    )


def _remove(place: Path) -> None:
    with contextlib.suppress(OSError):
        removal.remove(str(place))
