"""Users of nodes, by whom people log in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from batchite.resources.keys import folded
from batchite.resources.logins import LoginRow
from batchite.store.batch.recording import later
from batchite.store.batch.schema import logins, nodes
from batchite.store.dialects import insert


def add(connection: sa.Connection, row: Mapping[str, Any]) -> bool:
    """Whether it could be added; False if the node has a user of that name."""
    statement = insert(connection, logins).on_conflict_do_nothing().returning(logins.c.key)
    return connection.execute(statement, dict(row)).scalar() is not None


def replace(
    connection: sa.Connection, node_no: int, name: str, now: int, values: Mapping[str, Any]
) -> int | None:
    """Give a user of the node these values of columns; returns when it was changed, None if there is none."""
    statement = sa.update(logins).where(_of(node_no, name))
    changed = statement.values(modified=later(logins.c.modified, now), **values)
    found: int | None = connection.execute(changed.returning(logins.c.modified)).scalar()
    return found


def delete(connection: sa.Connection, node_no: int, name: str) -> bool:
    """Whether there was one."""
    return connection.execute(sa.delete(logins).where(_of(node_no, name))).rowcount > 0


def forget(connection: sa.Connection, node_no: int) -> None:
    """All of a node."""
    connection.execute(sa.delete(logins).where(logins.c.node_no == node_no))


def of_node(connection: sa.Connection, node_no: int) -> Sequence[LoginRow]:
    """By name."""
    query = sa.select(logins).where(logins.c.node_no == node_no).order_by(logins.c.key)
    return connection.execute(query).all()


def of_pool(connection: sa.Connection, pool_no: int) -> dict[int, list[LoginRow]]:
    """By number of the node."""
    query = sa.select(logins).join(nodes, nodes.c.node_no == logins.c.node_no)
    found: dict[int, list[LoginRow]] = {}
    for row in connection.execute(query.where(nodes.c.pool_no == pool_no).order_by(logins.c.key)):
        found.setdefault(row.node_no, []).append(row)
    return found


def _of(node_no: int, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(logins.c.node_no == node_no, logins.c.key == folded(name))
