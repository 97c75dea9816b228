"""What properties a list can be filtered by: their types and operators.

A list has a table of them, by the names of the API in its letter case. Texts and enumerations are
compared without regard to case, except for paths of files; so enumerations come out of `check` in lower
case.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from batchite.wire.batch.errors import BatchError, invalid_query
from batchite.wire.batch.models import enums
from batchite.wire.batch.models.fields import Model
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

S = TypeVar("S")
Properties: TypeAlias = "Mapping[str, tuple[Field, Any]]"
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
    has_case: bool = False
    """it is compared with regard to case"""


@dataclass(frozen=True, slots=True)
class Table(Generic[S]):
    """A list of things of this model: what it can be filtered by, each with the place of its value."""

    model: type[Model]
    properties: Mapping[str, tuple[Field, S]]


TEXT = Field("text", _ORDERED, starts_with=True)
NAME = Field("text", _EQUAL)
ONE_NAME = Field("text", ("eq",))
ID_RANGE = Field("text", ("eq", "ge", "gt", "le", "lt"), starts_with=True)
PATH = Field("text", (), starts_with=True, has_case=True)
TIME = Field("time", _ORDERED)
NUMBER = Field("number", _ORDERED)
TRUTH = Field("truth", _EQUAL)


def one_of(values: type[enums.WireEnum], operators: tuple[str, ...] = _EQUAL) -> Field:
    """One of the values of an enumeration."""
    return Field("text", operators, values=tuple(member.value.lower() for member in values))


def read(text: str, fields: Properties) -> Expression:
    """Parse a filter for a list and check it. Raises BatchError."""
    return check(parse(text), fields, text)


def check(expression: Expression, fields: Properties, text: str) -> Expression:
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


def names(expression: Expression | None) -> Iterator[str]:
    """The properties that the expression looks at."""
    match expression:
        case None:
            return
        case And(parts) | Or(parts):
            for part in parts:
                yield from names(part)
        case StartsWith(name, _) | Comparison(name, _, _):
            yield name


def _field(name: str, fields: Properties, text: str) -> Field:
    if name not in fields:
        raise _refuse(text, f"filters by {name}; this list can be filtered by {', '.join(fields)}")
    return fields[name][0]


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
