"""What SQLite and PostgreSQL spell alike and SQLAlchemy keeps apart."""

from __future__ import annotations

from typing import TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

Insert: TypeAlias = sqlite.Insert

Key = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
"""Text that is found and sorted by its code points: so it always is in SQLite, PostgreSQL has to be told."""


def insert(connection: sa.Connection, table: sa.Table) -> Insert:
    """An INSERT with `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return insert_for(connection.dialect.name, table)


def insert_for(dialect: str, table: sa.Table) -> Insert:
    """The same by the dialect's name, for statements that are built once and kept."""
    if dialect == "sqlite":
        return sqlite.insert(table)
    from sqlalchemy.dialects import postgresql  # costs a tenth of a second that few need to spend

    return postgresql.insert(table)  # type: ignore[return-value]  # the same methods


def least(dialect: str, one: sa.ColumnElement[int], other: int) -> sa.ColumnElement[int]:
    """The smaller of two numbers."""
    function = sa.func.min if dialect == "sqlite" else sa.func.least
    return function(one, sa.literal_column(str(other)))


def greatest(dialect: str, one: sa.ColumnElement[int], other: sa.ColumnElement[int]) -> sa.ColumnElement[int]:
    """The larger of two numbers."""
    return sa.func.max(one, other) if dialect == "sqlite" else sa.func.greatest(one, other)


def partial_index(name: str, *columns: str, where: str, unique: bool = False) -> sa.Index:
    """An index of the rows for which `where` holds.

    PostgreSQL is told when the index is made: to be given its option, SQLAlchemy loads its dialect.
    """
    index = sa.Index(name, *columns, unique=unique, sqlite_where=sa.text(where))
    sa.event.listen(index, "before_create", _tell_postgresql)
    return index


def _tell_postgresql(index: sa.Index, connection: sa.Connection, **_: object) -> None:
    if connection.dialect.name == "postgresql":
        index.dialect_options["postgresql"]["where"] = index.dialect_options["sqlite"]["where"]
