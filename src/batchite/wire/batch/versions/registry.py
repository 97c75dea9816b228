"""API versions: what requests and answers of an older one look like in the newest, and back.

Operations know the newest version only. Each older one tells what it did otherwise than the next newer
one, and is reached by all the steps between.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate

from batchite.wire.batch.errors import BatchError, PropertyError, missing_query
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.versions import clients
from batchite.wire.batch.versions.changes import Change, Json, Path, Renamed
from batchite.wire.batch.versions.spelling import Spelling, compiled

PARAMETER = "api-version"

_DATED = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\d{1,4}\.\d{1,4})?", re.ASCII)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


class Version:
    """An API version a client may ask for; `changes` lead from it to the newest, the oldest first.

    Bodies of the newest go as they are, without a detour over plain JSON values.
    """

    def __init__(self, text: str, changes: tuple[Change, ...] = ()) -> None:
        self.text = text
        self.is_newest = not changes
        self._changes = changes
        self._spellings: dict[type[Model], Spelling] = {}
        self._words = _words(changes)

    def _spelling(self, model: type[Model]) -> Spelling:
        if model not in self._spellings:
            self._spellings[model] = compiled(model, self._changes, self._spelling)
        return self._spellings[model]

    def lift(self, model: type[Model], request: object) -> None:
        """Bring a request's JSON, which is to become a model, to the newest version. Raises BatchError."""
        self._spelling(model).lift(request, "")

    def lower(self, model: type[Model], answer: Json) -> None:
        """Bring an answer's JSON, made of a model, to this version."""
        self._spelling(model).lower(answer)

    def default(self, model: type[Model], name: str) -> object:
        """What a property is when a request leaves it out, as JSON; None where that is as in the newest.
        Those who make a model that a request left out as a whole have to ask."""
        return self._spelling(model).default(name)

    def names(self, model: type[Model]) -> frozenset[str]:
        """The names of a model's properties in this version."""
        return self._spelling(model).names

    def paths(self, model: type[Model], newest: Iterable[str]) -> dict[str, str]:
        """Those paths (`executionInfo/result`) that lead to something in this version, by how it writes
        them, to how the newest does."""
        spelling = self._spelling(model)
        found = ((spelling.path(tuple(path.split("/"))), path) for path in newest)
        return {"/".join(map(str, path)): other for path, other in found if path is not None}

    def respelled(self, error: PropertyError, model: type[Model]) -> PropertyError:
        """The refusal of a property of a request, as clients of this version write it."""
        steps = (int(place) if place else name for name, place in _STEP.findall(error.name))
        path = self._spelling(model).path(tuple(steps))
        return error.respelled(error.name if path is None else _spell(path), self._words)


def _words(changes: tuple[Change, ...]) -> dict[str, str]:
    """By each newest name of a property the one that it had, whatever its model."""
    words: dict[str, str] = {}
    for change in reversed(changes):
        if isinstance(change, Renamed):
            words = {new: change.older.get(old, old) for new, old in words.items()}
            words = {**change.older, **words}
    return words


def _spell(path: Path) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


class Registry:
    """The versions a service speaks."""

    def __init__(self, newest: str, older: Mapping[str, tuple[Change, ...]] | None = None) -> None:
        """`older` says what each version did otherwise than the next one, in order, the oldest first."""
        self.newest = Version(newest)
        steps = list((older or {}).items())[::-1]
        chains = accumulate((changes for _, changes in steps), lambda later, own: own + later)
        known = [Version(text, chain) for (text, _), chain in zip(steps, chains, strict=True)]
        self._versions = {one.text: one for one in (self.newest, *known)}

    def __iter__(self) -> Iterator[Version]:
        """The newest first."""
        return iter(self._versions.values())

    def resolve(self, text: str | None) -> Version:
        """The version a request names in its query; the newest for a later date than that. Raises BatchError
        if it names none or an unknown one."""
        if not text:
            raise missing_query(PARAMETER, self.newest.text)
        version = self._versions.get(text)
        if version is not None:
            return version
        if text > self.newest.text and _is_date(text):
            return self.newest
        raise _unsupported(text[:100], self._versions)


def _is_date(text: str) -> bool:
    match = _DATED.fullmatch(text)
    try:
        return match is not None and bool(datetime.date.fromisoformat(match[1]))
    except ValueError:
        return False


def _unsupported(text: str, known: Iterable[str]) -> BatchError:
    newest, *older = known
    reason = f"this service speaks {', '.join([clients.named(newest), *older])}"
    values = (("QueryParameterName", PARAMETER), ("QueryParameterValue", text), ("Reason", reason))
    detail = f"{PARAMETER} is {clients.named(text)}; {reason}. Use a client that speaks one of them."
    return BatchError("UnsupportedRequestVersion", detail, values)
