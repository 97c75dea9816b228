"""Pages of a list that do not fill the memory, however large the resources are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa

from batchite.store.batch import walking
from batchite.store.batch.walking import TRUE, USUAL, Effort, Rows, Way
from batchite.wire.batch.odata.filter import Expression

PAGE_BYTES = 16 * 1024 * 1024
"""A page ends before the definition that goes beyond this, if it has another before."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of the rows for which `condition` holds, those with a number above `after`, at most `limit`.

    With `newest_first` those with a number below it, the highest first; 0 is above all. The `expression` is
    what the condition was made of, None if the list is not filtered.
    """

    limit: int
    after: int = 0
    condition: sa.ColumnElement[bool] = TRUE
    newest_first: bool = False
    expression: Expression | None = None
    effort: Effort = USUAL

    def of(self, query: sa.Select[Any], number: sa.ColumnElement[int]) -> sa.Select[Any]:
        """The first of these among what the query finds, and one more if there is another page."""
        chosen = query.where(self.condition).limit(self.limit + 1)
        if not self.newest_first:
            return chosen.where(number > self.after).order_by(number)
        return (chosen.where(number < self.after) if self.after else chosen).order_by(number.desc())


class Part(NamedTuple, Generic[R]):
    """The part of a list that is on a page, and whether more comes after it: after the last row, or after the
    number that was `reached`, where the page may have fewer rows than there are, even none."""

    rows: Sequence[R]
    more: bool
    reached: int | None = None


def cut(rows: Sequence[R], limit: int) -> Part[R]:
    """The first of these rows, at most `limit`."""
    return Part(rows[:limit], len(rows) > limit)


def read(
    connection: sa.Connection, query: sa.Select[Any], number: sa.ColumnElement[int], wanted: Wanted
) -> Part[Any]:
    """What is wanted of the rows that the query finds, only as many as a page may have."""
    if wanted.expression is None or wanted.newest_first:
        return _within(connection.execute(wanted.of(query, number)), wanted.limit)
    rows = Rows(query.with_only_columns(number), number)
    return read_by(connection, query, rows, (walking.through_all(rows, wanted.condition),), wanted)


def read_by(
    connection: sa.Connection, query: sa.Select[Any], rows: Rows, ways: Sequence[Way], wanted: Wanted
) -> Part[Any]:
    """What is wanted of the rows that the query finds, by the ways that lead to what passes the filter, as
    far as the time allows."""
    numbers, reached = walking.walk(
        connection, rows, ways, wanted.condition, wanted.after, wanted.limit, wanted.effort
    )
    if not numbers:
        return Part((), reached is not None, reached)
    found = query.where(rows.number.in_(numbers)).order_by(rows.number)
    part = _within(connection.execute(found), wanted.limit)
    return part if part.more else Part(part.rows, reached is not None, reached)


def _within(found: Iterable[Any], limit: int) -> Part[Any]:
    """As many rows as a page may have, of `limit` and perhaps one more."""
    rows: list[Any] = []
    size = 0
    for row in found:
        size += len(row.definition)
        if size > PAGE_BYTES and rows:
            return Part(rows, True)
        rows.append(row)
    return cut(rows, limit)
