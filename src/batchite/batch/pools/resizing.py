"""What can be done with the size of pools: another one, no other one after all, and nodes that are to leave.

A pool is resizing, or stopping, before the answer goes out: clients wait for it to be steady, and the first
time that they see it so they go on.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, Literal, NamedTuple, get_args

import sqlalchemy as sa

from batchite.batch import changing
from batchite.batch.acting import Acting
from batchite.batch.conditions import Conditions
from batchite.batch.pools.actions import REFUSALS
from batchite.resources.pools import PoolRow, Resizing, resizing, sizes
from batchite.resources.vacating import Vacating
from batchite.store.batch import pools, schema
from batchite.store.batch.recording import Changed
from batchite.wire.batch.errors import BatchError, quote
from batchite.wire.batch.models.enums import AllocationState

STEADY, RESIZING, STOPPING = (
    AllocationState.STEADY.value,
    AllocationState.RESIZING.value,
    AllocationState.STOPPING.value,
)


class Targets(NamedTuple):
    """How many nodes of each kind a pool is to have; None: as many as before."""

    dedicated: int | None
    low_priority: int | None


Change = Literal["resize", "stop", "remove"]
CHANGES: Final[tuple[Change, ...]] = get_args(Change)


def why_not(pool: PoolRow, change: Change) -> BatchError | None:
    """Why that cannot be done with the pool now, by the rules of the actions below; None: it can."""
    try:
        _CHECKS[change](pool)
    except BatchError as refusal:
        return refusal
    return None


async def resize(
    acting: Acting,
    pool_id: str,
    targets: Targets,
    how: Resizing,
    conditions: Conditions,
) -> Changed:
    """Begin to give the pool as many nodes as these. Raises BatchError."""
    columns = {"target_dedicated": targets.dedicated, "target_low_priority": targets.low_priority}
    given = {name: target for name, target in columns.items() if target is not None}

    def make(connection: sa.Connection) -> Changed | None:
        found = _found(connection, acting, pool_id, "resize")
        return _change(connection, acting, found, resizing(how) | given, conditions)

    return await changing.change(acting, make, _not_met)


async def stop(acting: Acting, pool_id: str, conditions: Conditions) -> Changed:
    """Have the pool keep the nodes that it has, whatever it was resized to. Raises BatchError."""

    def make(connection: sa.Connection) -> Changed | None:
        found = _found(connection, acting, pool_id, "stop")
        unmodified = {"allocation_state": STOPPING, "modified": schema.pools.c.modified}
        return _change(connection, acting, found, unmodified, conditions)

    return await changing.change(acting, make, _not_met)


async def remove_nodes(
    acting: Acting,
    pool_id: str,
    node_ids: Collection[str],
    how: Resizing,
    conditions: Conditions,
) -> Changed:
    """Begin to take these nodes out of the pool, which is to have so many fewer. Raises BatchError, also if
    only one of them is none of its nodes."""

    def make(connection: sa.Connection) -> Changed | None:
        found = _found(connection, acting, pool_id, "remove")
        members = pools.members(connection, found.pool_no, node_ids)
        if members.missing:
            missing = members.missing[0]
            raise BatchError(
                "NodeNotFound",
                f"The pool {found.id!r} has no node {quote(missing)}; nothing was changed. Name nodes of "
                "GET /pools/{poolId}/nodes only.",
                (("NodeId", missing[:200]),),
            )
        dedicated, low_priority = sizes(found)
        targets = {
            "target_dedicated": max(dedicated - members.dedicated, 0),
            "target_low_priority": max(low_priority - members.low_priority, 0),
        }
        changed = _change(connection, acting, found, resizing(how) | targets, conditions)
        if changed is not None:
            pools.vacate(connection, found.pool_no, node_ids, Vacating("remove", how.option))
        return changed

    return await changing.change(acting, make, _not_met)


def _found(connection: sa.Connection, acting: Acting, pool_id: str, change: Change) -> PoolRow:
    """The pool, with which that can be done. Raises BatchError."""
    found = pools.find(connection, acting.account, pool_id, to_change=True)
    if found is None:
        raise REFUSALS.of(None)
    _CHECKS[change](found)
    return found


def _check_active(pool: PoolRow) -> None:
    if pool.state != "active":
        raise REFUSALS.of(pool)


def _check_steady(pool: PoolRow) -> None:
    _check_active(pool)
    if pool.allocation_state != STEADY:
        raise BatchError(
            "PoolBeingResized",
            f"Its allocationState is {pool.allocation_state}: wait until it is steady, or stop the resize "
            "(stopresize).",
            (("AllocationState", pool.allocation_state),),
        )


def _check_resizable(pool: PoolRow) -> None:
    _check_steady(pool)
    if pool.auto_scale:
        raise BatchError(
            "OperationNotValidOnPool",
            "Its size goes by its autoscale formula. Disable autoscale before you resize it.",
            (("EnableAutoScale", "true"),),
        )


def _check_resizing(pool: PoolRow) -> None:
    _check_active(pool)
    if pool.allocation_state != RESIZING:
        raise BatchError(
            "OperationInvalidForCurrentState",
            f"Only a resize that is under way can be stopped, and the pool's allocationState is "
            f"{pool.allocation_state}.",
            (("AllocationState", pool.allocation_state),),
        )


_CHECKS: Final[Mapping[Change, Callable[[PoolRow], None]]] = {
    "resize": _check_resizable,
    "stop": _check_resizing,
    "remove": _check_steady,
}
"""Each raises BatchError."""


def _change(
    connection: sa.Connection,
    acting: Acting,
    pool: PoolRow,
    values: Mapping[str, Any],
    conditions: Conditions,
) -> Changed | None:
    """As long as nobody has changed its state of allocation meanwhile."""
    columns = schema.pools.c
    unchanged = sa.and_(
        conditions.clause(columns.modified), columns.allocation_state == pool.allocation_state
    )
    return pools.change(connection, acting.account, pool.id, ("active",), acting.now, values, unchanged)


def _not_met(_connection: sa.Connection) -> BatchError:
    return BatchError("ConditionNotMet")
