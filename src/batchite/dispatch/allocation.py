"""Making the nodes that pools want, as far as there is room.

Room is asked for first, and nodes are made in portions, a commit each: what a pool wants may be far more
than it gets, and in between it may change its mind.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from typing import NamedTuple

import sqlalchemy as sa

from batchite.resources.feed import NodeChanged, Telling
from batchite.resources.nodes import row
from batchite.scheduling.changes.pools import NodesWanted
from batchite.scheduling.room import Limits, Refusal, Usage, grant
from batchite.store.batch import execution, inbound, pools, usage

PORTION = 64
"""Nodes of a kind made in one commit."""


class NewNode(NamedTuple):
    number: int
    id: str
    dedicated: bool


class Allocation(NamedTuple):
    """What only the store could decide: the nodes it added, and that it will not add more."""

    nodes: list[NewNode]
    refusal: Refusal | None
    is_outdated: bool = False
    """none were added, since the pool is not any more what the owner takes it for"""

    def __bool__(self) -> bool:
        return bool(self.nodes or self.refusal or self.is_outdated)


NOTHING = Allocation([], None)


def allocate(
    connection: sa.Connection,
    account: str,
    limits: Limits,
    wanted: Iterable[NodesWanted],
    now: int,
    telling: Telling,
) -> Allocation:
    """The next portion of each kind; nothing is refused that a later portion may still get."""
    made: list[NewNode] = []
    refusals: list[Refusal] = []
    for one in wanted:
        if not pools.is_unchanged(connection, one.pool, one.modified):
            return Allocation([], None, is_outdated=True)
        used = Usage(*usage.lock(connection, account), inbound.places(connection, one.ports))
        granted, refusal = grant(one.count, one.cores, used, limits)
        if refusal is not None and granted <= PORTION:
            refusals.append(refusal)
        new = _make(connection, account, one, min(granted, PORTION), now)
        for node in new:
            pool = telling.name(one.pool_id)
            telling.add(NodeChanged(pool, telling.name(node.id), now, "creating", None))
        made += new
    return Allocation(made, _together(refusals))


def _make(
    connection: sa.Connection, account: str, wanted: NodesWanted, count: int, now: int
) -> list[NewNode]:
    if not count:
        return []
    usage.take(connection, account, count * wanted.cores)
    ids = [f"tvmps_{secrets.token_hex(32)}_{'d' if wanted.dedicated else 'p'}" for _ in range(count)]
    rows = [row(wanted.pool, node_id, wanted.dedicated, now) for node_id in ids]
    added = execution.add_nodes(connection, rows)
    inbound.reserve(connection, wanted.pool, [number for number, _ in added], wanted.ports)
    return [NewNode(number, node_id, wanted.dedicated) for number, node_id in added]


def _together(refusals: list[Refusal]) -> Refusal | None:
    """Of both kinds of nodes; the rule is that of the first."""
    if not refusals:
        return None
    return refusals[0]._replace(nodes=sum(refusal.nodes for refusal in refusals))
