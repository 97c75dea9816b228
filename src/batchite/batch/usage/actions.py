"""What can be learnt of what pools used, also of those that are gone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from batchite.batch.acting import Acting
from batchite.resources.pool_usage import Metered, PoolSums, metered
from batchite.resources.pools import PoolRow
from batchite.store.batch import pool_usage
from batchite.store.batch.pages import Part
from batchite.store.batch.pool_usage import Entry, Place


async def sums(acting: Acting, found: Sequence[PoolRow]) -> Mapping[int, PoolSums]:
    """What these pools used, by their numbers; some may be left out that never had a node."""
    numbers = [pool.pool_no for pool in found]
    return await acting.read(lambda connection: pool_usage.of_pools(connection, numbers, acting.now))


async def lifetime(acting: Acting) -> tuple[PoolSums, int | None]:
    """The same of all pools of the account, also those that are gone, and since when."""
    return await acting.read(lambda connection: pool_usage.of_account(connection, acting.account, acting.now))


async def usage(acting: Acting, start: int, end: int, condition: sa.ColumnElement[bool]) -> Sequence[Metered]:
    """What pools used between two moments, those whose nodes' times the condition holds for."""

    def read(connection: sa.Connection) -> Sequence[Metered]:
        return metered(pool_usage.spans(connection, acting.account, start, end, condition), start, end)

    return await acting.read(read)


async def intervals(
    acting: Acting, place: Place, limit: int, condition: sa.ColumnElement[bool]
) -> Part[Entry]:
    """The same by intervals of usage metrics."""
    return await acting.read(
        lambda connection: pool_usage.page(connection, acting.account, place, limit, condition)
    )
