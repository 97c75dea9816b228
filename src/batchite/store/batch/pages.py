"""Pages of a list that do not fill the memory, however large the resources are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import sqlalchemy as sa

PAGE_BYTES = 16 * 1024 * 1024
"""A page ends before the definition that goes beyond this, if it has another before."""

EVERY = sa.true()
"""The condition of lists that are not filtered."""

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of the rows for which `condition` holds, those with a number above `after`, at most `limit`.

    With `newest_first` those with a number below it, the highest first; 0 is above all.
    """

    limit: int
    after: int = 0
    condition: sa.ColumnElement[bool] = EVERY
    newest_first: bool = False

    def of(self, query: sa.Select[Any], number: sa.ColumnElement[int]) -> sa.Select[Any]:
        """The first of these among what the query finds, and one more if there is another page."""
        chosen = query.where(self.condition).limit(self.limit + 1)
        if not self.newest_first:
            return chosen.where(number > self.after).order_by(number)
        return (chosen.where(number < self.after) if self.after else chosen).order_by(number.desc())


class Part(NamedTuple, Generic[R]):
    """The part of a list that is on a page, and whether more comes after it."""

    rows: Sequence[R]
    more: bool


def cut(rows: Sequence[R], limit: int) -> Part[R]:
    """The first of these rows, at most `limit`."""
    return Part(rows[:limit], len(rows) > limit)


def read(
    connection: sa.Connection, query: sa.Select[Any], number: sa.ColumnElement[int], wanted: Wanted
) -> Part[Any]:
    """What is wanted of the rows that the query finds, only as many as a page may have."""
    found: list[Any] = []
    size = 0
    for row in connection.execute(wanted.of(query, number)):
        size += len(row.definition)
        if size > PAGE_BYTES and found:
            return Part(found, True)
        found.append(row)
    return cut(found, wanted.limit)
