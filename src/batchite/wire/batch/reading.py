"""What the service's reader makes of JSON that is not quite what a model says.

It takes a text wherever a value of a plain type is due and reads it as one, and clients have come to
send numbers and truth values so. Text that says no such value is left, to be refused like any other
value of the wrong type. It passes over annotations, which clients send back with what they got.
"""

from __future__ import annotations

from typing import Any

import msgspec

from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import whole

_TRUTHS = {"true": True, "false": False}


def as_read(value: Any, type_: type) -> Any:
    """Plain JSON values for a model: without annotations, and with what is text in them and a number or a
    truth value there made such."""
    return _as_read(value, shapes.described(type_))


def _as_read(value: Any, node: msgspec.inspect.Type) -> Any:
    match value:
        case str():
            return _plain(value, shapes.essence(node))
        case list() if (item := shapes.item(node)) is not None:
            return [_as_read(one, item) for one in value]
        case dict() if fields := shapes.fields(node):
            return {
                name: _as_read(one, fields[name].type) if name in fields else one
                for name, one in value.items()
                if not is_annotation(name)
            }
    return value


def is_annotation(name: str) -> bool:
    """Of an object (`odata.metadata`) or of one of its properties (`id@odata.type`)."""
    return name.startswith("odata.") or "@odata." in name


def _plain(text: str, node: msgspec.inspect.Type) -> str | int | bool:
    if isinstance(node, msgspec.inspect.BoolType):
        return _TRUTHS.get(text.strip().lower(), text)
    if isinstance(node, msgspec.inspect.IntType):
        try:
            return whole(text)
        except ValueError:
            return text
    return text
