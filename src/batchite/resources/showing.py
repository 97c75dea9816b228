"""From stored rows to the models of answers: what all resources share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

import msgspec
from msgspec import UNSET

from batchite.resources.etags import etag
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


class Stamped(Protocol):
    created: int
    modified: int


def stamps(row: Stamped) -> dict[str, Any]:
    """When it was added, and changed last."""
    return {
        "e_tag": etag(row.modified),
        "last_modified": Timestamp(row.modified),
        "creation_time": Timestamp(row.created),
    }


class Passing(Protocol):
    """What comes from one state into another."""

    state: str
    state_time: int
    previous_state: str | None
    previous_state_time: int | None


def transitions(row: Passing, state: Callable[[str], object]) -> dict[str, Any]:
    """The state that it is in, and the one before, with the times since when."""
    return {
        "state": state(row.state),
        "state_transition_time": Timestamp(row.state_time),
        "previous_state": state(row.previous_state) if row.previous_state else UNSET,
        "previous_state_transition_time": moment(row.previous_state_time),
    }


_AFFINITY = "TVM:"
_LONGEST_ID = 200


def affinity_id(node_id: str) -> str:
    """What a task's affinityInfo names the node by, or the task that ran there."""
    return f"{_AFFINITY}{node_id}"


def node_of_affinity(text: str) -> str | None:
    """The id of the node that is named so; None if it can be none."""
    name = text.removeprefix(_AFFINITY)
    return name if text != name and 0 < len(name) <= _LONGEST_ID else None


def moment(ticks: int | None) -> Given[Timestamp]:
    return UNSET if ticks is None else Timestamp(ticks)


def given(value: T | None) -> Given[T]:
    return UNSET if value is None else value


def decoded(stored: bytes | None, type_: type[T]) -> Given[T]:
    """A part of an answer that is stored as its JSON."""
    return UNSET if stored is None else codec.decode(stored, type_)
