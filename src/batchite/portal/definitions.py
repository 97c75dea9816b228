"""Definitions of resources from the fields of a form, in the words of the API."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from batchite.portal.answers import Refused
from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.fields import Model, whole

M = TypeVar("M", bound=Model)


class Fields:
    """What was typed; what is empty was not given."""

    def __init__(self, form: Mapping[str, str]) -> None:
        self._form = form

    def text(self, name: str) -> str | None:
        return self._form.get(name, "").strip() or None

    def number(self, name: str) -> int | str | None:
        """As it was typed if it is none, to be refused with its property's name."""
        text = self.text(name)
        try:
            return None if text is None else whole(text)
        except ValueError:
            return text

    def pairs(
        self, name: str, known: Mapping[str, Mapping[str, str]] = MappingProxyType({})
    ) -> list[Mapping[str, str]] | None:
        """Lines of the form NAME=value, as the API has settings of an environment. A line that is `known`
        stands for that setting."""
        lines = [line.strip() for line in self._form.get(name, "").splitlines()]
        return [known.get(line) or _pair(line) for line in lines if line] or None

    def identity(self, name: str) -> dict[str, Any] | None:
        """That of an elevated automatic user, if its box is checked."""
        return {"autoUser": {"elevationLevel": "admin"}} if self.text(name) else None


def _pair(line: str) -> Mapping[str, str]:
    name, _, value = line.partition("=")
    return {"name": name.strip(), "value": value}


def typed(form: Mapping[str, str] | None) -> Mapping[str, str]:
    """To be shown again in the form; what was not typed is empty."""
    return defaultdict(str, form or {})


def made(model: type[M], definition: Mapping[str, Any]) -> M:
    """Raises BatchError."""
    return codec.convert(_given(definition), model)


def _given(value: Mapping[str, Any]) -> dict[str, Any]:
    """Without what was not given, on any level."""
    found = {name: _given(part) if isinstance(part, Mapping) else part for name, part in value.items()}
    return {name: part for name, part in found.items() if part not in (None, {})}


def reason(error: BatchError | Refused) -> str:
    """A refusal for people: which property, and why; the message where there is none."""
    if isinstance(error, Refused):
        return str(error)
    values = dict(error.values)
    name, why = values.get("PropertyName"), values.get("Reason")
    return f"{name}: {why}." if name and why else error.message
