"""What models consist of, for those who look at plain JSON values or walk along a path."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec.inspect import Field, Type

from batchite.wire.batch.models.fields import Model


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


@dataclass(frozen=True, slots=True)
class Property:
    """A property by its name in JSON and in Python; `model` is what it holds, one or a list of them, if
    that is a model."""

    name: str
    attribute: str
    model: type[Model] | None
    is_list: bool


_properties: dict[type, tuple[Property, ...]] = {}


def properties(model: type[Model]) -> tuple[Property, ...]:
    """The properties of a model, in their order."""
    if model not in _properties:
        _describe(described(model))
    return _properties[model]


def _describe(node: Type) -> type[Model] | None:
    """Note the properties of the model that this is, if it is one, and of all models in it."""
    if not isinstance(node, msgspec.inspect.StructType) or not issubclass(node.cls, Model):
        return None
    if node.cls not in _properties:
        _properties[node.cls] = ()  # in case it holds itself
        _properties[node.cls] = tuple(_property(field) for field in node.fields)
    return node.cls


def _property(field: Field) -> Property:
    items = item(field.type)
    model = _describe(essence(field.type if items is None else items))
    return Property(field.encode_name, field.name, model, items is not None)
