"""Compute nodes."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.models.common import NameValuePair
from batchite.wire.batch.models.enums import (
    BatchNodeDeallocateOption,
    BatchNodeDisableSchedulingOption,
    BatchNodeRebootKind,
    BatchNodeReimageOption,
    BatchNodeState,
    BatchTaskState,
    SchedulingState,
)
from batchite.wire.batch.models.fields import Given, Int32, Maybe, Model
from batchite.wire.batch.models.images import VirtualMachineInfo
from batchite.wire.batch.models.networks import BatchNodeEndpointConfiguration
from batchite.wire.batch.models.start_tasks import BatchStartTask, BatchStartTaskInfo
from batchite.wire.batch.models.tasks import BatchTaskExecutionInfo
from batchite.wire.ticks import Timestamp


class BatchTaskInfo(Model, frozen=True, kw_only=True):
    """A task that ran on a node lately."""

    task_url: Given[str] = UNSET
    job_id: Given[str] = UNSET
    task_id: Given[str] = UNSET
    subtask_id: Given[Int32] = UNSET
    task_state: BatchTaskState
    execution_info: Given[BatchTaskExecutionInfo] = UNSET


class BatchNodeError(Model, frozen=True, kw_only=True):
    """Something that is wrong with a node."""

    code: Given[str] = UNSET
    message: Given[str] = UNSET
    error_details: Given[tuple[NameValuePair, ...]] = UNSET


class BatchNodeAgentInfo(Model, frozen=True, kw_only=True):
    """The agent on a node."""

    version: str
    last_update_time: Timestamp


class BatchNode(Model, frozen=True, kw_only=True):
    """A compute node; times and agent are absent until it has started once."""

    id: str
    url: str
    state: BatchNodeState
    scheduling_state: Given[SchedulingState] = UNSET
    state_transition_time: Timestamp
    last_boot_time: Given[Timestamp] = UNSET
    allocation_time: Timestamp
    ip_address: str
    ipv6_address: Given[str] = UNSET
    affinity_id: str
    vm_size: str
    total_tasks_run: Int32
    running_tasks_count: Given[Int32] = UNSET
    running_task_slots_count: Given[Int32] = UNSET
    total_tasks_succeeded: Given[Int32] = UNSET
    recent_tasks: Given[tuple[BatchTaskInfo, ...]] = UNSET
    start_task: Given[BatchStartTask] = UNSET
    start_task_info: Given[BatchStartTaskInfo] = UNSET
    errors: Given[tuple[BatchNodeError, ...]] = UNSET
    is_dedicated: Given[bool] = UNSET
    endpoint_configuration: Given[BatchNodeEndpointConfiguration] = UNSET
    node_agent_info: Given[BatchNodeAgentInfo] = UNSET
    virtual_machine_info: Given[VirtualMachineInfo] = UNSET


class BatchNodeRebootOptions(Model, frozen=True, kw_only=True):
    """What becomes of the tasks of a node that is rebooted."""

    node_reboot_option: Maybe[BatchNodeRebootKind] = UNSET


class BatchNodeReimageOptions(Model, frozen=True, kw_only=True):
    """What becomes of the tasks of a node that is reimaged."""

    node_reimage_option: Maybe[BatchNodeReimageOption] = UNSET


class BatchNodeDeallocateOptions(Model, frozen=True, kw_only=True):
    """What becomes of the tasks of a node that is deallocated."""

    node_deallocate_option: Maybe[BatchNodeDeallocateOption] = UNSET


class BatchNodeDisableSchedulingOptions(Model, frozen=True, kw_only=True):
    """What becomes of the tasks of a node that is to take no more."""

    node_disable_scheduling_option: Maybe[BatchNodeDisableSchedulingOption] = UNSET
