"""Taking nulls out of requests that create something."""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec

from batchite.wire.batch.models.fields import Model

M = TypeVar("M", bound=Model)

_PLAIN = frozenset((msgspec.UnsetType, str, int, bool))
"""Types of values that neither are null nor have one in them: most models have no others."""


def without_nulls(model: M) -> M:
    """The model with every null made absent; the same object if it has none."""
    cleaned: M = _clean(model)
    return cleaned


def _clean(value: Any) -> Any:
    if isinstance(value, Model):
        return _clean_model(value)
    if type(value) is tuple:
        items = tuple(_clean(item) for item in value)
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    return msgspec.UNSET if value is None else value


def _clean_model(model: Model) -> Model:
    values = msgspec.structs.astuple(model)
    if _PLAIN.issuperset(map(type, values)):
        return model
    changes = {}
    for name, value in zip(model.__struct_fields__, values, strict=True):
        if value is msgspec.UNSET:
            continue
        if value is None or type(value) is tuple or isinstance(value, Model):
            cleaned = _clean(value)
            if cleaned is not value:
                changes[name] = cleaned
    return msgspec.structs.replace(model, **changes) if changes else model
