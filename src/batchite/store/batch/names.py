"""Ids that jobs and job schedules of an account share: none of the one kind has that of one of the other."""

from __future__ import annotations

from functools import cache

import sqlalchemy as sa

from batchite.resources.keys import folded


def is_free(connection: sa.Connection, other: sa.Table, account: str, name: str) -> bool:
    """Whether nothing in the `other` table has this id. Nobody else takes it until the transaction ends, if
    they ask, too: there is no constraint over two tables."""
    given = {"of": account, "name": folded(name)}
    if connection.dialect.name == "postgresql":
        connection.execute(_LOCK, {"text": f"{account}/{folded(name)}"})
    return not connection.execute(_taken(other), given).scalar_one()


_LOCK = sa.select(
    sa.func.pg_advisory_xact_lock(
        sa.func.hashtextextended(sa.bindparam("text", type_=sa.Text), sa.literal_column("0"))
    )
)


@cache
def _taken(table: sa.Table) -> sa.Select[bool]:
    """Built once: building a statement takes longer than running it."""
    mine = (table.c.account == sa.bindparam("of"), table.c.key == sa.bindparam("name"))
    return sa.select(sa.exists().where(*mine))
