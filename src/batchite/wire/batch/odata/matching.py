"""Filters of lists that lie in no database."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from batchite.wire.batch.odata.fields import Field, Table
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith, Value

T = TypeVar("T")
Matched = Table[Callable[[T], Value]]
"""A list with the ways to the values of an item."""

_OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    name: getattr(operator, name) for name in ("eq", "ne", "gt", "ge", "lt", "le")
}


def passes(item: T, wanted: Expression | None, table: Matched[T]) -> bool:
    """Whether the item passes the filter, which has been checked; without one everything does."""
    match wanted:
        case None:
            return True
        case And(parts):
            return all(passes(item, part, table) for part in parts)
        case Or(parts):
            return any(passes(item, part, table) for part in parts)
        case StartsWith(name, text):
            field, value = table.properties[name]
            return str(_folded(value(item), field)).startswith(str(_folded(text, field)))
        case Comparison(name, compared, literal):
            field, value = table.properties[name]
            return _OPERATORS[compared](_folded(value(item), field), _folded(literal, field))


def _folded(value: Value, field: Field) -> Value:
    return value.lower() if isinstance(value, str) and not field.has_case else value
