"""API versions: what requests and answers of an older one look like in the newest, and back.

Operations know the newest version only. Each older one tells what it did otherwise than the next newer
one, and is reached by all the steps between. What is kept for clients of older versions the models have as
well, and each version since hides it.
"""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TypeVar

from batchite.wire.batch.errors import BatchError, PropertyError, missing_query
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.versions import clients
from batchite.wire.batch.versions.changes import Change, Json, Kept, New, Path, Renamed
from batchite.wire.batch.versions.hiding import Hiding
from batchite.wire.batch.versions.spelling import Spelling, compiled

M = TypeVar("M", bound=Model)

PARAMETER = "api-version"

_DATED = re.compile(r"(\d{4}-\d\d-\d\d)(?:\.\d{1,4}\.\d{1,4})?", re.ASCII)
_STEP = re.compile(r"([^.\[\]]+)|\[(\d{1,9})\]")


class Version:
    """An API version a client may ask for; `changes` lead from it to the newest, the oldest first. It has no
    properties that are `hidden`.

    Bodies of the newest go as they are, without a detour over plain JSON values.
    """

    def __init__(self, text: str, changes: tuple[Change, ...] = (), hidden: tuple[New, ...] = ()) -> None:
        self.text = text
        self.is_newest = not changes
        self._changes = changes + hidden
        self._hiding = Hiding(hidden)
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

    def check_hidden(self, request: Model) -> None:
        """Of a request that was decoded as it is. Raises BatchError if it has what this version has not."""
        self._hiding.check(request)

    def shown(self, answer: M) -> M:
        """An answer that is to be encoded as it is, without what this version has not."""
        return self._hiding.without(answer)

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
        steps = tuple(int(place) if place else name for name, place in _STEP.findall(error.name))
        path = self._spelling(model).path(steps) if steps else None
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
        no_changes: tuple[New, ...] = ()
        texts, steps = list(older or {}), list((older or {}).values())
        chains = list(accumulate(steps[::-1], lambda later, own: own + later))[::-1]
        gone = (tuple(one.hidden for one in step if isinstance(one, Kept)) for step in steps)
        hidden = list(accumulate(gone, initial=no_changes))
        self.newest = Version(newest, hidden=hidden.pop())
        known = [Version(*one) for one in zip(texts, chains, hidden, strict=True)][::-1]
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
