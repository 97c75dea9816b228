"""What has been measured of a pool, and how formulas look back at it.

A gap is a gap: what was not sampled is not made up, and counts in `percent`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from typing import Final, NamedTuple

import msgspec

from batchite.scheduling.autoscale.values import Vector
from batchite.scheduling.autoscale.variables import SAMPLED
from batchite.wire.ticks import Duration

STORED: Final = SAMPLED
"""A sample is stored as values in this order, so a new variable goes to the end."""


class Series(NamedTuple):
    """Of one variable, the oldest first."""

    times: Sequence[int]
    values: Sequence[float]


NOTHING = Series((), ())


class Period(NamedTuple):
    """After the one and until the other, both in ticks."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Samples:
    """By variable; taken every so often, as far as there was somebody to take them."""

    every: Duration
    series: Mapping[str, Series] = field(default_factory=dict)

    @classmethod
    def of_stored(cls, rows: Sequence[tuple[int, bytes]], every: Duration) -> Samples:
        """Of the times and what `stored` has made, the oldest first."""
        times = [at for at, _ in rows]
        columns = zip(*(_padded(_decoder.decode(measured)) for _, measured in rows), strict=True)
        return cls(
            every,
            {name: _series(times, values) for name, values in zip(STORED, columns, strict=False)},
        )

    def count(self, variable: str) -> int:
        return len(self._of(variable).times)

    def begin(self, variable: str) -> int | None:
        """When the oldest sample was taken; None if there is none."""
        times = self._of(variable).times
        return times[0] if times else None

    def newest(self, variable: str) -> float | None:
        values = self._of(variable).values
        return values[-1] if values else None

    def last(self, variable: str, count: int) -> Vector:
        """So many, or as many as there are; the oldest first."""
        values = self._of(variable).values
        return tuple(values[max(len(values) - count, 0) :]) if count > 0 else ()

    def within(self, variable: str, period: Period) -> Vector:
        """The oldest first."""
        first, end = self._found(variable, period)
        return tuple(self._of(variable).values[first:end])

    def percent(self, variable: str, period: Period) -> float:
        """Of the samples that the period has time for, those that there are."""
        first, end = self._found(variable, period)
        expected = max((period.end - period.start) // self.every.ticks, 1)
        return min(100.0 * (end - first) / expected, 100.0)

    def _of(self, variable: str) -> Series:
        return self.series.get(variable, NOTHING)

    def _found(self, variable: str, period: Period) -> tuple[int, int]:
        times = self._of(variable).times
        return bisect_right(times, period.start), bisect_right(times, period.end)


def stored(measured: Mapping[str, float]) -> bytes:
    """One sample, of those variables that could be measured."""
    return _encoder.encode([measured.get(name) for name in STORED])


def _padded(values: list[float | None]) -> list[float | None]:
    """Samples of the past lack variables that have come since."""
    return values + [None] * (len(STORED) - len(values))


def _series(times: Sequence[int], values: Sequence[float | None]) -> Series:
    known = [value for value in values if value is not None]
    if len(known) == len(values):
        return Series(times, known)
    return Series(list(compress(times, (value is not None for value in values))), known)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[float | None])
