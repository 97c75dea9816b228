"""What operators give, by the types on their sides."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, Final

from batchite.scheduling.autoscale.errors import UnfitError
from batchite.scheduling.autoscale.values import (
    Value,
    Vector,
    as_double,
    double,
    interval,
    moment,
    type_of,
    vector,
)
from batchite.wire.ticks import Duration, Timestamp

Operation = Callable[[Any, Any], Value]

_LOGICAL: Final = ("&&", "||")


def settled(sign: str, left: Value) -> Value | None:
    """What && or || gives whatever its right side is, which is then not looked at. Raises UnfitError."""
    if sign not in _LOGICAL:
        return None
    is_either = sign == "||"
    return float(is_either) if truth(left, f"what stands beside {sign}") is is_either else None


def binary(sign: str, left: Value, right: Value) -> Value:
    """What is not `settled`. Raises UnfitError."""
    if sign in _LOGICAL:
        return float(truth(right, f"what stands beside {sign}"))
    found = _find(sign, left, right)
    if found is None and isinstance(left, tuple) and len(left) == 1:
        left = left[0]
        found = _find(sign, left, right)
    if found is None and isinstance(right, tuple) and len(right) == 1:
        right = right[0]
        found = _find(sign, left, right)
    if found is None:
        raise UnfitError(f"there is no {type_of(left)} {sign} {type_of(right)}")
    return found(left, right)


def unary(sign: str, value: Value) -> Value:
    """Raises UnfitError."""
    if sign == "-" and isinstance(value, Duration):
        return Duration(-value.ticks)
    number = as_double(value, f"what {sign} is before")
    return double(-number) if sign == "-" else float(not number)


def truth(value: Value, what: str) -> bool:
    """Everything but 0 is true. Raises UnfitError."""
    return as_double(value, what) != 0.0


def _find(sign: str, left: Value, right: Value) -> Operation | None:
    if sign in _COMPARISONS:
        return _COMPARISONS[sign] if type(left) is type(right) and not isinstance(left, tuple) else None
    return _OPERATIONS.get((type(left), sign, type(right)))


def _divide(left: float, right: float) -> float:
    if right == 0.0:
        raise UnfitError("division by zero")
    return left / right


_ARITHMETIC: Final[Mapping[str, Callable[[float, float], float]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": _divide,
}


def _comparison(compare: Callable[[Any, Any], bool]) -> Operation:
    return lambda left, right: float(compare(left, right))


_COMPARISONS: Final[Mapping[str, Operation]] = {
    "<": _comparison(operator.lt),
    "<=": _comparison(operator.le),
    "==": _comparison(operator.eq),
    ">=": _comparison(operator.ge),
    ">": _comparison(operator.gt),
    "!=": _comparison(operator.ne),
}


def _doubles(sign: str) -> Operation:
    calculate = _ARITHMETIC[sign]
    return lambda left, right: double(calculate(left, right))


def _vectors(sign: str) -> Operation:
    calculate = _ARITHMETIC[sign]

    def of(left: Vector, right: Vector) -> Vector:
        if len(left) != len(right):
            raise UnfitError(
                f"the doubleVecs on both sides of {sign} have {len(left):,} and {len(right):,} elements"
            )
        return vector(map(calculate, left, right))

    return of


def _vector_and_double(sign: str) -> Operation:
    calculate = _ARITHMETIC[sign]
    return lambda left, right: vector(calculate(element, right) for element in left)


def _double_and_vector(sign: str) -> Operation:
    calculate = _ARITHMETIC[sign]
    return lambda left, right: vector(calculate(left, element) for element in right)


def _scaled(length: Duration, by: float) -> Duration:
    return interval(_whole(length.ticks * by))


def _divided(length: Duration, by: float) -> Duration:
    return interval(_whole(_divide(length.ticks, by)))


def _whole(ticks: float) -> int:
    return round(double(ticks))


_OPERATIONS: Final[Mapping[tuple[type, str, type], Operation]] = {
    **{(float, sign, float): _doubles(sign) for sign in _ARITHMETIC},
    **{(tuple, sign, tuple): _vectors(sign) for sign in _ARITHMETIC},
    **{(tuple, sign, float): _vector_and_double(sign) for sign in _ARITHMETIC},
    **{(float, sign, tuple): _double_and_vector(sign) for sign in _ARITHMETIC},
    (float, "*", Duration): lambda left, right: _scaled(right, left),
    (Duration, "*", float): _scaled,
    (Duration, "/", float): _divided,
    (Duration, "+", Duration): lambda left, right: interval(left.ticks + right.ticks),
    (Duration, "-", Duration): lambda left, right: interval(left.ticks - right.ticks),
    (Duration, "+", Timestamp): lambda left, right: moment(left.ticks + right.ticks),
    (Timestamp, "+", Duration): lambda left, right: moment(left.ticks + right.ticks),
    (Timestamp, "-", Duration): lambda left, right: moment(left.ticks - right.ticks),
    (Timestamp, "-", Timestamp): lambda left, right: interval(left.ticks - right.ticks),
}
