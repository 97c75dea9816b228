"""What can be done with pools."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from msgspec.structs import replace

from batchite.batch import auto_storage, changing
from batchite.batch.acting import Acting
from batchite.batch.applications.actions import check as check_packages
from batchite.batch.conditions import Conditions
from batchite.batch.pools import autoscaling
from batchite.batch.pools.refusing import REFUSALS as REFUSALS
from batchite.resources.applications import references
from batchite.resources.pools import LEAVING, PoolRow, defined, definition, row
from batchite.store.batch import autoscaling as stored_autoscaling
from batchite.store.batch import pools, schema
from batchite.store.batch.pages import Part, Wanted
from batchite.store.batch.recording import Changed
from batchite.wire.batch import images
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.enums import AllocationState
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.pools import BatchPoolCreateOptions

_CHANGEABLE = ("active",)


async def add(acting: Acting, pool: BatchPoolCreateOptions) -> None:
    """`pool` has its defaults. Raises BatchError."""
    auto_storage.check(acting, pool)
    new, scaling = row(pool, acting.account, acting.now), autoscaling.of_new(acting, pool)
    packages = references(pool.application_package_references)

    def make(connection: sa.Connection) -> Changed | None:
        check_packages(connection, acting.account, packages)
        added = pools.add(connection, new)
        if added is not None and scaling is not None:
            stored_autoscaling.enable(connection, added.number, scaling)
        return added

    def taken(connection: sa.Connection) -> BatchError:
        return REFUSALS.taken(pools.find(connection, acting.account, pool.id))

    await changing.change(acting, make, taken)


async def find(acting: Acting, pool_id: str) -> PoolRow:
    """Raises PoolNotFound."""
    return await changing.find(acting, pools, REFUSALS, pool_id)


async def page(acting: Acting, wanted: Wanted) -> Part[PoolRow]:
    return await acting.read(lambda connection: pools.page(connection, acting.account, wanted))


async def update(
    acting: Acting,
    pool_id: str,
    change: Callable[[BatchPoolCreateOptions], BatchPoolCreateOptions],
    conditions: Conditions,
    of_empty_pools: Sequence[str] = (),
) -> Changed:
    """Define the pool anew: `change` makes what is to be of what is, or raises BatchError. `of_empty_pools`
    are the properties among it that may change only while the pool has no nodes."""

    def make(connection: sa.Connection) -> Changed | None:
        found = pools.find(connection, acting.account, pool_id, to_change=True)
        if found is None or found.state not in _CHANGEABLE:
            raise REFUSALS.of(found)
        before = definition(found)
        pool = change(before)
        auto_storage.check(acting, pool, before=before)
        packages = references(pool.application_package_references)
        if packages != references(before.application_package_references):
            check_packages(connection, acting.account, packages)
        if of_empty_pools and conditions.hold(found.modified):
            _check_empty(found, of_empty_pools)
        condition = conditions.clause(schema.pools.c.modified)
        return pools.change(
            connection, acting.account, pool_id, _CHANGEABLE, acting.now, defined(pool), condition
        )

    return await changing.change(acting, make, lambda _: BatchError("ConditionNotMet"))


def _check_empty(pool: PoolRow, properties: Sequence[str]) -> None:
    """That it has no nodes, and that none are about to come."""
    names = ", ".join(properties)
    rule = f"{names} can be changed only while the pool has no nodes"
    values = tuple(("PropertyName", name) for name in properties)
    if pool.allocation_state != AllocationState.STEADY:
        detail = f"{rule}, and its allocationState is {pool.allocation_state}. Wait until that is steady."
        raise BatchError("PoolBeingResized", detail, values)
    nodes = pool.current_dedicated + pool.current_low_priority
    if nodes:
        detail = f"{rule}; it has {nodes}. Resize it to 0 nodes first, or add another pool."
        raise BatchError("OperationInvalidForCurrentState", detail, values)


async def upgrade_os(acting: Acting, pool_id: str, version: str, conditions: Conditions) -> Changed:
    """Give a pool of a cloud service another version of its system. Raises BatchError."""

    def change(pool: BatchPoolCreateOptions) -> BatchPoolCreateOptions:
        machine = pool.virtual_machine_configuration
        image = machine.image_reference if machine else BatchVmImageReference()
        if not machine or not images.is_cloud_service(image):
            detail = "Only pools with cloudServiceConfiguration have versions of a system to go to."
            raise BatchError("PoolNotEligibleForOSVersionUpgrade", detail)
        if image.version == version:
            detail = f"It has targetOSVersion {version!r} already."
            raise BatchError("PoolVersionEqualsUpgradeVersion", detail)
        upgraded = replace(machine, image_reference=replace(image, version=version))
        return replace(pool, virtual_machine_configuration=upgraded)

    return await update(acting, pool_id, change, conditions)


async def delete(acting: Acting, pool_id: str, conditions: Conditions) -> Changed:
    """Begin to remove the pool with its nodes. Raises BatchError."""
    return await _change(acting, pool_id, LEAVING, conditions)


async def _change(acting: Acting, pool_id: str, values: Mapping[str, Any], conditions: Conditions) -> Changed:
    condition = conditions.clause(schema.pools.c.modified)
    return await changing.alter(acting, pools, REFUSALS, pool_id, _CHANGEABLE, values, condition)
