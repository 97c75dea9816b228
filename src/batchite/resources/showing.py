"""From stored rows to the models of answers: what all resources share."""

from __future__ import annotations

from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import UNSET

from batchite.wire.batch import codec
from batchite.wire.batch.models.fields import Given
from batchite.wire.ticks import Timestamp

M = TypeVar("M", bound=msgspec.Struct)
T = TypeVar("T")


class Address(Protocol):
    """The URL of what lies at these segments of a path, as whoever asks sees this service."""

    def __call__(self, *segments: str) -> str: ...


class Defined(Protocol):
    """What of a stored resource its client has defined, as JSON, and what scheduling may know of it."""

    definition: bytes
    rules: bytes | None


def merged(model: type[M], definition: msgspec.Struct, **computed: Any) -> M:
    """`model` with the properties the client defined (absent and null ones left out) and computed ones."""
    names = set(model.__struct_fields__).difference(computed)
    defined = {name: getattr(definition, name) for name in definition.__struct_fields__ if name in names}
    return model(**{name: value for name, value in defined.items() if value is not None}, **computed)


def affinity_id(node_id: str) -> str:
    """What a task's affinityInfo names the node by."""
    return f"TVM:{node_id}"


def moment(ticks: int | None) -> Given[Timestamp]:
    return UNSET if ticks is None else Timestamp(ticks)


def given(value: T | None) -> Given[T]:
    return UNSET if value is None else value


def decoded(stored: bytes | None, type_: type[T]) -> Given[T]:
    """A part of an answer that is stored as its JSON."""
    return UNSET if stored is None else codec.decode(stored, type_)
