"""What each list can be filtered by: property, type and operators.

The names are those of the API, in its letter case. Values of texts and enumerations are compared
without regard to case, so enumerations come out of `check` in lower case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from batchite.wire.batch.errors import BatchError, invalid_query
from batchite.wire.batch.models import enums
from batchite.wire.batch.odata.filter import (
    PARAMETER,
    And,
    Comparison,
    Expression,
    Or,
    StartsWith,
    Value,
    parse,
)
from batchite.wire.ticks import Timestamp

Kind: TypeAlias = Literal["text", "time", "number", "truth"]

_EQUAL = ("eq", "ne")
_ORDERED = ("eq", "ne", "ge", "gt", "le", "lt")
_TYPES: Final[Mapping[Kind, tuple[type, str]]] = {
    "text": (str, "a text in single quotes"),
    "time": (Timestamp, "a time such as DateTime'2026-01-31T12:00:00Z'"),
    "number": (int, "a whole number"),
    "truth": (bool, "true or false"),
}


@dataclass(frozen=True, slots=True)
class Field:
    """A filterable property; `values` are those of an enumeration."""

    kind: Kind
    operators: tuple[str, ...]
    starts_with: bool = False
    values: tuple[str, ...] = ()


_TEXT = Field("text", _ORDERED, starts_with=True)
_NAME = Field("text", _EQUAL)
_TIME = Field("time", _ORDERED)
_NUMBER = Field("number", _ORDERED)
_TRUTH = Field("truth", _EQUAL)
_PREFIX = Field("text", (), starts_with=True)


def _one_of(values: type[enums.WireEnum], operators: tuple[str, ...] = _EQUAL) -> Field:
    return Field("text", operators, values=tuple(member.value.lower() for member in values))


POOLS: Final[Mapping[str, Field]] = {
    "id": _TEXT,
    "state": _one_of(enums.BatchPoolState),
    "stateTransitionTime": _TIME,
    "allocationState": _one_of(enums.AllocationState, ("eq",)),
    "allocationStateTransitionTime": _TIME,
    "creationTime": _TIME,
    "enableAutoScale": _TRUTH,
    "lastModified": _TIME,
    "vmSize": _NAME,
    "enableInterNodeCommunication": _TRUTH,
}
JOBS: Final[Mapping[str, Field]] = {
    "id": _TEXT,
    "state": _one_of(enums.BatchJobState),
    "stateTransitionTime": _TIME,
    "creationTime": _TIME,
    "lastModified": _TIME,
    "executionInfo/startTime": _TIME,
    "executionInfo/endTime": _TIME,
    "executionInfo/poolId": _TEXT,
}
TASKS: Final[Mapping[str, Field]] = {
    "id": _TEXT,
    "state": _one_of(enums.BatchTaskState),
    "stateTransitionTime": _TIME,
    "creationTime": _TIME,
    "lastModifiedTime": _TIME,  # so spelled in the service's table, unlike the property
    "lastModified": _TIME,
    "executionInfo/startTime": _TIME,
    "executionInfo/endTime": _TIME,
    "executionInfo/exitCode": _NUMBER,
    "executionInfo/result": _one_of(enums.BatchTaskExecutionResult),
}
NODES: Final[Mapping[str, Field]] = {
    "state": _one_of(enums.BatchNodeState),
    "stateTransitionTime": _TIME,
    "lastBootTime": _TIME,
    "allocationTime": _TIME,
    "startTaskInfo/state": _one_of(enums.BatchStartTaskState, ("eq",)),
    "startTaskInfo/result": _one_of(enums.BatchTaskExecutionResult),
    "startTaskInfo/exitCode": _NUMBER,
    "startTaskInfo/startTime": _TIME,
    "startTaskInfo/endTime": _TIME,
}
FILES: Final[Mapping[str, Field]] = {"name": _PREFIX}
IMAGES: Final[Mapping[str, Field]] = {
    "osType": _one_of(enums.OSType),
    "verificationType": _one_of(enums.ImageVerificationType),
    "nodeAgentSKUId": _NAME,
}


def read(text: str, fields: Mapping[str, Field]) -> Expression:
    """Parse a filter for a list and check it. Raises BatchError."""
    return check(parse(text), fields, text)


def check(expression: Expression, fields: Mapping[str, Field], text: str) -> Expression:
    """The expression with enumeration values in lower case; `text` is quoted in errors.

    Raises BatchError for a property, operator or value that this list does not know.
    """
    match expression:
        case And(parts):
            return And(tuple(check(part, fields, text) for part in parts))
        case Or(parts):
            return Or(tuple(check(part, fields, text) for part in parts))
        case StartsWith(name, _):
            if not _field(name, fields, text).starts_with:
                raise _refuse(text, f"uses startswith with {name}, which does not support it")
            return expression
        case Comparison(name, operator, literal):
            field = _field(name, fields, text)
            return Comparison(name, operator, _value(name, operator, literal, field, text))


def renamed(expression: Expression, names: Mapping[str, str]) -> Expression:
    """The expression with other names for its properties."""
    match expression:
        case And(parts):
            return And(tuple(renamed(part, names) for part in parts))
        case Or(parts):
            return Or(tuple(renamed(part, names) for part in parts))
        case StartsWith(name, text):
            return StartsWith(names[name], text)
        case Comparison(name, operator, literal):
            return Comparison(names[name], operator, literal)


def _field(name: str, fields: Mapping[str, Field], text: str) -> Field:
    if name not in fields:
        raise _refuse(text, f"filters by {name}; this list can be filtered by {', '.join(fields)}")
    return fields[name]


def _value(name: str, operator: str, literal: Value, field: Field, text: str) -> Value:
    if operator not in field.operators:
        supported = ", ".join(field.operators) or "startswith only"
        raise _refuse(text, f"uses {operator} with {name}, which supports {supported}")
    type_, words = _TYPES[field.kind]
    if type(literal) is not type_:
        raise _refuse(text, f"compares {name} with the wrong type: it takes {words}")
    return _enumerated(name, literal, field, text) if field.values else literal


def _enumerated(name: str, literal: Value, field: Field, text: str) -> Value:
    folded = str(literal).lower()
    if folded not in field.values:
        raise _refuse(text, f"compares {name} with no value of it: those are {', '.join(field.values)}")
    return folded


def _refuse(text: str, reason: str) -> BatchError:
    return invalid_query(PARAMETER, text, reason)
