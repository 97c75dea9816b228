"""What can be done with pools."""

from __future__ import annotations

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
    condition = conditions.clause(schema.pools.c.modified)
    return await changing.change(
        acting,
        lambda connection: pools.delete(connection, acting.account, pool_id, acting.now, condition),
        lambda connection: REFUSALS.why_not(pools.find(connection, acting.account, pool_id), ("active",)),
    )
