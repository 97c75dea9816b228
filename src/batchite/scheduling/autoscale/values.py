"""What formulas work with: numbers, vectors of numbers, text, moments and lengths of time.

Every double is finite. A doubleVec of one element stands where a double is wanted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import chain
from math import isfinite
from typing import Final, TypeAlias

from batchite.scheduling.autoscale import limits
from batchite.scheduling.autoscale.errors import UnfitError
from batchite.wire import http_dates
from batchite.wire.ticks import TICKS_PER_DAY, TICKS_PER_SECOND, Duration, Timestamp

Vector: TypeAlias = tuple[float, ...]
Value: TypeAlias = float | Vector | str | Timestamp | Duration

TYPES: Final[dict[type, str]] = {
    float: "double",
    tuple: "doubleVec",
    str: "string",
    Timestamp: "timestamp",
    Duration: "timeinterval",
}
INTERVALS: Final = {
    "TimeInterval_Zero": 0,
    "TimeInterval_100ns": 1,
    "TimeInterval_Microsecond": 10,
    "TimeInterval_Millisecond": 10_000,
    "TimeInterval_Second": TICKS_PER_SECOND,
    "TimeInterval_Minute": 60 * TICKS_PER_SECOND,
    "TimeInterval_Hour": 3600 * TICKS_PER_SECOND,
    "TimeInterval_Day": TICKS_PER_DAY,
    "TimeInterval_Week": 7 * TICKS_PER_DAY,
    "TimeInterval_Year": 365 * TICKS_PER_DAY,
}
"""In ticks."""
FIELDS: Final = ("year", "month", "day", "weekday", "hour", "minute", "second")
"""Of a timestamp, in UTC; Monday is 1 and Sunday 7."""

_FIRST: Final = Timestamp.parse("0001-01-01T00:00:00Z").ticks
_LAST: Final = Timestamp.parse("9999-12-31T23:59:59.9999999Z").ticks
_DATE: Final = re.compile(r"(\d{4})(?:-(\d\d)(?:-(\d\d))?)?", re.ASCII)


def type_of(value: Value) -> str:
    return TYPES[type(value)]


def double(number: float) -> float:
    """Raises UnfitError unless it is finite."""
    if not isfinite(number):
        raise UnfitError("the number is too large")
    return number + 0.0  # of the two zeros the one without a sign


def vector(elements: Iterable[float]) -> Vector:
    """Raises UnfitError if there are too many, or one is not finite."""
    made = _bounded(tuple(elements))
    if not all(map(isfinite, made)):
        raise UnfitError("a number is too large")
    return made


def _bounded(made: Vector) -> Vector:
    if len(made) > limits.ELEMENTS:
        raise UnfitError(f"a doubleVec has at most {limits.ELEMENTS:,} elements")
    return made


def interval(ticks: int) -> Duration:
    """Raises UnfitError if it is longer than the calendar."""
    if abs(ticks) > _LAST - _FIRST:
        raise UnfitError("the timeinterval is too long")
    return Duration(ticks)


def moment(ticks: int) -> Timestamp:
    """Raises UnfitError outside of the years 1 to 9999."""
    if not _FIRST <= ticks <= _LAST:
        raise UnfitError("the timestamp is outside of the years 1 to 9999")
    return Timestamp(ticks)


def parsed(text: str) -> Timestamp:
    """A date as W3C or RFC 1123 have it; UTC where it does not say otherwise. Raises UnfitError."""
    try:
        date = _DATE.fullmatch(text)
        if date is not None:
            return Timestamp.parse(f"{date[1]}-{date[2] or '01'}-{date[3] or '01'}T00:00Z")
        if "," in text:
            return moment(http_dates.read(text).ticks)
        return Timestamp.parse(text)
    except ValueError:
        raise UnfitError(
            "time() takes a date such as 2026-01-31, 2026-01-31T12:00:00Z or Sat, 31 Jan 2026 12:00:00 GMT"
        ) from None


def field(value: Value, name: str) -> float:
    """Raises UnfitError unless the value is a timestamp and the field one of `FIELDS`."""
    if not isinstance(value, Timestamp):
        raise UnfitError(f"only a timestamp has fields such as '{name}', and this is a {type_of(value)}")
    at = value.to_datetime()
    return float(at.isoweekday() if name == "weekday" else getattr(at, name))


def as_double(value: Value, what: str) -> float:
    """Raises UnfitError."""
    if isinstance(value, float):
        return value
    if isinstance(value, tuple):
        if len(value) == 1:
            return value[0]
        raise UnfitError(f"{what} is to be one number, and this doubleVec has {len(value):,} elements")
    raise UnfitError(f"{what} is to be a double, and this is a {type_of(value)}")


def as_vector(value: Value, what: str) -> Vector:
    """Raises UnfitError."""
    if isinstance(value, tuple):
        return value
    return (as_double(value, what),)


def flattened(values: Sequence[Value]) -> Vector:
    """What a doubleVecList comes to. Raises UnfitError."""
    vectors = [as_vector(value, "what is in a list of numbers") for value in values]
    if len(vectors) == 1:
        return vectors[0]
    return _bounded(tuple(chain.from_iterable(vectors)))


def shown(value: Value) -> str:
    """As results have it: six significant digits, moments to the millisecond."""
    match value:
        case float():
            return f"{value:.6g}"
        case tuple():
            return f"[{','.join(f'{element:.6g}' for element in value)}]"
        case Timestamp():
            at = value.to_datetime()
            return f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z".rjust(24, "0")
        case Duration() | str():
            return str(value)
