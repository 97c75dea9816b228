"""Statements of the fast paths: built by SQLAlchemy once, run on the driver's cursor from then on.

Between `execute` and the driver lies more work than SQLite has with a row. Such a statement is given
what the driver takes as it is (numbers, text, bytes, None) and gives plain tuples.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

import sqlalchemy as sa
from sqlalchemy.sql import visitors

from batchite.store.groups import driver

Values = Mapping[str, int | str | bytes | None]

MOST = 500
"""Rows in one statement, which may have some ten thousand values."""
_ROWS = "@"


class _Compiled(NamedTuple):
    sql: str
    names: tuple[str, ...]
    constants: Mapping[str, Any]
    positional: bool


Statement: TypeAlias = "sa.Select[Any] | sa.Insert | sa.Update | sa.Delete"


class Prepared:
    """Call it with the same names of values each time; errors are the driver's.

    A value has the name of a parameter of the statement, or else of the column that is to be set to it.
    """

    def __init__(self, statement: Statement | Callable[[str], Statement]) -> None:
        """A function makes what is spelled otherwise in every dialect, of whose name it is told."""
        self._make = statement if callable(statement) else lambda _: statement
        self._compiled: dict[str, _Compiled] = {}

    @property
    def parameters(self) -> frozenset[str]:
        """Names of what the statement has to be given, whatever columns it is to set besides."""
        return _parameters(self._make("sqlite"))

    def one_or_none(self, connection: sa.Connection, values: Values) -> Any:
        """The first row, a tuple."""
        cursor = self._run(connection, values)
        row = cursor.fetchone()
        cursor.close()
        return row

    def all(self, connection: sa.Connection, values: Values) -> list[Any]:
        cursor = self._run(connection, values)
        rows: list[Any] = cursor.fetchall()
        cursor.close()
        return rows

    def each(self, connection: sa.Connection, values: Values) -> Generator[Any, None, None]:
        """Rows as they are asked for, which may be fewer than there are; close it before the next write."""
        cursor = self._run(connection, values)
        try:
            yield from cursor
        finally:
            cursor.close()

    def count(self, connection: sa.Connection, values: Values) -> int:
        """Of rows that were changed."""
        cursor = self._run(connection, values)
        changed: int = cursor.rowcount
        cursor.close()
        return changed

    def many(self, connection: sa.Connection, rows: Sequence[Values]) -> None:
        """Once for each of the rows, which all have the same names."""
        if not rows:
            return
        sql, names, constants, positional = self._compile_once(connection, rows[0])
        given = [{**constants, **row} for row in rows] if constants else rows
        cursor = connection.connection.cursor()
        if positional:
            cursor.executemany(sql, [[row[name] for name in names] for row in given])
        else:
            cursor.executemany(sql, given)
        cursor.close()

    def _run(self, connection: sa.Connection, values: Values) -> Any:
        sql, names, constants, positional = self._compile_once(connection, values)
        given = {**constants, **values} if constants else values
        return driver(connection).execute(sql, [given[name] for name in names] if positional else given)

    def _compile_once(self, connection: sa.Connection, values: Values) -> _Compiled:
        compiled = self._compiled.get(connection.dialect.name)
        if compiled is None:
            compiled = self._compiled[connection.dialect.name] = self._compile(connection, values)
        return compiled

    def _compile(self, connection: sa.Connection, values: Values) -> _Compiled:
        statement = self._make(connection.dialect.name)
        columns = [name for name in values if name not in _parameters(statement)]
        compiled = statement.compile(dialect=connection.dialect, column_keys=columns)
        constants = {name: value for name, value in compiled.params.items() if name not in values}
        order = getattr(compiled, "positiontup", None)
        return _Compiled(str(compiled), tuple(order or compiled.params), constants, order is not None)


class Insertion:
    """Rows that are inserted together, by one statement for up to `MOST` of them: SQLite takes half the time
    that it takes for a statement each. The values are those that `Prepared` takes."""

    def __init__(self, statement: Callable[[str], sa.Insert]) -> None:
        """Makes the statement in a dialect, whose name it is told, as for rows of whatever columns."""
        self._make = statement
        self._compiled: dict[tuple[str, tuple[str, ...]], tuple[str, str]] = {}

    def count(self, connection: sa.Connection, rows: Sequence[Values]) -> int:
        """Of those that were inserted; all have the same names, two or more."""
        names = tuple(rows[0])
        sql, row = self._compile_once(connection.dialect, names)
        values_of, inserted = itemgetter(*names), 0
        for start in range(0, len(rows), MOST):
            some = rows[start : start + MOST]
            values = [value for one in some for value in values_of(one)]
            cursor = driver(connection).execute(sql.replace(_ROWS, ", ".join([row] * len(some))), values)
            inserted += cursor.rowcount
            cursor.close()
        return inserted

    def _compile_once(self, dialect: sa.Dialect, names: tuple[str, ...]) -> tuple[str, str]:
        """The statement, with `_ROWS` in place of the rows, and what stands there for one."""
        key = dialect.name, names
        if key not in self._compiled:
            rows = sa.text(f"VALUES {_ROWS}").columns()
            statement = self._make(dialect.name).from_select(list(names), rows)
            marks = ", ".join(["?" if dialect.positional else "%s"] * len(names))
            self._compiled[key] = str(statement.compile(dialect=dialect)), f"({marks})"
        return self._compiled[key]


def _parameters(statement: Statement) -> frozenset[str]:
    return frozenset(
        part.key
        for part in visitors.iterate(statement)
        if isinstance(part, sa.BindParameter) and part.required
    )
