"""What can be done with pools."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batchite.batch import changing
from batchite.batch.acting import Acting
from batchite.batch.changing import Refusals
from batchite.batch.conditions import Conditions
from batchite.resources.pools import PoolRow, row
from batchite.store.batch import pools, schema
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.wire.batch.models.pools import BatchPoolCreateOptions

REFUSALS = Refusals("PoolNotFound", "PoolExists", {"deleting": "PoolBeingDeleted"})


async def add(acting: Acting, pool: BatchPoolCreateOptions) -> None:
    """`pool` has its defaults. Raises PoolExists or PoolBeingDeleted."""
    await changing.add(acting, pools, REFUSALS, row(pool, acting.account, acting.now))


async def find(acting: Acting, pool_id: str) -> PoolRow:
    """Raises PoolNotFound."""
    return await changing.find(acting, pools, REFUSALS, pool_id)


async def page(acting: Acting, wanted: Wanted) -> Part[PoolRow]:
    return await acting.read(lambda connection: pools.page(connection, acting.account, wanted))


async def delete(acting: Acting, pool_id: str, conditions: Conditions) -> Changed:
    """Begin to remove the pool with its nodes. Raises BatchError."""
    values = {
        "state": "deleting",
        "allocation_state": "resizing",
        "target_dedicated": 0,
        "target_low_priority": 0,
        "resize_errors": None,
    }
    return await _change(acting, pool_id, values, conditions)


async def _change(acting: Acting, pool_id: str, values: Mapping[str, Any], conditions: Conditions) -> Changed:
    condition = conditions.clause(schema.pools.c.modified)
    return await changing.alter(acting, pools, REFUSALS, pool_id, ("active",), values, condition)
