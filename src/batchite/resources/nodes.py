"""Compute nodes, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from msgspec import UNSET

from batchite.resources import inbound, states
from batchite.resources.inbound import Reserved
from batchite.resources.rules import of_stored_start_task
from batchite.resources.showing import Address, affinity_id, decoded, given, moment
from batchite.resources.tasks import Course, execution
from batchite.wire.batch import codec
from batchite.wire.batch.models.counts import BatchNodeCounts, BatchPoolNodeCounts
from batchite.wire.batch.models.enums import BatchNodeState, SchedulingState
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.images import VirtualMachineInfo
from batchite.wire.batch.models.nodes import BatchNode, BatchNodeAgentInfo, BatchNodeError, BatchTaskInfo
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.start_tasks import BatchStartTask, BatchStartTaskInfo
from batchite.wire.ticks import Timestamp

OF_THIS_MACHINE = "127.0.0.1", "::1"
"""The addresses of a node that speaks to the service by one of them."""


OF_BOOT = (
    "boot_begun",
    "boot_heard",
    "boot_ready",
    "start_task_info",
    "start_task_state",
    "start_task_result",
    "start_task_exit_code",
    "start_task_start",
    "start_task_end",
)
"""Columns of what came of a node's last boot, which are empty when it is to boot again."""


class NodeRow(Protocol):
    """A stored node, with what it has of its pool."""

    node_no: int
    id: str
    dedicated: bool
    state: str
    state_time: int
    allocated: int
    booted: int | None
    ip_address: str
    agent_version: str | None
    tier: str | None
    """how far it is apart from its machine, if its agent has said so"""
    image: str | None
    start_task: bytes | None
    start_task_info: bytes | None
    start_task_state: str | None
    tasks_run: int
    tasks_succeeded: int
    errors: bytes | None
    disabled: bool
    """it is to take no tasks"""
    vacating: str | None
    """what for it is to take no more tasks for a while"""
    vacating_option: str | None
    """what becomes of those that it has"""
    pool_id: str
    pool_state: str
    shard: str
    pool_definition: bytes


class BriefNode(NamedTuple):
    """What tells a node from others, without its pool's definition."""

    node_no: int
    id: str
    state: str


class RecentTask(Course, Protocol):
    """A stored task that ran on a node lately."""

    job_id: str


@dataclass(frozen=True, slots=True)
class Work:
    """What nodes do and did, by their numbers: how many tasks run on how many slots, and the last ones. And
    the ports at which they are reached."""

    running: Mapping[int, tuple[int, int]]
    recent: Mapping[int, Sequence[RecentTask]]
    reserved: Mapping[int, Sequence[Reserved]]


def row(pool_no: int, node_id: str, dedicated: bool, now: int) -> dict[str, Any]:
    """Of a node that is to be started."""
    return {
        "pool_no": pool_no,
        "id": node_id,
        "dedicated": dedicated,
        "state": BatchNodeState.CREATING.value,
        "state_time": now,
        "allocated": now,
        "boot_requested": now,
    }


def shown(node: NodeRow, pool: BatchPoolCreateOptions, work: Work, url: Address) -> BatchNode:
    running, slots = work.running.get(node.node_no, (0, 0))
    address, ipv6_address = addresses(node.ip_address)
    recent = tuple(_recent(task, url) for task in work.recent.get(node.node_no, ()))
    return BatchNode(
        id=node.id,
        url=url("pools", node.pool_id, "nodes", node.id),
        state=BatchNodeState(node.state),
        scheduling_state=SchedulingState.DISABLED if node.disabled else SchedulingState.ENABLED,
        state_transition_time=Timestamp(node.state_time),
        last_boot_time=moment(node.booted),
        allocation_time=Timestamp(node.allocated),
        ip_address=address,
        ipv6_address=ipv6_address,
        affinity_id=affinity_id(node.id),
        vm_size=pool.vm_size,
        total_tasks_run=node.tasks_run,
        running_tasks_count=running,
        running_task_slots_count=slots,
        total_tasks_succeeded=node.tasks_succeeded,
        recent_tasks=recent or UNSET,
        start_task=_start_task(node, pool),
        start_task_info=decoded(node.start_task_info, BatchStartTaskInfo),
        errors=decoded(node.errors, tuple[BatchNodeError, ...]),
        is_dedicated=node.dedicated,
        endpoint_configuration=inbound.endpoints(work.reserved.get(node.node_no, ()), pool, address),
        node_agent_info=_agent(node),
        virtual_machine_info=_machine(pool),
    )


def addresses(address: str) -> tuple[str, Given[str]]:
    """The one that others reach it by, and that of version 6 if that is another and known."""
    return OF_THIS_MACHINE if address in OF_THIS_MACHINE else (address, UNSET)


def _recent(task: RecentTask, url: Address) -> BatchTaskInfo:
    return BatchTaskInfo(
        task_url=url("jobs", task.job_id, "tasks", task.id),
        job_id=task.job_id,
        task_id=task.id,
        task_state=states.shown(task.state),
        execution_info=execution(task),
    )


def _start_task(node: NodeRow, pool: BatchPoolCreateOptions) -> Given[BatchStartTask]:
    """That which it runs, or is to run when it has booted."""
    if node.booted is None or states.NODE[node.state].begins:
        return given(pool.start_task or None)
    own = of_stored_start_task(node.start_task)
    return UNSET if own is None else codec.decode(own.definition, BatchStartTask)


def _agent(node: NodeRow) -> Given[BatchNodeAgentInfo]:
    if node.agent_version is None or node.booted is None:
        return UNSET
    return BatchNodeAgentInfo(version=node.agent_version, last_update_time=Timestamp(node.booted))


def _machine(pool: BatchPoolCreateOptions) -> Given[VirtualMachineInfo]:
    configuration = pool.virtual_machine_configuration
    return VirtualMachineInfo(image_reference=configuration.image_reference) if configuration else UNSET


def counts(pool_id: str, counted: Mapping[tuple[bool, str], int]) -> BatchPoolNodeCounts:
    """The nodes of a pool per state, counted by (dedicated, state)."""
    return BatchPoolNodeCounts(
        pool_id=pool_id, dedicated=_counts(counted, True), low_priority=_counts(counted, False)
    )


def _counts(counted: Mapping[tuple[bool, str], int], dedicated: bool) -> BatchNodeCounts:
    by_state = {state: counted.get((dedicated, state.value), 0) for state in BatchNodeState}
    numbers = {state.name.lower(): count for state, count in by_state.items()}
    return BatchNodeCounts(**numbers, total=sum(by_state.values()))
