"""What can be asked of a sampled variable."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from batchite.scheduling.autoscale.errors import FewSamplesError, UnfitError
from batchite.scheduling.autoscale.samples import Period, Samples
from batchite.scheduling.autoscale.values import Value, Vector, as_double, type_of
from batchite.wire.ticks import Duration, Timestamp


class Asked(NamedTuple):
    """A variable, at a moment."""

    variable: str
    samples: Samples
    now: Timestamp


class Method(NamedTuple):
    least: int
    most: int
    """arguments"""
    call: Callable[[Asked, Sequence[Value]], Value]
    """Raises UnfitError."""


def _sample(asked: Asked, arguments: Sequence[Value]) -> Vector:
    first, *rest = arguments
    if not _is_bound(first):
        return _last(asked, first, rest)
    bounds = [first]
    if rest and _is_bound(rest[0]):
        bounds.append(rest.pop(0))
    if len(rest) > 1:
        raise UnfitError("GetSample() takes a start, an end and a percentage, in this order")
    period = _period(asked.now, bounds)
    if rest:
        _check_share(asked, period, as_double(rest[0], "the percentage of GetSample()"))
    return asked.samples.within(asked.variable, period)


def _last(asked: Asked, count: Value, rest: Sequence[Value]) -> Vector:
    if rest:
        raise UnfitError("GetSample() of a number of samples takes nothing else")
    wanted = math.trunc(as_double(count, "the number of samples"))
    if wanted < 0:
        raise UnfitError(f"GetSample() takes a number of samples from 0 on, and this is {wanted}")
    return asked.samples.last(asked.variable, wanted)


def _check_share(asked: Asked, period: Period, wanted: float) -> None:
    if not 0.0 <= wanted <= 100.0:
        raise UnfitError(f"GetSample() takes a percentage from 0 to 100, and this is {wanted:.6g}")
    received = asked.samples.percent(asked.variable, period)
    if received < wanted:
        raise FewSamplesError(
            f"Insufficient data from data set: {asked.variable} wanted {wanted:.6g}%, "
            f"received {math.floor(received)}%"
        )


def _percent(asked: Asked, arguments: Sequence[Value]) -> float:
    return asked.samples.percent(asked.variable, _period(asked.now, arguments))


def _begin(asked: Asked, _arguments: Sequence[Value]) -> Timestamp:
    """Now, if there are no samples."""
    begin = asked.samples.begin(asked.variable)
    return asked.now if begin is None else Timestamp(begin)


def _is_bound(value: Value) -> bool:
    return isinstance(value, (Timestamp, Duration))


def _period(now: Timestamp, bounds: Sequence[Value]) -> Period:
    """From the earlier of two bounds to the later, or from one until now."""
    moments = sorted(_moment(now, bound) for bound in bounds)
    return Period(moments[0], moments[1] if len(moments) > 1 else now.ticks)


def _moment(now: Timestamp, bound: Value) -> int:
    """A timeinterval looks so far back."""
    if isinstance(bound, Duration):
        return now.ticks - bound.ticks
    if isinstance(bound, Timestamp):
        return bound.ticks
    raise UnfitError(f"start and end are timestamps or timeintervals, and this is a {type_of(bound)}")


METHODS: Final[Mapping[str, Method]] = {
    "GetSample": Method(1, 3, _sample),
    "GetSamplePercent": Method(1, 2, _percent),
    "GetSamplePeriod": Method(0, 0, lambda asked, _arguments: asked.samples.every),
    "Count": Method(0, 0, lambda asked, _arguments: float(asked.samples.count(asked.variable))),
    "HistoryBeginTime": Method(0, 0, _begin),
}
_FOLDED: Final = {name.lower(): name for name in METHODS}


def full(name: str) -> str | None:
    """The name of the method, found without regard to case."""
    return _FOLDED.get(name.lower())
