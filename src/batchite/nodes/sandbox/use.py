"""What a node uses, looked at when somebody asks."""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Collection, Sequence
from typing import NamedTuple

from batchite.machine import counters, proc
from batchite.nodes.sandbox import hard_links, inside
from batchite.nodes.sandbox.hard_links import Identity
from batchite.wire.batch.counters import Counters

MOST_COUNTED = 100_000
"""Files and directories; how much disk a node of more takes is not told, since nobody is to wait for it."""
_BLOCK = 512


class Use(NamedTuple):
    """None: it cannot be told here."""

    processes: int | None
    memory: int | None
    """bytes that they have in memory; those that several share count for each"""
    processor_seconds: float | None
    """since the node booted"""
    disk: int | None
    """bytes"""
    counters: Counters | None = None


def measure(node: str, firsts: Sequence[int]) -> Use:
    """`node`: its directory. `firsts`: those from which all processes of the node descend. Raises OSError."""
    disk = taken(node)
    pids = proc.with_descendants(firsts)
    counted = _counters(node, pids)
    if pids is None:
        return Use(None, None, None, disk, counted)
    used = [one for pid in pids if (one := proc.used(pid)) is not None]
    seconds = round(sum(one.seconds for one in used), 3)  # sums of hundredths must not differ by a hair
    return Use(len(used), sum(one.memory for one in used), seconds, disk, counted)


def _counters(node: str, pids: Collection[int] | None) -> Counters:
    """Bytes of disks are those of the node's processes, as far as they can be seen."""
    moved = [one for pid in pids or () if (one := proc.transferred(pid)) is not None]
    operations, network = counters.disk_operations(node), counters.network_bytes()
    return Counters(
        bytes_read=sum(read for read, _ in moved) if moved else None,
        bytes_written=sum(written for _, written in moved) if moved else None,
        reads=None if operations is None else operations.reads,
        writes=None if operations is None else operations.writes,
        received=None if network is None else network.received,
        sent=None if network is None else network.sent,
    )


def taken(directory: str, most: int = MOST_COUNTED) -> int | None:
    """Bytes of disk that a directory takes with all that is in it; None if that is more than so many files,
    or some are closed to us or lie too deep. No link is followed, and no other file system entered."""
    try:
        with inside.opened(inside.top(directory)) as top:
            return _taken(top, most)
    except OSError:
        return None


def _taken(top: int, most: int) -> int | None:
    total = counted = 0
    several: set[Identity] = set()
    """those with other names that are counted already"""
    device = os.fstat(top).st_dev
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        names = waiting.pop()
        entries = _entries(top, names, most)
        counted += len(entries)
        if counted > most:
            return None
        for name, status in entries:
            file = hard_links.identity(status)
            if status.st_dev != device or file in several:
                continue
            if hard_links.names(status) > 1:
                several.add(file)
            total += status.st_blocks * _BLOCK
            if stat.S_ISDIR(status.st_mode):
                waiting.append((*names, name))
    return total


def _entries(top: int, names: Sequence[str], most: int) -> list[tuple[str, os.stat_result]]:
    """What a directory has; one that is gone, or something else by now, has nothing. Raises OSError."""
    try:
        with inside.opened(inside.enter(top, names)) as directory, os.scandir(directory) as found:
            entries = itertools.islice(found, most + 1)
            return [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    except (FileNotFoundError, NotADirectoryError):
        return []
