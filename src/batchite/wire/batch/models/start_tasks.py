"""The start task of a pool and its run on a node."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.commands import CommandShape
from batchite.wire.batch.models.common import BatchTaskFailureInfo
from batchite.wire.batch.models.containers import BatchTaskContainerExecutionInfo
from batchite.wire.batch.models.enums import BatchStartTaskState, BatchTaskExecutionResult
from batchite.wire.batch.models.fields import Given, Int32, Maybe, Model
from batchite.wire.ticks import Timestamp


class BatchStartTask(CommandShape, frozen=True, kw_only=True):
    """Runs on a node whenever it joins or boots, before or beside its tasks."""

    max_task_retry_count: Maybe[Int32] = UNSET
    wait_for_success: Maybe[bool] = UNSET


class BatchStartTaskInfo(Model, frozen=True, kw_only=True):
    """The latest run of the start task on a node."""

    state: BatchStartTaskState
    start_time: Timestamp
    end_time: Given[Timestamp] = UNSET
    exit_code: Given[Int32] = UNSET
    container_info: Given[BatchTaskContainerExecutionInfo] = UNSET
    failure_info: Given[BatchTaskFailureInfo] = UNSET
    retry_count: Int32
    last_retry_time: Given[Timestamp] = UNSET
    result: Given[BatchTaskExecutionResult] = UNSET
