"""What a version did otherwise than the next newer one, model by model.

A change is about one model, or about every model that is made of a shape, or about several of either,
and holds wherever such a model lies in a body. Bodies are plain JSON objects and are changed in place.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from batchite.wire.batch.errors import missing_property, unreadable_property, unsupported_property
from batchite.wire.batch.honoured import Entry, Treatment
from batchite.wire.batch.models.fields import Model

Json: TypeAlias = dict[str, Any]
Path: TypeAlias = tuple[str | int, ...]
"""names of properties and places in lists, from a model inwards"""
Models: TypeAlias = type[Model] | tuple[type[Model], ...]


class Change:
    """Something about `models` that was otherwise; as it stands here, nothing."""

    def __init__(self, models: Models) -> None:
        self.models = models

    def lift(self, body: Json, where: str) -> None:
        """Bring a request's object to the next newer version. `where` goes before names in errors.
        Raises BatchError for what cannot be brought there."""

    def lower(self, body: Json) -> None:
        """Bring an answer's object of the next newer version to this one."""

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        """The names of all properties, from those of the next newer version."""
        return newer

    def spell(self, newer: Path) -> Path | None:
        """How a path of the next newer version is written here; None if it leads nowhere."""
        return newer


class New(Change):
    """These properties came with the next version."""

    def __init__(self, models: Models, *names: str) -> None:
        super().__init__(models)
        self.hides = frozenset(names)

    def lower(self, body: Json) -> None:
        for name in self.hides:
            body.pop(name, None)

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        return newer - self.hides

    def spell(self, newer: Path) -> Path | None:
        return None if newer[0] in self.hides else newer


class Gone(Change):
    """This property went with the next version, and is treated as an entry of `honoured` says."""

    def __init__(self, model: type[Model], name: str, treatment: Treatment, note: str, *off: object) -> None:
        super().__init__(model)
        self.entry = Entry(model, name, treatment, note, off)

    def lift(self, body: Json, where: str) -> None:
        value = body.pop(self.entry.property, None)
        if self.entry.refuses(value):
            raise unsupported_property(where + self.entry.property, f"{self.entry.note}.", value)

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        return newer | {self.entry.property}


class Kept(Change):
    """This property went with the next version, and is kept for those who know it: the models have it, the
    versions since then do not."""

    def __init__(
        self, models: Models, name: str, note: str = "", called: str = "", of: type[Model] | None = None
    ) -> None:
        """With a `note` it has no effect, as an entry of `honoured` says; without, it has that which it had.
        `called`: its name in those versions, where that is another, and perhaps its path from the model
        `of`."""
        super().__init__(models)
        self._name = name
        first = models[0] if isinstance(models, tuple) else models
        self.entry = Entry(of or first, called or name, "accepted", note) if note else None

    @property
    def hidden(self) -> New:
        """What the versions since then do otherwise than the models."""
        return New(self.models, self._name)


class Shown(Change):
    """An answer had these properties, with these values; they went with the next version."""

    def __init__(self, models: Models, **values: object) -> None:
        super().__init__(models)
        self._values = values

    def lower(self, body: Json) -> None:
        body.update(self._values)

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        return newer | self._values.keys()


class Converted(Change):
    """A property had another name, and values that meant the same in another way.

    `lift` makes the new value of the old one, or raises ValueError with the rule that the old one breaks;
    a property of answers only has none. `lower` makes the old value of the new one, or None for none.
    """

    def __init__(
        self,
        models: Models,
        old: str,
        new: str,
        *,
        lower: Callable[[Any], Any],
        lift: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(models)
        self._old, self._new = old, new
        self._lift, self._lower = lift, lower

    def lift(self, body: Json, where: str) -> None:
        value = body.pop(self._old, None)
        if value is None or self._lift is None:
            return
        try:
            body[self._new] = self._lift(value)
        except ValueError as error:
            raise unreadable_property(where + self._old, value, str(error)) from None

    def lower(self, body: Json) -> None:
        if self._new in body and (value := self._lower(body.pop(self._new))) is not None:
            body[self._old] = value

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        return newer - {self._new} | {self._old}

    def spell(self, newer: Path) -> Path | None:
        return (self._old,) if newer[0] == self._new else newer


class Renamed(Change):
    """Properties had other names: `old="new"`."""

    def __init__(self, models: Models, **names: str) -> None:
        super().__init__(models)
        self._newer = names
        self.older = {new: old for old, new in names.items()}

    def lift(self, body: Json, where: str) -> None:
        for old, new in self._newer.items():
            if old in body:
                body[new] = body.pop(old)

    def lower(self, body: Json) -> None:
        for new, old in self.older.items():
            if new in body:
                body[old] = body.pop(new)

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        return newer - self.older.keys() | self._newer.keys()

    def spell(self, newer: Path) -> Path | None:
        head = newer[0]
        return (self.older[head], *newer[1:]) if isinstance(head, str) and head in self.older else newer


class Moved(Change):
    """Properties lay in the model itself and came to lie in one within it, which is new:
    `old="outer.inner"`."""

    def __init__(self, models: Models, **paths: str) -> None:
        super().__init__(models)
        self._paths = {old: tuple(path.split(".")) for old, path in paths.items()}
        self._outer = frozenset(outer for outer, _ in self._paths.values())

    def lift(self, body: Json, where: str) -> None:
        for old, (outer, inner) in self._paths.items():
            if old in body:
                body.setdefault(outer, {})[inner] = body.pop(old)

    def lower(self, body: Json) -> None:
        held = {outer: body.pop(outer, {}) for outer in self._outer}
        for old, (outer, inner) in self._paths.items():
            if inner in held[outer]:
                body[old] = held[outer][inner]

    def names(self, newer: frozenset[str]) -> frozenset[str]:
        return newer - self._outer | self._paths.keys()

    def spell(self, newer: Path) -> Path | None:
        for old, path in self._paths.items():
            if newer[:2] == path:
                return (old, *newer[2:])
        return None if newer[0] in self._outer else newer


class Default(Change):
    """Properties that a request left out had other values."""

    def __init__(self, models: Models, **values: object) -> None:
        super().__init__(models)
        self.values = values

    def lift(self, body: Json, where: str) -> None:
        for name, value in self.values.items():
            if body.get(name) is None:
                body[name] = value


class Required(Change):
    """Properties that could not be left out."""

    def __init__(self, models: Models, *names: str) -> None:
        super().__init__(models)
        self._names = names

    def lift(self, body: Json, where: str) -> None:
        for name in self._names:
            if body.get(name) is None:
                raise missing_property(where + name)


class Valued(Change):
    """A property had other words for some of its values: `old="new"`, in any letter case."""

    def __init__(self, models: Models, name: str, **values: str) -> None:
        super().__init__(models)
        self._name = name
        self._newer = {old.lower(): new for old, new in values.items()}
        self._older = {new.lower(): old for old, new in values.items()}

    def lift(self, body: Json, where: str) -> None:
        self._replace(body, self._newer)

    def lower(self, body: Json) -> None:
        self._replace(body, self._older)

    def _replace(self, body: Json, words: dict[str, str]) -> None:
        value = body.get(self._name)
        if isinstance(value, str):
            body[self._name] = words.get(value.lower(), value)
