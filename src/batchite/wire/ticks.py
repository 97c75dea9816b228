"""Times and durations in ticks of 100 nanoseconds, as the services write them.

`datetime` and `timedelta` stop at microseconds: they lose the seventh digit of a time stamp and
cannot hold the service's "infinite" duration, so neither is used on the wire.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import NewType, NoReturn, Protocol, Self

TICKS_PER_SECOND = 10_000_000
TICKS_PER_DAY = 86_400 * TICKS_PER_SECOND
MAX_TICKS = 2**63 - 1

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_TICKS = (datetime.min.replace(tzinfo=UTC) - _EPOCH).days * TICKS_PER_DAY
_LAST_TICKS = ((datetime.max.replace(tzinfo=UTC) - _EPOCH).days + 1) * TICKS_PER_DAY - 1
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?\s*([Zz]|[+-]\d\d:?\d\d)?", re.ASCII
)
_DURATION = re.compile(
    r"(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?"
    r"(?P<time>T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.(\d{1,9}))?S)?)?",
    re.ASCII,
)


def _fraction_ticks(digits: str | None) -> int:
    return int((digits or "0")[:7].ljust(7, "0"))


def _fraction_text(ticks: int) -> str:
    return f".{ticks:07d}".rstrip("0") if ticks else ""


class _Ticks:
    """An immutable, ordered number of ticks.

    Written out, and not a dataclass, because msgspec encodes every dataclass as a JSON object and never
    asks the hooks that turn these values into text.
    """

    __slots__ = ("ticks",)

    ticks: int

    def __init__(self, ticks: int) -> None:
        object.__setattr__(self, "ticks", ticks)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__} is immutable")

    def __reduce__(self) -> tuple[type[Self], tuple[int]]:
        return type(self), (self.ticks,)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.ticks})"

    def __hash__(self) -> int:
        return hash(self.ticks)

    def __eq__(self, other: object) -> bool:
        return self.ticks == other.ticks if isinstance(other, type(self)) else NotImplemented

    def __lt__(self, other: Self) -> bool:
        return self.ticks < other.ticks if isinstance(other, type(self)) else NotImplemented

    def __le__(self, other: Self) -> bool:
        return self.ticks <= other.ticks if isinstance(other, type(self)) else NotImplemented

    def __gt__(self, other: Self) -> bool:
        return self.ticks > other.ticks if isinstance(other, type(self)) else NotImplemented

    def __ge__(self, other: Self) -> bool:
        return self.ticks >= other.ticks if isinstance(other, type(self)) else NotImplemented


class Timestamp(_Ticks):
    """A moment: `ticks` of 100 ns since 1970-01-01T00:00:00Z."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ISO 8601 (no offset means UTC); digits past the seventh are cut. Raises ValueError."""
        match = _TIMESTAMP.fullmatch(text.strip())
        if match is None:
            raise ValueError("not an ISO 8601 time such as 2026-01-31T12:00:00Z")
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups()[:6])
        moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        zone = match[8]
        if zone and zone not in "Zz":
            offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            try:
                moment = moment - offset if zone[0] == "+" else moment + offset
            except OverflowError:
                raise ValueError("outside of the years 1 to 9999") from None
        return cls(_whole_seconds(moment) * TICKS_PER_SECOND + _fraction_ticks(match[7]))

    @classmethod
    def from_datetime(cls, moment: datetime) -> Self:
        """`moment` must carry a time zone."""
        return cls(_whole_seconds(moment) * TICKS_PER_SECOND + moment.microsecond * 10)

    def to_datetime(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self.ticks // 10)

    def __str__(self) -> str:
        """What lies beyond is written as the first or the last moment of all, as .NET does."""
        seconds, fraction = divmod(min(max(self.ticks, _FIRST_TICKS), _LAST_TICKS), TICKS_PER_SECOND)
        moment = _EPOCH + timedelta(seconds=seconds)
        return f"{moment.replace(tzinfo=None).isoformat()}{_fraction_text(fraction)}Z"

    def __add__(self, duration: Duration) -> Timestamp:
        return Timestamp(min(self.ticks + duration.ticks, MAX_TICKS))

    def __sub__(self, other: Timestamp) -> Duration:
        return Duration(self.ticks - other.ticks)


def _whole_seconds(moment: datetime) -> int:
    difference = moment - _EPOCH
    return difference.days * 86_400 + difference.seconds


class Duration(_Ticks):
    """A length of time in ticks of 100 ns; `INFINITE` stands for "no limit"."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read an ISO 8601 duration; a year counts 365 days and a month 30. Raises ValueError."""
        match = _DURATION.fullmatch(text.strip())
        if match is None or text.strip().endswith(("P", "T")):
            raise ValueError("not an ISO 8601 duration such as PT10M or P1DT2H")
        sign, years, months, weeks, days = match.groups()[:5]
        hours, minutes, seconds, fraction = match.groups()[6:]
        day_count = int(years or 0) * 365 + int(months or 0) * 30 + int(weeks or 0) * 7 + int(days or 0)
        second_count = int(hours or 0) * 3600 + int(minutes or 0) * 60 + int(seconds or 0)
        ticks = day_count * TICKS_PER_DAY + second_count * TICKS_PER_SECOND + _fraction_ticks(fraction)
        if ticks > MAX_TICKS:
            raise ValueError(f"longer than the longest duration, {INFINITE}")
        return cls(-ticks if sign else ticks)

    @classmethod
    def of(cls, *, days: int = 0, minutes: int = 0, seconds: float = 0) -> Self:
        return cls(days * TICKS_PER_DAY + round((minutes * 60 + seconds) * TICKS_PER_SECOND))

    @property
    def seconds(self) -> float:
        return self.ticks / TICKS_PER_SECOND

    @property
    def is_infinite(self) -> bool:
        return self.ticks >= MAX_TICKS

    def __str__(self) -> str:
        days, rest = divmod(abs(self.ticks), TICKS_PER_DAY)
        seconds, fraction = divmod(rest, TICKS_PER_SECOND)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        clock = f"{hours}H" * bool(hours) + f"{minutes}M" * bool(minutes)
        if seconds or fraction or not (days or clock):
            clock += f"{seconds}{_fraction_text(fraction)}S"
        return ("-" if self.ticks < 0 else "") + "P" + f"{days}D" * bool(days) + f"T{clock}" * bool(clock)


INFINITE = Duration(MAX_TICKS)


WallTime = NewType("WallTime", Timestamp)
"""What the machine's clock shows, to compare with times that others wrote: the date of a request, the end
of a token. It may go back, so what happens here has a moment of `Clock.now` instead."""


class Clock(Protocol):
    """Where "now" comes from; tests give their own."""

    def now(self) -> Timestamp:
        """The present moment; every call returns a later one than the call before."""
        ...

    def wall(self) -> WallTime:
        """What the machine's clock shows now, even if it showed more before."""
        ...
