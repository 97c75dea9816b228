"""Compute nodes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from msgspec import UNSET
from starlette.responses import Response

from batchite.batch import answers, filters, pools, tasks
from batchite.batch.call import Call
from batchite.batch.operations import FILTERED, LIST, SELECT, Operation
from batchite.batch.rows import affinity_id, decoded, given, moment
from batchite.store.batch import nodes
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.counts import BatchNodeCounts, BatchPoolNodeCounts
from batchite.wire.batch.models.enums import BatchNodeState, SchedulingState
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.images import VirtualMachineInfo
from batchite.wire.batch.models.nodes import BatchNode, BatchNodeAgentInfo, BatchNodeError, BatchTaskInfo
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.start_tasks import BatchStartTaskInfo
from batchite.wire.ticks import Timestamp

IPV6_ADDRESS = "::1"
"""Of every node, as long as all are on this machine."""

NODE_COUNTS_LIMIT = 10
"""Pools on one page of node counts."""


@dataclass(frozen=True, slots=True)
class Work:
    """What nodes do and did, by their numbers: how many tasks run on how many slots, and the last ones."""

    running: Mapping[int, tuple[int, int]]
    recent: Mapping[int, Sequence[sa.Row[Any]]]


def work(call: Call, connection: sa.Connection, shard: str, rows: Sequence[sa.Row[Any]]) -> Work:
    """What is asked for: the last tasks of many nodes take longer to find than all the rest."""
    names = call.selected(BatchNode)
    of_nodes = [row.node_no for row in rows] if names is None or "recentTasks" in names else []
    return Work(nodes.running(connection, shard), nodes.recent_tasks(connection, of_nodes))


def model(call: Call, row: sa.Row[Any], pool: BatchPoolCreateOptions, work: Work) -> BatchNode:
    running, slots = work.running.get(row.node_no, (0, 0))
    recent = tuple(_recent(call, task) for task in work.recent.get(row.node_no, ()))
    return BatchNode(
        id=row.id,
        url=call.url("pools", row.pool_id, "nodes", row.id),
        state=BatchNodeState(row.state),
        scheduling_state=SchedulingState.ENABLED,
        state_transition_time=Timestamp(row.state_time),
        last_boot_time=moment(row.booted),
        allocation_time=Timestamp(row.allocated),
        ip_address=row.ip_address,
        ipv6_address=IPV6_ADDRESS,
        affinity_id=affinity_id(row.id),
        vm_size=pool.vm_size,
        total_tasks_run=row.tasks_run,
        running_tasks_count=running,
        running_task_slots_count=slots,
        total_tasks_succeeded=row.tasks_succeeded,
        recent_tasks=recent or UNSET,
        start_task=given(pool.start_task or None),
        start_task_info=decoded(row.start_task_info, BatchStartTaskInfo),
        errors=decoded(row.errors, tuple[BatchNodeError, ...]),
        is_dedicated=row.dedicated,
        node_agent_info=_agent(row),
        virtual_machine_info=_machine(pool),
    )


def _recent(call: Call, row: sa.Row[Any]) -> BatchTaskInfo:
    return BatchTaskInfo(
        task_url=call.url("jobs", row.job_id, "tasks", row.id),
        job_id=row.job_id,
        task_id=row.id,
        task_state=tasks.state(row.state),
        execution_info=tasks.execution(row),
    )


def _agent(row: sa.Row[Any]) -> Given[BatchNodeAgentInfo]:
    if row.agent_version is None or row.booted is None:
        return UNSET
    return BatchNodeAgentInfo(version=row.agent_version, last_update_time=Timestamp(row.booted))


def _machine(pool: BatchPoolCreateOptions) -> Given[VirtualMachineInfo]:
    configuration = pool.virtual_machine_configuration
    return VirtualMachineInfo(image_reference=configuration.image_reference) if configuration else UNSET


async def find(call: Call) -> sa.Row[Any]:
    """The node of the request's path. Raises PoolNotFound and NodeNotFound."""
    account, pool_id, node_id = call.account.name, call.params["poolId"], call.params["nodeId"]
    row = await call.services.database.read(
        lambda connection: nodes.find(connection, account, pool_id, node_id)
    )
    if row is None:
        await pools.find(call)
        raise BatchError("NodeNotFound")
    return row


async def get(call: Call) -> Response:
    row = await find(call)
    done = await call.services.database.read(lambda connection: work(call, connection, row.shard, [row]))
    pool = codec.decode(row.pool_definition, BatchPoolCreateOptions)
    return answers.entity(call, "nodes", model(call, row, pool, done))


async def list_(call: Call) -> Response:
    page = call.page()
    condition = filters.clause(call, filters.NODES)
    pool = await pools.find(call)

    def query(connection: sa.Connection) -> tuple[list[sa.Row[Any]], Work]:
        rows = nodes.page(connection, pool.pool_no, page.after, page.limit + 1, condition)
        return rows, work(call, connection, pool.shard, rows)

    rows, done = await call.services.database.read(query)
    definition = codec.decode(pool.definition, BatchPoolCreateOptions)
    show = (BatchNode, lambda row: model(call, row, definition, done))
    return answers.page(call, "nodes", page, rows, show, lambda row: row.node_no)


async def counts(call: Call) -> Response:
    page = call.page(NODE_COUNTS_LIMIT)
    condition = filters.clause(call, filters.NODE_COUNTS)
    account = call.account.name
    found = await call.services.database.read(
        lambda connection: nodes.counts(connection, account, page.after, page.limit + 1, condition)
    )
    show = (BatchPoolNodeCounts, lambda entry: _pool_counts(entry[1], entry[2]))
    return answers.page(call, "poolnodecounts", page, found, show, lambda entry: entry[0])


def _pool_counts(pool_id: str, counted: dict[tuple[bool, str], int]) -> BatchPoolNodeCounts:
    return BatchPoolNodeCounts(
        pool_id=pool_id, dedicated=_node_counts(counted, True), low_priority=_node_counts(counted, False)
    )


def _node_counts(counted: dict[tuple[bool, str], int], dedicated: bool) -> BatchNodeCounts:
    by_state = {state: counted.get((dedicated, state.value), 0) for state in BatchNodeState}
    numbers = {state.name.lower(): count for state, count in by_state.items()}
    return BatchNodeCounts(**numbers, total=sum(by_state.values()))


OPERATIONS = (
    Operation("ComputeNode_List", "GET", "/pools/{poolId}/nodes", list_, FILTERED | SELECT),
    Operation("ComputeNode_Get", "GET", "/pools/{poolId}/nodes/{nodeId}", get, SELECT),
    Operation("Account_ListPoolNodeCounts", "GET", "/nodecounts", counts, LIST | {"$filter"}),
)
