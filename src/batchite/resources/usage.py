"""What runs of tasks used, summed up for jobs and shown as statistics.

Sums are of runs that are over, and of those that go on as far as they have come. All times are ticks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Protocol, TypeVar

from batchite.resources.jobs import CountsRow
from batchite.resources.tasks import TaskRow, has_run
from batchite.wire.batch.models.fields import Int64
from batchite.wire.batch.models.statistics import BatchJobStatistics, BatchTaskStatistics, JobStatisticsShape
from batchite.wire.batch.outcome import BLOCK, MOST_SUMMED
from batchite.wire.ticks import Duration, Timestamp

S = TypeVar("S", bound=JobStatisticsShape)

_GIB = 2**30


class SumsRow(CountsRow, Protocol):
    """What tasks of a job that need so many slots each used, beside how many are in which state. Those that
    were deleted are counted still, once they had completed."""

    gone_succeeded: int
    gone_failed: int
    retries: int
    wall_time: int
    wait_time: int
    user_time: int
    kernel_time: int
    blocks_read: int
    blocks_written: int


class RunningRow(Protocol):
    """A task that runs."""

    required_slots: int
    created: int
    started: int


@dataclass(slots=True)
class JobSums:
    """Of one job, or of several."""

    succeeded: int = 0
    failed: int = 0
    retries: int = 0
    wall_time: int = 0
    slot_time: int = 0
    """that they took of slots: their time by the number of slots of each"""
    wait_time: int = 0
    user_time: int = 0
    kernel_time: int = 0
    blocks_read: int = 0
    blocks_written: int = 0

    def add(self, row: SumsRow) -> None:
        """What is counted of a job."""
        self._raise("succeeded", row.succeeded + row.gone_succeeded)
        self._raise("failed", row.failed + row.gone_failed)
        self._raise("slot_time", row.wall_time * row.required_slots)
        for name in ("retries", "wall_time", "wait_time", *_USED):
            self._raise(name, getattr(row, name))

    def add_running(self, task: RunningRow, now: int) -> None:
        """A run that goes on, whose use is told when it is over."""
        ran = max(now - task.started, 0)
        self._raise("wall_time", ran)
        self._raise("slot_time", ran * task.required_slots)
        self._raise("wait_time", max(task.started - task.created, 0))

    def add_sums(self, others: JobSums) -> None:
        for name in SUMS:
            self._raise(name, getattr(others, name))

    def _raise(self, name: str, more: int) -> None:
        setattr(self, name, min(getattr(self, name) + more, MOST_SUMMED))


_USED = ("user_time", "kernel_time", "blocks_read", "blocks_written")
SUMS = tuple(field.name for field in fields(JobSums))


def summed(rows: Iterable[SumsRow]) -> JobSums:
    sums = JobSums()
    for row in rows:
        sums.add(row)
    return sums


def of_jobs(sums: JobSums, url: str, start: int, now: int) -> BatchJobStatistics:
    return summed_up(BatchJobStatistics, sums, url, start, now)


def summed_up(model: type[S], sums: JobSums, url: str, start: int, now: int) -> S:
    """`url`: where these statistics are; they are of the time from `start` to `now`."""
    return model(
        url=url,
        start_time=Timestamp(min(start, now)),
        last_update_time=Timestamp(now),
        user_cpu_time=Duration(sums.user_time),
        kernel_cpu_time=Duration(sums.kernel_time),
        wall_clock_time=Duration(sums.wall_time),
        read_iops=Int64(sums.blocks_read),
        write_iops=Int64(sums.blocks_written),
        read_io_gib=gib(sums.blocks_read),
        write_io_gib=gib(sums.blocks_written),
        wait_time=Duration(sums.wait_time),
        num_succeeded_tasks=Int64(sums.succeeded),
        num_failed_tasks=Int64(sums.failed),
        num_task_retries=Int64(sums.retries),
    )


def of_task(task: TaskRow, url: str, now: int) -> BatchTaskStatistics:
    """All its runs; see `summed_up`."""
    runs_since = task.started if has_run(task) else None
    ran = task.wall_time or 0
    if task.state == "running" and runs_since is not None:
        ran += max(now - runs_since, 0)
    return BatchTaskStatistics(
        url=url,
        start_time=Timestamp(min(task.created, now)),
        last_update_time=Timestamp(now),
        user_cpu_time=Duration(task.user_time or 0),
        kernel_cpu_time=Duration(task.kernel_time or 0),
        wall_clock_time=Duration(ran),
        read_iops=Int64(task.blocks_read or 0),
        write_iops=Int64(task.blocks_written or 0),
        read_io_gib=gib(task.blocks_read or 0),
        write_io_gib=gib(task.blocks_written or 0),
        wait_time=Duration(0 if runs_since is None else max(runs_since - task.created, 0)),
    )


def gib(blocks: int) -> float:
    return blocks * BLOCK / _GIB
