"""`$select` and `$expand`: which properties of a resource an answer has."""

from __future__ import annotations

import difflib
from collections.abc import Collection

import msgspec

from batchite.wire.batch.errors import BatchError, invalid_query
from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import Model

SELECT = "$select"
EXPAND = "$expand"
EXPANDABLE = "stats"


def parse_select(text: str, known: Collection[str]) -> frozenset[str] | None:
    """Those of the known properties that `$select` asks for; None means all. Raises BatchError for an
    unknown name."""
    if not text.strip():
        return None
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            raise _unknown(text, name, known)
    return frozenset(names)


def parse_expand(text: str | None) -> bool:
    """Whether statistics are asked for, the only thing that can be. Raises BatchError."""
    if text is None or not text.strip():
        return False
    for name in text.split(","):
        if name.strip() != EXPANDABLE:
            raise invalid_query(EXPAND, text, f"may name {EXPANDABLE} only")
    return True


def pick(value: Model, names: frozenset[str] | None) -> Model | dict[str, object]:
    """What of `value` is to be encoded, in the order of its properties."""
    if names is None:
        return value
    known = shapes.properties(type(value))
    chosen = {one.name: getattr(value, one.attribute) for one in known if one.name in names}
    return {name: part for name, part in chosen.items() if part is not msgspec.UNSET}


def _unknown(text: str, name: str, known: Collection[str]) -> BatchError:
    close = difflib.get_close_matches(name[:100], known, n=1)
    hint = f"; did you mean {close[0]}" if close else ""
    return invalid_query(SELECT, text, f"names {name[:100]!r}, which is no property of this resource{hint}")
