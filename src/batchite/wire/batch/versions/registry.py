"""API versions: what a request or answer of an older one looks like in the newest, and back.

Operations know the newest version only. A `Change` describes the step from one version to the next
newer one, operation by operation; older versions are reached by doing the steps one after another,
so each version only ever tells what it changed itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from batchite.wire.batch.errors import BatchError, missing_query
from batchite.wire.batch.versions import clients

PARAMETER = "api-version"

Json: TypeAlias = dict[str, Any]
Step: TypeAlias = Callable[[Json], Json]


@dataclass(frozen=True)
class Change:
    """The step from `version` to the next newer version.

    `lift` turns a request's JSON of an operation (`Task_Add`) into the newer shape and may raise
    BatchError; `lower` turns an answer's JSON of the newer shape into the older. An operation that is
    not named did not change.
    """

    version: str
    lift: Mapping[str, Step] = field(default_factory=dict)
    lower: Mapping[str, Step] = field(default_factory=dict)


@dataclass(frozen=True)
class Version:
    """An API version a client may ask for; `changes` lead from it to the newest, oldest first."""

    text: str
    changes: tuple[Change, ...] = ()

    @property
    def is_newest(self) -> bool:
        """Whether bodies go as they are, without a detour over plain JSON values."""
        return not self.changes

    def lift(self, operation: str, request: Json) -> Json:
        """A request of this version in the newest shape."""
        for change in self.changes:
            if step := change.lift.get(operation):
                request = step(request)
        return request

    def lower(self, operation: str, answer: Json) -> Json:
        """An answer of the newest shape in this version's shape."""
        for change in reversed(self.changes):
            if step := change.lower.get(operation):
                answer = step(answer)
        return answer


class Registry:
    """The versions a service speaks."""

    def __init__(self, newest: str, changes: tuple[Change, ...] = ()) -> None:
        """`changes` are in order, the oldest version first."""
        older = {one.version: Version(one.version, changes[index:]) for index, one in enumerate(changes)}
        self._newest = Version(newest)
        self._versions = {**older, newest: self._newest}

    @property
    def newest(self) -> Version:
        """The version operations are written for."""
        return self._newest

    def resolve(self, text: str | None) -> Version:
        """The version a request names in its query. Raises BatchError if it names none or an unknown one."""
        if not text:
            raise missing_query(PARAMETER, self._newest.text)
        version = self._versions.get(text)
        if version is None:
            raise _unsupported(text[:100], self._versions)
        return version


def _unsupported(text: str, known: Iterable[str]) -> BatchError:
    reason = f"this service speaks {', '.join(map(clients.named, known))}"
    values = (("QueryParameterName", PARAMETER), ("QueryParameterValue", text), ("Reason", reason))
    detail = f"{PARAMETER} is {clients.named(text)}; {reason}. Use a client that speaks it."
    return BatchError("UnsupportedRequestVersion", detail, values)
