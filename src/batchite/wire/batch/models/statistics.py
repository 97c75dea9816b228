"""Statistics of pools, jobs and tasks."""

from __future__ import annotations

from msgspec import UNSET, field

from batchite.wire.batch.models.fields import Given, Int64, Model
from batchite.wire.ticks import Duration, Timestamp


class BatchPoolUsageStatistics(Model, frozen=True, kw_only=True):
    """Core time used by a pool."""

    start_time: Timestamp
    last_update_time: Timestamp
    dedicated_core_time: Duration


class BatchPoolResourceStatistics(Model, frozen=True, kw_only=True):
    """Resource use of the nodes of a pool."""

    start_time: Timestamp
    last_update_time: Timestamp
    avg_cpu_percentage: float = field(name="avgCPUPercentage")
    avg_memory_gib: float = field(name="avgMemoryGiB")
    peak_memory_gib: float = field(name="peakMemoryGiB")
    avg_disk_gib: float = field(name="avgDiskGiB")
    peak_disk_gib: float = field(name="peakDiskGiB")
    disk_read_iops: Int64 = field(name="diskReadIOps")
    disk_write_iops: Int64 = field(name="diskWriteIOps")
    disk_read_gib: float = field(name="diskReadGiB")
    disk_write_gib: float = field(name="diskWriteGiB")
    network_read_gib: float = field(name="networkReadGiB")
    network_write_gib: float = field(name="networkWriteGiB")


class BatchPoolStatistics(Model, frozen=True, kw_only=True):
    """Statistics of a pool."""

    url: str
    start_time: Timestamp
    last_update_time: Timestamp
    usage_stats: Given[BatchPoolUsageStatistics] = UNSET
    resource_stats: Given[BatchPoolResourceStatistics] = UNSET


class BatchPoolUsageMetrics(Model, frozen=True, kw_only=True):
    """What nodes of a size used in a pool, in an interval of half an hour."""

    pool_id: str
    start_time: Timestamp
    end_time: Timestamp
    vm_size: str
    total_core_hours: float


class CommandStatistics(Model, frozen=True, kw_only=True):
    """What commands took of the nodes they ran on."""

    url: str
    start_time: Timestamp
    last_update_time: Timestamp
    user_cpu_time: Duration = field(name="userCPUTime")
    kernel_cpu_time: Duration = field(name="kernelCPUTime")
    wall_clock_time: Duration
    read_iops: Int64 = field(name="readIOps")
    write_iops: Int64 = field(name="writeIOps")
    read_io_gib: float = field(name="readIOGiB")
    write_io_gib: float = field(name="writeIOGiB")
    wait_time: Duration


class JobStatisticsShape(CommandStatistics, frozen=True, kw_only=True):
    """What is summed over tasks, of a job or of several."""

    num_succeeded_tasks: Int64
    num_failed_tasks: Int64
    num_task_retries: Int64


class BatchJobStatistics(JobStatisticsShape, frozen=True, kw_only=True):
    """Statistics of a job, summed over its tasks."""


class BatchTaskStatistics(CommandStatistics, frozen=True, kw_only=True):
    """Statistics of a task."""
