"""Which tasks of a job wait for which, as little of each as a picture of them takes."""

from __future__ import annotations

from typing import NamedTuple, Protocol, TypeAlias

import msgspec

from batchite.resources.dependencies import number
from batchite.resources.keys import folded
from batchite.resources.states import BLOCKED, counted

Range: TypeAlias = tuple[int, int]
"""Both ends are included."""


class GraphTask(NamedTuple):
    """`number`: its id as one, if it is one. It depends on the tasks of these keys, and of all numbers in
    these ranges; if it is blocked, something of that is not satisfied."""

    key: str
    id: str
    state: str
    """as tasks are counted"""
    number: int | None
    keys: tuple[str, ...]
    ranges: tuple[Range, ...]
    is_blocked: bool


class GraphRow(Protocol):
    """A stored task."""

    key: str
    id: str
    state: str
    result: str | None
    definition: bytes


class _Span(msgspec.Struct, frozen=True):
    start: int
    end: int


class _Parents(msgspec.Struct, frozen=True, rename="camel"):
    task_ids: tuple[str, ...] | None = None
    task_id_ranges: tuple[_Span, ...] | None = None


class _Waiting(msgspec.Struct, frozen=True, rename="camel"):
    """All of a definition that is looked at; many are."""

    depends_on: _Parents | None = None


_decoder = msgspec.json.Decoder(_Waiting)


def task(row: GraphRow) -> GraphTask:
    parents = _decoder.decode(row.definition).depends_on or _Parents()
    return GraphTask(
        row.key,
        row.id,
        counted(row.state, row.result),
        number(row.id),
        tuple(map(folded, parents.task_ids or ())),
        tuple((span.start, span.end) for span in parents.task_id_ranges or ()),
        row.state == BLOCKED,
    )
