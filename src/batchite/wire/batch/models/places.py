"""Where some properties lie in a model, found once for each model: what is about few of many properties
looks nowhere else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter
from typing import Generic, NamedTuple, TypeVar

from msgspec import UNSET

from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import Model

T = TypeVar("T")


class Own(NamedTuple, Generic[T]):
    """A property meant, by its name in Python and in JSON, and what is to be known of it."""

    attribute: str
    name: str
    about: T


class Inner(NamedTuple, Generic[T]):
    """A property that holds a model, or several, in which there is something meant."""

    attribute: str
    name: str
    places: Places[T]


class Places(Generic[T]):
    def __init__(self, own: Sequence[Own[T]], inner: Sequence[Inner[T]]) -> None:
        self.own = own
        self.inner = inner
        names = [*(one.attribute for one in own), *(one.attribute for one in inner)]
        self._values = attrgetter(*names) if names else None
        self._silence = UNSET if len(names) == 1 else (UNSET,) * len(names)

    def __bool__(self) -> bool:
        return bool(self.own or self.inner)

    def met(self, model: Model, where: str) -> Iterator[tuple[str, object, T]]:
        """What of it a model says, however deep: path, value, and what is to be known of the property."""
        if self._values is None or self._values(model) == self._silence:  # as of most models
            return iter(())
        return self._met(model, where)

    def _met(self, model: Model, where: str) -> Iterator[tuple[str, object, T]]:
        for attribute, name, about in self.own:
            if (value := getattr(model, attribute)) is not UNSET:
                yield where + name, value, about
        for attribute, name, places in self.inner:
            value = getattr(model, attribute)
            if type(value) is tuple:
                for index, item in enumerate(value):
                    yield from places.met(item, f"{where}{name}[{index}].")
            elif value is not UNSET and value is not None:
                yield from places.met(value, f"{where}{name}.")


def find(model: type[Model], meant: Callable[[type[Model], str], T | None]) -> Places[T]:
    """Where in a model the properties lie of which there is something to be known, by model and name in
    JSON. What lies below them is not looked at."""
    own, inner = [], []
    for one in shapes.properties(model):
        if (about := meant(model, one.name)) is not None:
            own.append(Own(one.attribute, one.name, about))
        elif one.model is not None and (below := find(one.model, meant)):
            inner.append(Inner(one.attribute, one.name, below))
    return Places(tuple(own), tuple(inner))
