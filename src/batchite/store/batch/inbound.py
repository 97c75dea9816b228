"""Ports that are reserved for nodes: one by each rule, for one node at a time.

Every node has the rule by which people log in; those of a pool's inbound NAT pools come on top. All nodes are
reached by addresses of the same machine, so no port is two nodes', whatever their pools.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import count
from typing import Any, Final

import sqlalchemy as sa

from batchite.resources.inbound import LOGIN, Places, Reserved
from batchite.resources.rules import Ports
from batchite.store.batch.schema import inbound, nodes
from batchite.store.dialects import insert

_LOGINS: Final = (Ports(LOGIN, 50000, 55000), Ports(LOGIN, 55001, 65534))
"""In the cloud the first is for this alone; here pools have more nodes than it has ports."""
_TRIES: Final = 5
"""Of getting ports that other owners take at the same moment."""


def places(connection: sa.Connection, ranges: Sequence[Ports]) -> Places | None:
    """For how many nodes each range has ports; None if there are no ranges."""
    if not ranges:
        return None
    sizes = [one.last - one.first + 1 for one in ranges]
    taken = [_taken(connection, one) for one in ranges]
    return Places(min(map(int.__sub__, sizes, taken)), min(sizes))


def _taken(connection: sa.Connection, ports: Ports) -> int:
    query = sa.select(sa.func.count()).where(inbound.c.port.between(ports.first, ports.last))
    number: int = connection.execute(query).scalar_one()
    return number


def reserve(
    connection: sa.Connection, pool_no: int, node_nos: Sequence[int], ranges: Sequence[Ports]
) -> None:
    """A port of each range for new nodes of a pool, and one to log in, the lowest that are free. Nodes get
    the lowest numbers that no other node of the pool has."""
    used: set[int] = set(connection.execute(_numbers(pool_no)).scalars())
    free = (number for number in count() if number not in used)
    numbered = dict(zip(node_nos, free, strict=False))
    for one in ranges:
        _reserve(connection, one, numbered)
    for one in _LOGINS:
        numbered = _reserve(connection, one, numbered)


def _numbers(pool_no: int) -> sa.Select[Any]:
    joined = inbound.join(nodes, nodes.c.node_no == inbound.c.node_no)
    return sa.select(inbound.c.number).select_from(joined).where(nodes.c.pool_no == pool_no).distinct()


def _reserve(connection: sa.Connection, ports: Ports, numbered: Mapping[int, int]) -> dict[int, int]:
    """For nodes with these numbers. Returns those for which there was none."""
    missing = dict(numbered)
    adding = insert(connection, inbound).on_conflict_do_nothing().returning(inbound.c.node_no)
    for _ in range(_TRIES):
        found = sa.select(inbound.c.port).where(inbound.c.port.between(ports.first, ports.last))
        taken = set(connection.execute(found).scalars())
        free = (port for port in range(ports.first, ports.last + 1) if port not in taken)
        rows = [
            {"port": port, "node_no": node_no, "rule": ports.name, "number": number}
            for (node_no, number), port in zip(missing.items(), free, strict=False)
        ]
        if not rows:
            break
        for node_no in connection.execute(adding, rows).scalars():
            del missing[node_no]
    return missing


def of_nodes(connection: sa.Connection, node_nos: Sequence[int]) -> dict[int, list[Reserved]]:
    """By node; the ports of NAT pools first, as they were reserved."""
    query = sa.select(inbound).where(inbound.c.node_no.in_(node_nos))
    found: dict[int, list[Reserved]] = {}
    for row in connection.execute(query.order_by(inbound.c.rule == LOGIN, inbound.c.port)):
        found.setdefault(row.node_no, []).append(Reserved(row.port, row.rule, row.number))
    return found
