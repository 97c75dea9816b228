"""What pools used: the time of their nodes' cores, and what tasks took of these. All times are ticks.

A node counts from when it is there to run something, until it is no more: not while it waits to be created.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import NamedTuple, Protocol

from batchite.resources.usage import gib
from batchite.wire.batch.models.fields import Int64
from batchite.wire.batch.models.statistics import (
    BatchPoolResourceStatistics,
    BatchPoolStatistics,
    BatchPoolUsageStatistics,
)
from batchite.wire.batch.outcome import MOST_SUMMED
from batchite.wire.ticks import TICKS_PER_SECOND, Duration, Timestamp

INTERVAL = 1800 * TICKS_PER_SECOND
"""of usage metrics: every half hour of the clock is one, and has the number of those before it since 1970"""
HOUR = 3600 * TICKS_PER_SECOND


class NodeRow(Protocol):
    """A node that is there; `began` is None while it does not count."""

    dedicated: bool
    cpu_time: int
    blocks_read: int
    blocks_written: int
    peak_memory: int
    cores: int | None
    began: int | None


@dataclass(slots=True)
class PoolSums:
    """Of one pool, or of several."""

    dedicated_time: int = 0
    """of cores of dedicated nodes"""
    low_priority_time: int = 0
    cpu_time: int = 0
    """of processors, that tasks took"""
    blocks_read: int = 0
    blocks_written: int = 0
    peak_memory: int = 0
    """bytes of the largest process of a task"""

    def add_node(self, node: NodeRow, now: int) -> None:
        if node.began is not None:
            kind = "dedicated_time" if node.dedicated else "low_priority_time"
            self._raise(kind, (node.cores or 0) * max(now - node.began, 0))
        for name in ("cpu_time", "blocks_read", "blocks_written"):
            self._raise(name, getattr(node, name))
        self.peak_memory = max(self.peak_memory, node.peak_memory)

    def add_sums(self, others: PoolSums) -> None:
        for name in ADDED:
            self._raise(name, getattr(others, name))
        self.peak_memory = max(self.peak_memory, others.peak_memory)

    def _raise(self, name: str, more: int) -> None:
        setattr(self, name, min(getattr(self, name) + more, MOST_SUMMED))


SUMS = tuple(field.name for field in fields(PoolSums))
ADDED = tuple(name for name in SUMS if name != "peak_memory")
"""Sums; the peak is the largest of several."""


def of_pools(sums: PoolSums, url: str, start: int, now: int) -> BatchPoolStatistics:
    """`url`: where these statistics are; they are of the time from `start` to `now`. What nobody measures is
    0: the protocol knows no figure that is not there."""
    span = {"start_time": Timestamp(min(start, now)), "last_update_time": Timestamp(now)}
    core_time = sums.dedicated_time + sums.low_priority_time
    return BatchPoolStatistics(
        url=url,
        **span,
        usage_stats=BatchPoolUsageStatistics(**span, dedicated_core_time=Duration(sums.dedicated_time)),
        resource_stats=BatchPoolResourceStatistics(
            **span,
            avg_cpu_percentage=100 * sums.cpu_time / core_time if core_time else 0.0,
            avg_memory_gib=0.0,
            peak_memory_gib=sums.peak_memory / 2**30,
            avg_disk_gib=0.0,
            peak_disk_gib=0.0,
            disk_read_iops=Int64(sums.blocks_read),
            disk_write_iops=Int64(sums.blocks_written),
            disk_read_gib=gib(sums.blocks_read),
            disk_write_gib=gib(sums.blocks_written),
            network_read_gib=0.0,
            network_write_gib=0.0,
        ),
    )


class Span(NamedTuple):
    """A time in which a node counted; it goes on if it has no end."""

    pool_key: str
    pool_id: str
    vm_size: str
    dedicated: bool
    cores: int
    began: int
    ended: int | None

    def within(self, start: int, end: int) -> int:
        """Ticks of it."""
        ended = end if self.ended is None else min(self.ended, end)
        return max(ended - max(self.began, start), 0)


class Metered(NamedTuple):
    """What nodes of a size used in a pool between two moments."""

    pool_id: str
    vm_size: str
    start: int
    end: int
    dedicated_time: int
    low_priority_time: int

    @property
    def core_hours(self) -> float:
        return (self.dedicated_time + self.low_priority_time) / HOUR


def metered(spans: Iterable[Span], start: int, end: int) -> list[Metered]:
    """Of each pool and size that had a node then, in the order of their names. A pool that was added again
    under its id is the same."""
    used: defaultdict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    names: dict[tuple[str, str], str] = {}
    for span in spans:
        if ticks := span.within(start, end):
            key = span.pool_key, span.vm_size
            used[key][0 if span.dedicated else 1] += ticks * span.cores
            names[key] = span.pool_id
    return [Metered(names[key], key[1], start, end, *used[key]) for key in sorted(used)]


def intervals(spans: Iterable[Span], first: int, last: int) -> Iterator[tuple[int, list[Metered]]]:
    """What was used in each of the intervals from the number `first` to before `last`, in their order; those
    without use are left out."""
    within: defaultdict[int, list[Span]] = defaultdict(list)
    for span in spans:
        ended = last * INTERVAL if span.ended is None else span.ended
        for number in range(max(span.began // INTERVAL, first), min(-(-ended // INTERVAL), last)):
            within[number].append(span)
    for number in sorted(within):
        if found := metered(within[number], number * INTERVAL, (number + 1) * INTERVAL):
            yield number, found
