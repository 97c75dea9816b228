"""Pools, as they are stored and shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple, Protocol

from msgspec import UNSET
from msgspec.structs import replace

from batchite.resources.keys import folded, pool_shard
from batchite.resources.rules import PoolRules, encode
from batchite.resources.showing import Address, Defined, decoded, given, merged, moment, stamps
from batchite.resources.vacating import Option
from batchite.wire.batch import codec, vm_sizes
from batchite.wire.batch.models.enums import (
    AllocationState,
    BatchPoolState,
)
from batchite.wire.batch.models.fields import Given
from batchite.wire.batch.models.pools import (
    AutoScaleRun,
    BatchPool,
    BatchPoolCreateOptions,
    ResizeError,
)
from batchite.wire.batch.models.statistics import BatchPoolStatistics
from batchite.wire.ticks import Duration, Timestamp


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
    resize_timeout: int
    kept_dedicated: int | None
    kept_low_priority: int | None
    auto_scale: bool
    resize_errors: bytes | None
    current_dedicated: int
    current_low_priority: int
    formula: str | None
    interval_ticks: int | None
    enabled: int | None
    run: bytes | None
    """of autoscale, which is or was on"""


LEAVING: Final[Mapping[str, Any]] = {
    "state": BatchPoolState.DELETING.value,
    "allocation_state": AllocationState.RESIZING.value,
    "target_dedicated": 0,
    "target_low_priority": 0,
    "resize_errors": None,
}
"""Columns of a pool that is to be gone."""


def row(pool: BatchPoolCreateOptions, account: str, now: int) -> dict[str, Any]:
    """Of a pool to be added whose defaults are filled in."""
    if not pool.resize_timeout:
        raise ValueError("the pool has not been validated")
    targets = (pool.target_dedicated_nodes or 0, pool.target_low_priority_nodes or 0)
    allocation = AllocationState.RESIZING if any(targets) else AllocationState.STEADY
    return {
        "account": account,
        "key": folded(pool.id),
        "id": pool.id,
        "shard": pool_shard(account, pool.id),
        "state": BatchPoolState.ACTIVE.value,
        "state_time": now,
        "allocation_state": allocation.value,
        "allocation_state_time": now,
        "created": now,
        "modified": now,
        "auto_scale": bool(pool.enable_auto_scale),
        "target_dedicated": targets[0],
        "target_low_priority": targets[1],
        "resize_timeout": pool.resize_timeout.ticks,
        **defined(pool),
    }


def defined(pool: BatchPoolCreateOptions) -> dict[str, Any]:
    """What of a pool's row its client may define anew later on."""
    size = vm_sizes.find(pool.vm_size)
    if size is None:
        raise ValueError("the pool has not been validated")
    return {
        "definition": codec.encode(replace(pool, **_SCALED_BY)),
        "rules": encode(PoolRules.of(pool)),
        "vm_size": pool.vm_size.lower(),
        "node_cores": size.cores,
        "inter_node": bool(pool.enable_inter_node_communication),
    }


class Resizing(NamedTuple):
    """How a pool comes to another size: in what time, and what becomes of tasks of nodes that leave."""

    within: Duration
    option: Option = "requeue"


def resizing(how: Resizing) -> dict[str, Any]:
    """What is stored of a pool that begins to come to another size, besides its targets."""
    return {
        "allocation_state": AllocationState.RESIZING.value,
        "resize_timeout": how.within.ticks,
        "resize_option": how.option,
        "resize_errors": None,
        "kept_dedicated": None,
        "kept_low_priority": None,
    }


def sizes(pool: PoolRow) -> tuple[int, int]:
    """How many dedicated and low-priority nodes a steady pool is to have now: what it has kept, where its
    last resize ended otherwise than it was to."""
    dedicated, low_priority = pool.kept_dedicated, pool.kept_low_priority
    return (
        pool.target_dedicated if dedicated is None else dedicated,
        pool.target_low_priority if low_priority is None else low_priority,
    )


_SCALED_BY: Final = {"auto_scale_formula": UNSET, "auto_scale_evaluation_interval": UNSET}
"""What is stored apart from the definition, since it changes by operations of its own."""


def definition(pool: Defined) -> BatchPoolCreateOptions:
    """What its client has defined, with defaults filled in."""
    return codec.decode(pool.definition, BatchPoolCreateOptions)


def shown(pool: PoolRow, url: Address, stats: Given[BatchPoolStatistics] = UNSET) -> BatchPool:
    return merged(
        BatchPool,
        definition(pool),
        url=url("pools", pool.id),
        **stamps(pool),
        state=BatchPoolState(pool.state),
        state_transition_time=Timestamp(pool.state_time),
        allocation_state=AllocationState(pool.allocation_state),
        allocation_state_transition_time=moment(pool.allocation_state_time),
        resize_timeout=Duration(pool.resize_timeout),
        resize_errors=decoded(pool.resize_errors, tuple[ResizeError, ...]),
        current_dedicated_nodes=pool.current_dedicated,
        current_low_priority_nodes=pool.current_low_priority,
        target_dedicated_nodes=pool.target_dedicated,
        target_low_priority_nodes=pool.target_low_priority,
        enable_auto_scale=pool.auto_scale,
        **(_autoscale(pool) if pool.auto_scale else {}),
        stats=stats,
    )


def _autoscale(pool: PoolRow) -> dict[str, Any]:
    return {
        "auto_scale_formula": given(pool.formula),
        "auto_scale_evaluation_interval": Duration(pool.interval_ticks or 0),
        "auto_scale_run": decoded(pool.run, AutoScaleRun),
    }
