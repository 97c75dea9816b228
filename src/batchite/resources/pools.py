"""Pools, as they are stored and shown."""

from __future__ import annotations

from typing import Any, Protocol

from batchite.resources.etags import etag
from batchite.resources.keys import folded, pool_shard
from batchite.resources.rules import PoolRules, encode
from batchite.resources.showing import Address, Defined, decoded, merged, moment
from batchite.wire.batch import codec, vm_sizes
from batchite.wire.batch.models.enums import (
    AllocationState,
    BatchPoolState,
)
from batchite.wire.batch.models.pools import (
    BatchPool,
    BatchPoolCreateOptions,
    ResizeError,
)
from batchite.wire.ticks import Timestamp


class PoolRow(Defined, Protocol):
    """A stored pool, with its present numbers of nodes."""

    pool_no: int
    id: str
    shard: str
    state: str
    state_time: int
    allocation_state: str
    allocation_state_time: int
    created: int
    modified: int
    target_dedicated: int
    target_low_priority: int
    resize_errors: bytes | None
    current_dedicated: int
    current_low_priority: int


def row(pool: BatchPoolCreateOptions, account: str, now: int) -> dict[str, Any]:
    """Of a pool to be added whose defaults are filled in."""
    size = vm_sizes.find(pool.vm_size)
    if size is None or not pool.resize_timeout:
        raise ValueError("the pool has not been validated")
    targets = (pool.target_dedicated_nodes or 0, pool.target_low_priority_nodes or 0)
    allocation = AllocationState.RESIZING if any(targets) else AllocationState.STEADY
    return {
        "account": account,
        "key": folded(pool.id),
        "id": pool.id,
        "shard": pool_shard(account, pool.id),
        "definition": codec.encode(pool),
        "rules": encode(PoolRules.of(pool)),
        "state": BatchPoolState.ACTIVE.value,
        "state_time": now,
        "allocation_state": allocation.value,
        "allocation_state_time": now,
        "created": now,
        "modified": now,
        "vm_size": pool.vm_size.lower(),
        "node_cores": size.cores,
        "inter_node": bool(pool.enable_inter_node_communication),
        "auto_scale": bool(pool.enable_auto_scale),
        "target_dedicated": targets[0],
        "target_low_priority": targets[1],
        "resize_timeout": pool.resize_timeout.ticks,
    }


def definition(pool: Defined) -> BatchPoolCreateOptions:
    """What its client has defined, with defaults filled in."""
    return codec.decode(pool.definition, BatchPoolCreateOptions)


def shown(pool: PoolRow, url: Address) -> BatchPool:
    return merged(
        BatchPool,
        definition(pool),
        url=url("pools", pool.id),
        e_tag=etag(pool.modified),
        last_modified=Timestamp(pool.modified),
        creation_time=Timestamp(pool.created),
        state=BatchPoolState(pool.state),
        state_transition_time=Timestamp(pool.state_time),
        allocation_state=AllocationState(pool.allocation_state),
        allocation_state_transition_time=moment(pool.allocation_state_time),
        resize_errors=decoded(pool.resize_errors, tuple[ResizeError, ...]),
        current_dedicated_nodes=pool.current_dedicated,
        current_low_priority_nodes=pool.current_low_priority,
        target_dedicated_nodes=pool.target_dedicated,
        target_low_priority_nodes=pool.target_low_priority,
    )
