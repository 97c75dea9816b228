"""Properties that models have for clients of other versions: refused in requests, left out of answers, where
bodies are models and no plain JSON values."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from msgspec import UNSET
from msgspec.structs import replace

from batchite.wire.batch.models import places
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.places import Places
from batchite.wire.batch.refusals import no_such_property
from batchite.wire.batch.versions.changes import New

M = TypeVar("M", bound=Model)


class Hiding:
    def __init__(self, hidden: Iterable[New]) -> None:
        self._hidden = tuple(hidden)
        self._places: dict[type[Model], Places[bool]] = {}

    def check(self, request: Model) -> None:
        """Raises BatchError if something hidden is said."""
        for path, value, _ in self._of(type(request)).met(request, ""):
            where, dot, name = path.rpartition(".")
            raise no_such_property(where + dot, name, value, ())

    def without(self, answer: M) -> M:
        found = self._of(type(answer))
        if next(found.met(answer, ""), None) is None:
            return answer
        shown: M = _without(answer, found)
        return shown

    def _of(self, model: type[Model]) -> Places[bool]:
        if model not in self._places:
            self._places[model] = places.find(model, lambda one, name: name in self._names(one) or None)
        return self._places[model]

    def _names(self, model: type[Model]) -> frozenset[str]:
        return frozenset().union(*(one.hides for one in self._hidden if issubclass(model, one.models)))


def _without(value: Any, found: Places[bool]) -> Any:
    if not found:
        return value
    if type(value) is tuple:
        return tuple(_without(item, found) for item in value)
    if not isinstance(value, Model):
        return value
    gone = {one.attribute: UNSET for one in found.own}
    inner = {one.attribute: _without(getattr(value, one.attribute), one.places) for one in found.inner}
    return replace(value, **gone, **inner)
