"""Numbers and truth values that come as text.

The service's reader takes a text wherever a value of a plain type is due and reads it as one, and
clients have come to send some so. Text that says no such value is left, to be refused like any other
value of the wrong type.
"""

from __future__ import annotations

from typing import Any

import msgspec

from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import whole

_TRUTHS = {"true": True, "false": False}


def made_plain(value: Any, type_: type) -> Any:
    """Plain JSON values for a model, with what is text in it and a number or truth value there made such."""
    return _made(value, shapes.described(type_))


def _made(value: Any, node: msgspec.inspect.Type) -> Any:
    match value:
        case str():
            return _read(value, shapes.essence(node))
        case list() if (item := shapes.item(node)) is not None:
            return [_made(one, item) for one in value]
        case dict() if fields := shapes.fields(node):
            return {
                name: _made(one, fields[name].type) if name in fields else one for name, one in value.items()
            }
    return value


def _read(text: str, node: msgspec.inspect.Type) -> str | int | bool:
    if isinstance(node, msgspec.inspect.BoolType):
        return _TRUTHS.get(text.strip().lower(), text)
    if isinstance(node, msgspec.inspect.IntType):
        try:
            return whole(text)
        except ValueError:
            return text
    return text
