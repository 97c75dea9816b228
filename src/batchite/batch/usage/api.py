"""What pools used: the operations that tell of it, also when the pools are gone."""

from __future__ import annotations

import re

from starlette.responses import Response

from batchite.batch import answers, listing
from batchite.batch.call import Call
from batchite.batch.operations import FILTERED, operation
from batchite.batch.usage import actions
from batchite.resources.pool_usage import INTERVAL, Metered, of_pools
from batchite.store.batch import filtering
from batchite.store.batch.pool_usage import Place
from batchite.wire.batch.errors import invalid_query, out_of_range_query
from batchite.wire.batch.models.statistics import BatchPoolUsageMetrics
from batchite.wire.batch.odata import paging
from batchite.wire.ticks import Duration, Timestamp

START, END = "starttime", "endtime"
_POSITION = re.compile(r"(-?\d{1,9})_(-?\d{1,9})_(\d{1,9})", re.ASCII)


async def list_metrics(call: Call) -> Response:
    limit, place = listing.limit(call), _place(call)
    condition = filtering.clause(listing.expression(call, filtering.USAGE), filtering.USAGE)
    part = await actions.intervals(call.acting, place, limit, condition)
    return listing.answer(
        call,
        "poolusagemetrics",
        part,
        BatchPoolUsageMetrics,
        (_shown(entry.metered) for entry in part.rows),
        lambda entry: "_".join(map(str, entry.following)),
    )


def _shown(entry: Metered) -> BatchPoolUsageMetrics:
    return BatchPoolUsageMetrics(
        pool_id=entry.pool_id,
        start_time=Timestamp(entry.start),
        end_time=Timestamp(entry.end),
        vm_size=entry.vm_size,
        total_core_hours=entry.core_hours,
    )


def _place(call: Call) -> Place:
    """Where the page begins; pages that follow are of the same intervals as the first. Raises BatchError."""
    position = listing.position(call)
    if not position:
        return _asked(call)
    match = _POSITION.fullmatch(position)
    if match is None:
        raise invalid_query(paging.SKIP, position, "names no entry; follow odata.nextLink as it is")
    return Place(*map(int, match.groups()))


def _asked(call: Call) -> Place:
    """Where the whole list begins. Raises BatchError."""
    delay = Duration.of(seconds=call.services.fidelity.usage_delay).ticks
    latest = call.now.ticks - delay
    end = _time(call, END, latest)
    start = _time(call, START, latest - INTERVAL)
    if start is not None and end is not None and start > end:
        text = call.query[START]
        raise invalid_query(START, text, f"is after {END}, which is {call.query[END]}")
    last = min(latest // INTERVAL, -(-(latest if end is None else end) // INTERVAL))
    return Place(last - 1 if start is None else start // INTERVAL, last)


def _time(call: Call, name: str, latest: int) -> int | None:
    """A time of the query, at most as late as that. Raises BatchError."""
    text = call.query.get(name)
    if text is None:
        return None
    try:
        ticks = Timestamp.parse(text).ticks
    except ValueError as error:
        raise invalid_query(name, text, f"is {error}") from None
    if ticks > latest:
        raise out_of_range_query(name, text, f"must be {Timestamp(latest)} or earlier")
    return ticks


async def lifetime(call: Call) -> Response:
    sums, since = await actions.lifetime(call.acting)
    now = call.now.ticks
    shape = of_pools(sums, call.url("lifetimepoolstats"), now if since is None else since, now)
    return answers.entity(call, "poolstats", shape, modified=now)


OPERATIONS = (
    operation("Pool_ListUsageMetrics", list_metrics, FILTERED | {START, END}),
    operation("Pool_GetAllLifetimeStatistics", lifetime),
)
