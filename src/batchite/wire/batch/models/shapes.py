"""What models consist of, for those who look at plain JSON values or walk along a path."""

from __future__ import annotations

import functools
from collections.abc import Mapping

import msgspec
from msgspec.inspect import Field, Type


@functools.cache
def described(type_: type) -> Type:
    """A model and all that is in it; costly to find out."""
    return msgspec.inspect.type_info(type_)


def essence(node: Type) -> Type:
    """What a property holds when it holds something."""
    if isinstance(node, msgspec.inspect.UnionType):
        return next(one for one in node.types if not isinstance(one, msgspec.inspect.NoneType))
    return node


def item(node: Type) -> Type | None:
    """What a list consists of; None for what is no list."""
    held = essence(node)
    return held.item_type if isinstance(held, msgspec.inspect.VarTupleType) else None


def fields(node: Type) -> Mapping[str, Field]:
    """The properties of a model by their names in JSON; what is no model has none."""
    held = essence(node)
    return (
        {one.encode_name: one for one in held.fields} if isinstance(held, msgspec.inspect.StructType) else {}
    )
