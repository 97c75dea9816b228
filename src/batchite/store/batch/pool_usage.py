"""What pools used: of nodes that are there, of those that are gone, and of pools that are gone; and when each
node was there, for so long as that is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from batchite.resources.pool_usage import INTERVAL, SUMS, Metered, PoolSums, Span, intervals
from batchite.store.batch.pages import Part, cut
from batchite.store.batch.schema import node_spans, nodes, past_pools, pool_usage, pools

_NODES = sa.select(
    nodes.c.pool_no,
    nodes.c.dedicated,
    nodes.c.cpu_time,
    nodes.c.blocks_read,
    nodes.c.blocks_written,
    nodes.c.peak_memory,
    node_spans.c.cores,
    node_spans.c.began,
).join_from(
    nodes,
    node_spans,
    sa.and_(node_spans.c.node_no == nodes.c.node_no, node_spans.c.ended.is_(None)),
    isouter=True,
)
_AT_ONCE = 48
"""Intervals of which the nodes are read together: a day."""
_SPANS = sa.select(*(node_spans.c[name] for name in Span._fields))


def of_pools(connection: sa.Connection, numbers: Sequence[int], now: int) -> dict[int, PoolSums]:
    """By the numbers of the pools; those that never had a node are left out."""
    found: dict[int, PoolSums] = {}
    of_gone = sa.select(pool_usage).where(pool_usage.c.pool_no.in_(numbers))
    for row in connection.execute(of_gone):
        found[row.pool_no] = _sums(row)
    for node in connection.execute(_NODES.where(nodes.c.pool_no.in_(numbers))):
        found.setdefault(node.pool_no, PoolSums()).add_node(node, now)
    return found


def of_account(connection: sa.Connection, account: str, now: int) -> tuple[PoolSums, int | None]:
    """Of all pools that the account has ever had, and when the first was added that anything is known of."""
    sums, known = PoolSums(), []
    for row in connection.execute(sa.select(past_pools).where(past_pools.c.account == account)):
        sums.add_sums(_sums(row))
        known.append(row.since)
    mine = pools.c.account == account
    of_gone = sa.select(pool_usage).join(pools, pools.c.pool_no == pool_usage.c.pool_no)
    for row in connection.execute(of_gone.where(mine)):
        sums.add_sums(_sums(row))
    for node in connection.execute(_NODES.join(pools, pools.c.pool_no == nodes.c.pool_no).where(mine)):
        sums.add_node(node, now)
    first = connection.execute(sa.select(sa.func.min(pools.c.created)).where(mine)).scalar()
    return sums, min([*known, *([] if first is None else [first])], default=None)


def _sums(row: Any) -> PoolSums:
    return PoolSums(**{name: getattr(row, name) for name in SUMS})


def spans(
    connection: sa.Connection, account: str, start: int, end: int, condition: sa.ColumnElement[bool]
) -> Iterator[Span]:
    """When nodes of the account were there between two moments; read one by one, since there may be
    very many."""
    mine = (node_spans.c.account == account, condition, node_spans.c.began < end)
    goes_on = _SPANS.where(*mine, node_spans.c.ended.is_(None))
    over = _SPANS.where(*mine, node_spans.c.ended > start)
    for query in (goes_on, over):
        yield from (Span(*row) for row in connection.execute(query))


class Place(NamedTuple):
    """Where in the list of intervals with their pools a page begins: `last` is the number of the interval
    after the last, and of the interval `number` so many entries are on pages before."""

    number: int
    last: int
    skipped: int = 0


class Entry(NamedTuple):
    metered: Metered
    following: Place
    """where what comes after it begins"""


def page(
    connection: sa.Connection, account: str, place: Place, limit: int, condition: sa.ColumnElement[bool]
) -> Part[Entry]:
    """What was used in each interval in which there was a node for which the condition holds."""
    found: list[Entry] = []
    number, last, skipped = place
    while number < last and len(found) <= limit:
        came = _next_came(connection, account, number * INTERVAL, condition)
        if came is None:
            break
        first = max(came // INTERVAL, number)
        end = min(first + _AT_ONCE, last)
        some = spans(connection, account, first * INTERVAL, end * INTERVAL, condition)
        for interval, entries in intervals(some, first, end):
            seen = skipped if interval == number else 0
            for index, metered in enumerate(entries[seen:], seen + 1):
                found.append(Entry(metered, Place(interval, last, index)))
        number, skipped = end, 0
    return cut(found, limit)


def _next_came(
    connection: sa.Connection, account: str, start: int, condition: sa.ColumnElement[bool]
) -> int | None:
    """When the first node came that was there at `start` or came later; none: there was none."""
    mine = (node_spans.c.account == account, condition)
    later = sa.or_(node_spans.c.ended.is_(None), node_spans.c.ended > start)
    found: int | None = connection.execute(
        sa.select(sa.func.min(node_spans.c.began)).where(*mine, later)
    ).scalar()
    return None if found is None else max(found, start)
