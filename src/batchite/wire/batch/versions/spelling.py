"""How a version writes a model and all that lies in it: the changes of each model, where each model lies.

Found once for each version and model. A request is lifted from the outside inwards: an object's own
properties first, then the objects in them, which lie under their newest names by then. An answer is
lowered the other way around. Every step knows only its own model.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.reading import is_annotation
from batchite.wire.batch.refusals import no_such_property
from batchite.wire.batch.versions.changes import Change, Default, Json, Path


@dataclass(frozen=True, slots=True)
class Inner:
    """A property that holds models: its newest name, and its name in this version."""

    newest: str
    name: str
    spelling: Spelling


@dataclass(frozen=True, slots=True)
class Spelling:
    """A model in a version: its properties there, what changed of it since (the oldest first), and where
    models lie in it that changed as well."""

    names: frozenset[str]
    changes: tuple[Change, ...]
    inner: tuple[Inner, ...]

    @property
    def is_newest(self) -> bool:
        return not self.changes and not self.inner

    def lift(self, value: object, where: str) -> None:
        """Bring an object of a request to the newest version, or each of a list of them. What is neither
        is left, to be refused like any other value of the wrong type. Raises BatchError."""
        if isinstance(value, list):
            for place, item in enumerate(value):
                self.lift(item, f"{where}[{place}]")
        elif isinstance(value, dict):
            self._lift(value, f"{where}." if where else "")

    def _lift(self, body: Json, where: str) -> None:
        for name in body:
            if name not in self.names and not is_annotation(name):
                raise no_such_property(where, name, body[name], self.names)
        for change in self.changes:
            change.lift(body, where)
        for one in self.inner:
            if one.newest in body:
                one.spelling.lift(body[one.newest], where + one.name)

    def lower(self, value: Any) -> None:
        """Bring an object of an answer to this version, or each of several."""
        if not isinstance(value, dict):
            for item in value:
                self.lower(item)
            return
        for one in self.inner:
            if one.newest in value:
                one.spelling.lower(value[one.newest])
        for change in reversed(self.changes):
            change.lower(value)

    def default(self, name: str) -> object:
        """The default of a property, if it was another then."""
        found = (change.values.get(name) for change in self.changes if isinstance(change, Default))
        return next((value for value in found if value is not None), None)

    def path(self, newest: Path) -> Path | None:
        """How a path of the newest version is written; None if it leads nowhere in this one."""
        return _older(self.changes, self._within(newest))

    def _within(self, path: Path) -> Path | None:
        """The path with all but its first name written as in this version."""
        spelling = next((one.spelling for one in self.inner if one.newest == path[0]), None)
        places = 2 if len(path) > 1 and isinstance(path[1], int) else 1
        if spelling is None or len(path) == places:
            return path
        rest = spelling.path(path[places:])
        return None if rest is None else (*path[:places], *rest)


def _older(changes: tuple[Change, ...], newest: Path | None) -> Path | None:
    path = newest
    for change in reversed(changes):
        if path is not None:
            path = change.spell(path)
    return path


def compiled(
    model: type[Model], changes: tuple[Change, ...], of: Callable[[type[Model]], Spelling]
) -> Spelling:
    """The spelling of a model in the version that differs from the newest by `changes`, the oldest first;
    `of` gives those of the models in it."""
    own = tuple(change for change in changes if issubclass(model, change.models))
    properties = shapes.properties(model)
    names = frozenset(one.name for one in properties)
    for change in reversed(own):
        names = change.names(names)
    inner = tuple(
        Inner(one.name, _name(own, one.name), spelling)
        for one in properties
        if one.model is not None and not (spelling := of(one.model)).is_newest
    )
    return Spelling(names, own, inner)


def _name(changes: tuple[Change, ...], newest: str) -> str:
    """A property's name in the version; its newest where it has none."""
    path = _older(changes, (newest,))
    return newest if path is None else str(path[0])
