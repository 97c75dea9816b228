"""The numbers of the rows that are on a page of a filtered list, found within a bounded time.

Of ranges that hold few rows all are looked at. Otherwise the rows of streams are looked at in the order of
numbers, slice by slice, until the page is full or the time is over. Then the page has what was found, and
says up to which number everything was looked at; so a page may be empty, but the next one always goes on from
a higher number.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, TypeAlias

import sqlalchemy as sa

from batchite.store.batch.filtering import Clause, unindexed

PATIENCE: Final = 0.05
"""Seconds after which no further slice is begun."""
FEW: Final = 8_000
"""Rows that ranges may hold to be looked at all at once."""
SLICE: Final = 4_000
"""Rows of a stream that are looked at between two glances at the clock."""
_END: Final = 2**63 - 1
"""Beyond all numbers."""

Steady: TypeAlias = Callable[[], float]
"""Seconds of a clock that nobody sets."""
TRUE: Final = sa.true()


class Range(NamedTuple):
    """Rows that an index has one beside the other: those that have these values, and for which more is said,
    in the order of other columns.

    Among these, columns that are said to be NULL are named as well: PostgreSQL does not see that they make no
    difference, as it does where a column has a value.
    """

    values: Mapping[sa.ColumnElement[Any], str | int]
    more: Clause
    by: tuple[sa.ColumnElement[Any], ...]

    @property
    def condition(self) -> Clause:
        return sa.and_(*(column == _literal(value) for column, value in self.values.items()), self.more)


Ranges: TypeAlias = tuple[Range, ...]
"""A row may be in several."""


class Rows(NamedTuple):
    """What there is: a query of their `number`, of which those are in the list that are `shown`, too."""

    base: sa.Select[Any]
    number: sa.ColumnElement[int]
    shown: Clause = TRUE


@dataclass(frozen=True, slots=True)
class Way:
    """How the rows are found for which `rest` holds: by any of the choices of ranges, if these are few, or by
    all streams."""

    streams: Ranges
    rest: Clause
    choices: tuple[Ranges, ...] = ()


def through_all(rows: Rows, condition: Clause) -> Way:
    """By a look at each."""
    return Way((Range({}, TRUE, (rows.number,)),), condition)


class Effort(NamedTuple):
    """How much is looked at for a page."""

    few: int = FEW
    slice: int = SLICE
    patience: float = PATIENCE
    clock: Steady = time.monotonic


USUAL: Final = Effort()


class Walked(NamedTuple):
    """The numbers of the page, ascending; the next one is of those above what was `reached`, None if there is
    none."""

    numbers: Sequence[int]
    reached: int | None


@dataclass(frozen=True, slots=True)
class _Looking:
    """For the rows of a page: those above `after`, at most so many."""

    connection: sa.Connection
    rows: Rows
    after: int
    most: int
    effort: Effort

    def numbers(self, query: sa.Select[Any] | sa.CompoundSelect[Any]) -> list[int]:
        return list(self.connection.execute(query).scalars())

    def scalar(self, query: sa.Select[Any]) -> int | None:
        found: int | None = self.connection.execute(query).scalar()
        return found

    def few(self, way: Way) -> list[int] | None:
        """What is found in ranges of the way that hold few rows; None if none do."""
        for ranges in way.choices:
            if not ranges:
                return []
            if self._are_few(ranges):
                rest = (unindexed(self.rows.number) > self.after, self.rows.shown, way.rest)
                return self.numbers(_any(self.rows.base.where(each.condition, *rest) for each in ranges))
        return None

    def _are_few(self, ranges: Ranges) -> bool:
        """In the order of the index: without one, PostgreSQL may look through the table for the first."""
        left = self.effort.few
        for one in ranges:
            some = self.rows.base.where(one.condition).order_by(*one.by).limit(left + 1).subquery()
            left -= self.scalar(sa.select(sa.func.count()).select_from(some)) or 0
            if left < 0:
                return False
        return True


class _Stream:
    """Rows in the order of numbers, which have been looked at up to the horizon."""

    def __init__(self, looking: _Looking, stream: Range, rest: Clause) -> None:
        self._looking = looking
        self._stream = stream
        self._rest = rest
        self.horizon = looking.after

    def advance(self) -> list[int]:
        """What is found in the next slice; the horizon goes to its end."""
        looking = self._looking
        last = looking.scalar(self._until(_END).limit(1).offset(looking.effort.slice - 1))
        end = _END if last is None else last
        query = self._until(end).where(looking.rows.shown, self._rest)
        found = looking.numbers(query.limit(looking.most))
        self.horizon = found[-1] if len(found) == looking.most else end
        return found

    def _until(self, end: int) -> sa.Select[Any]:
        """The rows beyond the horizon, as far as the number `end`."""
        base, number, stream = self._looking.rows.base, self._looking.rows.number, self._stream
        if self._looking.connection.dialect.name == "postgresql" and stream.values:
            return self._compared_at_once(end)
        query = base.where(stream.condition, number > self.horizon).order_by(*stream.by)
        return query if end == _END else query.where(number <= end)

    def _compared_at_once(self, end: int) -> sa.Select[Any]:
        """PostgreSQL would rather look through the whole table in the order of numbers, since it believes
        rows with such values to be everywhere in it; so it is asked for an order that only one index has."""
        columns = sa.tuple_(*self._stream.values, self._looking.rows.number)
        values = [_literal(value) for value in self._stream.values.values()]
        low = columns > sa.tuple_(*values, _literal(self.horizon))
        high = columns <= sa.tuple_(*values, _literal(end))
        query = self._looking.rows.base.where(self._stream.more, low, high)
        return query.order_by(*self._stream.values, self._looking.rows.number)


def _literal(value: str | int) -> sa.ColumnElement[Any]:
    """A number may be more than its column takes."""
    return sa.literal(value, sa.BigInteger if isinstance(value, int) else sa.Text)


def _any(queries: Iterator[sa.Select[Any]]) -> sa.Select[Any] | sa.CompoundSelect[Any]:
    first, *others = queries
    return sa.union_all(first, *others) if others else first


def walk(
    connection: sa.Connection,
    rows: Rows,
    ways: Sequence[Way],
    whole: Clause,
    after: int,
    limit: int,
    effort: Effort,
) -> Walked:
    """The first of those with a number above `after`, at most `limit`, to which the ways lead. `whole` is the
    filter, for a look at each row where a way has nothing better."""
    began = effort.clock()
    looking = _Looking(connection, rows, after, limit + 1, effort)
    found: set[int] = set()
    streams: list[_Stream] = []
    for way in ways:
        few = looking.few(way)
        if few is not None:
            found.update(few)
        elif any(not stream.values and stream.more is TRUE for stream in way.streams):
            found, streams = (
                set(),
                [_Stream(looking, each, whole) for each in through_all(rows, whole).streams],
            )
            break
        else:
            streams += [_Stream(looking, each, way.rest) for each in way.streams]
    return _page(looking, found, streams, limit, lambda: effort.clock() - began >= effort.patience)


def _page(
    looking: _Looking, found: set[int], streams: Sequence[_Stream], limit: int, is_over: Callable[[], bool]
) -> Walked:
    while True:
        nearest = min(streams, key=lambda stream: stream.horizon, default=None)
        horizon = _END if nearest is None else nearest.horizon
        ready = sorted(number for number in found if number <= horizon)[: limit + 1]
        if len(ready) > limit:
            return Walked(ready[:limit], ready[limit - 1])
        if nearest is None or horizon == _END:
            return Walked(ready, None)
        if horizon > looking.after and is_over():
            return Walked(ready, horizon)
        found.update(nearest.advance())
