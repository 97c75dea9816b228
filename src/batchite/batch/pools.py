"""Pools."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from starlette.responses import Response

from batchite.batch import answers, filters
from batchite.batch.call import Call
from batchite.batch.conditions import etag
from batchite.batch.operations import CONDITIONAL, EXPAND, FILTERED, Operation
from batchite.batch.rows import decoded, moment, shown
from batchite.store.batch import events, pages, pools, schema
from batchite.wire.batch import codec, vm_sizes
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.enums import (
    AllocationState,
    BatchJobDefaultOrder,
    BatchNodeFillType,
    BatchPoolState,
)
from batchite.wire.batch.models.pools import BatchPool, BatchPoolCreateOptions, ResizeError
from batchite.wire.batch.validation.pools import accept
from batchite.wire.ticks import Timestamp

ADD_LIMIT = 1024 * 1024
"""Bytes in the body of a pool to add."""


async def add(call: Call) -> Response:
    pool = accept(await call.body(BatchPoolCreateOptions, ADD_LIMIT))
    account, now = call.account.name, call.now.ticks
    values = stored(account, pool, now)

    def unit(connection: sa.Connection) -> None:
        if not pools.add(connection, values):
            existing = pools.find(connection, account, pool.id)
            deleting = existing is not None and existing.state == "deleting"
            raise BatchError("PoolBeingDeleted" if deleting else "PoolExists")

    await call.services.database.write(unit)
    call.services.owner.wake(values["shard"])
    return answers.created(call, now, call.url("pools", pool.id))


def stored(account: str, pool: BatchPoolCreateOptions, now: int) -> dict[str, Any]:
    """The row of a pool whose defaults are filled in."""
    size = vm_sizes.find(pool.vm_size)
    policy = pool.task_scheduling_policy
    if size is None or not policy or not pool.resize_timeout:
        raise ValueError("the pool has not been validated")
    targets = (pool.target_dedicated_nodes or 0, pool.target_low_priority_nodes or 0)
    allocation = AllocationState.RESIZING if any(targets) else AllocationState.STEADY
    return {
        "account": account,
        "key": pool.id.lower(),
        "id": pool.id,
        "shard": events.pool_shard(account, pool.id),
        "definition": codec.encode(pool),
        "state": BatchPoolState.ACTIVE.value,
        "state_time": now,
        "allocation_state": allocation.value,
        "allocation_state_time": now,
        "created": now,
        "modified": now,
        "vm_size": pool.vm_size.lower(),
        "node_cores": size.cores,
        "slots_per_node": pool.task_slots_per_node or 1,
        "node_fill": (policy.node_fill_type or BatchNodeFillType.SPREAD).value.lower(),
        "job_order": (policy.job_default_order or BatchJobDefaultOrder.NONE).value,
        "inter_node": bool(pool.enable_inter_node_communication),
        "auto_scale": bool(pool.enable_auto_scale),
        "target_dedicated": targets[0],
        "target_low_priority": targets[1],
        "resize_timeout": pool.resize_timeout.ticks,
    }


def model(call: Call, row: sa.Row[Any]) -> BatchPool:
    definition = codec.decode(row.definition, BatchPoolCreateOptions)
    return shown(
        BatchPool,
        definition,
        url=call.url("pools", row.id),
        e_tag=etag(row.modified),
        last_modified=Timestamp(row.modified),
        creation_time=Timestamp(row.created),
        state=BatchPoolState(row.state),
        state_transition_time=Timestamp(row.state_time),
        allocation_state=AllocationState(row.allocation_state),
        allocation_state_transition_time=moment(row.allocation_state_time),
        resize_errors=decoded(row.resize_errors, tuple[ResizeError, ...]),
        current_dedicated_nodes=row.current_dedicated,
        current_low_priority_nodes=row.current_low_priority,
        target_dedicated_nodes=row.target_dedicated,
        target_low_priority_nodes=row.target_low_priority,
    )


async def find(call: Call) -> sa.Row[Any]:
    """The pool of the request's path. Raises PoolNotFound."""
    account, pool_id = call.account.name, call.params["poolId"]
    row = await call.services.database.read(lambda connection: pools.find(connection, account, pool_id))
    if row is None:
        raise BatchError("PoolNotFound")
    return row


async def get(call: Call) -> Response:
    row = await find(call)
    call.conditions.check_read(row.modified)
    return answers.entity(call, "pools", model(call, row), modified=row.modified)


async def exists(call: Call) -> Response:
    row = await find(call)
    call.conditions.check_read(row.modified)
    return answers.empty(call, 200, modified=row.modified)


async def list_(call: Call) -> Response:
    page = call.page()
    condition = filters.clause(call, filters.POOLS)
    account = call.account.name
    rows = await call.services.database.read(
        lambda connection: pools.page(connection, account, page.after, page.limit + 1, condition)
    )
    page = replace(page, limit=pages.limit(rows, page.limit))
    return answers.page(
        call, "pools", page, rows, (BatchPool, lambda row: model(call, row)), lambda row: row.pool_no
    )


async def delete(call: Call) -> Response:
    account, pool_id, now = call.account.name, call.params["poolId"], call.now.ticks
    condition = call.conditions.clause(schema.pools.c.modified)

    def unit(connection: sa.Connection) -> None:
        if not pools.delete(connection, account, pool_id, now, condition):
            raise _why_not(pools.find(connection, account, pool_id))

    await call.services.database.write(unit)
    call.services.owner.wake(events.pool_shard(account, pool_id))
    return answers.empty(call, 202)


def _why_not(row: sa.Row[Any] | None) -> BatchError:
    if row is None:
        return BatchError("PoolNotFound")
    if row.state == "deleting":
        return BatchError("PoolBeingDeleted")
    return BatchError("ConditionNotMet")


OPERATIONS = (
    Operation("Pool_Add", "POST", "/pools", add),
    Operation("Pool_List", "GET", "/pools", list_, FILTERED | EXPAND),
    Operation("Pool_Get", "GET", "/pools/{poolId}", get, EXPAND, CONDITIONAL),
    Operation("Pool_Exists", "HEAD", "/pools/{poolId}", exists, conditions=CONDITIONAL),
    Operation("Pool_Delete", "DELETE", "/pools/{poolId}", delete, conditions=CONDITIONAL),
)
