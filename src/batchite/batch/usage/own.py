"""What pools used, as ours tells it: between any two times."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from starlette.responses import Response

from batchite.batch import refusals
from batchite.batch.acting import Acting
from batchite.batch.own import Endpoint, OwnCall
from batchite.batch.services import Services
from batchite.batch.usage import actions
from batchite.resources.keys import folded
from batchite.resources.pool_usage import HOUR, Metered
from batchite.store.batch import schema
from batchite.wire.batch import codec
from batchite.wire.batch.errors import invalid_query
from batchite.wire.batch.models.fields import Model
from batchite.wire.ticks import TICKS_PER_DAY, Timestamp

START, END, POOL = "starttime", "endtime", "poolid"


class PoolUsage(Model, frozen=True, kw_only=True):
    """What nodes of a size used in a pool, in hours of a core."""

    pool_id: str
    vm_size: str
    dedicated_core_hours: float
    low_priority_core_hours: float
    total_core_hours: float


class PoolsUsage(Model, frozen=True, kw_only=True):
    """Of every pool that had a node between these times, also of those that are gone."""

    start_time: Timestamp
    end_time: Timestamp
    value: tuple[PoolUsage, ...]


def _shown(entry: Metered) -> PoolUsage:
    return PoolUsage(
        pool_id=entry.pool_id,
        vm_size=entry.vm_size,
        dedicated_core_hours=entry.dedicated_time / HOUR,
        low_priority_core_hours=entry.low_priority_time / HOUR,
        total_core_hours=entry.core_hours,
    )


def _time(call: OwnCall, name: str, default: int) -> int:
    """Raises BatchError."""
    text = call.query.get(name)
    if text is None:
        return default
    try:
        return Timestamp.parse(text).ticks
    except ValueError as error:
        raise invalid_query(name, text, f"is {error}") from None


def _range(call: OwnCall) -> tuple[int, int]:
    """The last day, up to now, unless told otherwise. Raises BatchError."""
    end = min(_time(call, END, call.now.ticks), call.now.ticks)
    start = _time(call, START, end - TICKS_PER_DAY)
    if start > end:
        raise invalid_query(START, call.query[START], f"is after {END}, which is {Timestamp(end)}")
    return start, end


def endpoints(services: Services) -> Sequence[Endpoint]:
    async def usage(call: OwnCall) -> Response:
        """What pools used, exactly between these times."""
        acting = Acting(services, call.account.name, call.now)
        start, end = _range(call)
        pool = call.query.get(POOL)
        key = schema.node_spans.c.pool_key
        found = await actions.usage(acting, start, end, sa.true() if pool is None else key == folded(pool))
        body = PoolsUsage(
            start_time=Timestamp(start), end_time=Timestamp(end), value=tuple(map(_shown, found))
        )
        headers = refusals.answer_headers(call.request)
        return Response(codec.encode(body), 200, headers, refusals.CONTENT_TYPE)

    return (Endpoint("GET", "/-/usage/pools", usage, query=frozenset({START, END, POOL})),)
