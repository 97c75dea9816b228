"""The functions of formulas."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from batchite.scheduling.autoscale.errors import UnfitError
from batchite.scheduling.autoscale.values import (
    Value,
    Vector,
    as_double,
    as_vector,
    double,
    flattened,
    parsed,
    vector,
)
from batchite.wire.ticks import Timestamp


class Moment(NamedTuple):
    """What functions may know beside their arguments."""

    now: Timestamp
    random: Callable[[], float]
    """a number from 0 to 1"""


class Function(NamedTuple):
    least: int
    most: int | None
    """arguments; None: any number"""
    call: Callable[[Sequence[Value], Moment], Value]
    """Raises UnfitError."""


def _of_list(name: str, calculate: Callable[[Vector], float], *, of_nothing: float | None = None) -> Function:
    def call(arguments: Sequence[Value], _moment: Moment) -> float:
        elements = flattened(arguments)
        if not elements:
            if of_nothing is None:
                raise UnfitError(f"{name}() has no number to go by: its doubleVec is empty")
            return of_nothing
        return double(calculate(elements))

    return Function(0, None, call)


def _logarithm(name: str, calculate: Callable[[float], float]) -> Function:
    def of(number: float) -> float:
        if number <= 0.0:
            raise UnfitError(f"{name}() takes numbers above 0, and this is {number:.6g}")
        return calculate(number)

    def call(arguments: Sequence[Value], _moment: Moment) -> Value:
        if len(arguments) == 1 and isinstance(arguments[0], float):
            return of(arguments[0])
        return vector(map(of, flattened(arguments)))

    return Function(1, None, call)


def _of_number(name: str, calculate: Callable[[float], float]) -> Function:
    def call(arguments: Sequence[Value], _moment: Moment) -> float:
        return double(float(calculate(as_double(arguments[0], f"what {name}() takes"))))

    return Function(1, 1, call)


def _mean(elements: Vector) -> float:
    return _sum(elements) / len(elements)


def _sum(elements: Vector) -> float:
    try:
        return math.fsum(elements)
    except OverflowError:
        return math.inf


def _deviation(elements: Vector) -> float:
    """Of a sample; that of one number is 0."""
    if len(elements) == 1:
        return 0.0
    mean = _mean(elements)
    return math.hypot(*(element - mean for element in elements)) / math.sqrt(len(elements) - 1)


def _rounded(number: float) -> float:
    """Halves go away from zero."""
    whole = math.floor(abs(number))
    return math.copysign(whole + (abs(number) - whole >= 0.5), number)


def _percentile(arguments: Sequence[Value], _moment: Moment) -> float:
    """Between two elements it is interpolated."""
    ordered = sorted(as_vector(arguments[0], "the first argument of percentile()"))
    percent = as_double(arguments[1], "the second argument of percentile()")
    if not ordered:
        raise UnfitError("percentile() has no number to go by: its doubleVec is empty")
    if not 0.0 <= percent <= 100.0:
        raise UnfitError(f"percentile() takes a percentage from 0 to 100, and this is {percent:.6g}")
    place = (len(ordered) - 1) * percent / 100.0
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    share = place - below
    return double(ordered[below] * (1.0 - share) + ordered[above] * share)


def _element(arguments: Sequence[Value], _moment: Moment) -> float:
    elements = as_vector(arguments[0], "the first argument of val()")
    index = math.trunc(as_double(arguments[1], "the second argument of val()"))
    if not 0 <= index < len(elements):
        raise UnfitError(
            f"val() is asked for element {index:,}, and the doubleVec has {len(elements):,}, from 0 on"
        )
    return elements[index]


def _time(arguments: Sequence[Value], moment: Moment) -> Timestamp:
    text: Any = arguments[0] if arguments else ""
    if not isinstance(text, str):
        raise UnfitError('time() takes a string such as "2026-01-31T12:00:00Z"')
    text = text.strip()
    return parsed(text) if text else moment.now


FUNCTIONS: Final[Mapping[str, Function]] = {
    "avg": _of_list("avg", _mean),
    "ceil": _of_number("ceil", math.ceil),
    "floor": _of_number("floor", math.floor),
    "len": _of_list("len", len, of_nothing=0.0),
    "lg": _logarithm("lg", math.log2),
    "ln": _logarithm("ln", math.log),
    "log": _logarithm("log", math.log10),
    "max": _of_list("max", max),
    "min": _of_list("min", min),
    "norm": _of_list("norm", lambda elements: math.hypot(*elements)),
    "percentile": Function(2, 2, _percentile),
    "rand": Function(0, 0, lambda _arguments, moment: moment.random()),
    "range": _of_list("range", lambda elements: max(elements) - min(elements)),
    "round": _of_number("round", _rounded),
    "std": _of_list("std", _deviation),
    "sum": _of_list("sum", _sum, of_nothing=0.0),
    "time": Function(0, 1, _time),
    "val": Function(2, 2, _element),
    "vec": Function(0, None, lambda arguments, _moment: flattened(arguments)),
}
STOP: Final = "stop"
"""Ends the evaluation, and is therefore none of them."""
