"""Facts as they are written into sentences: numbers with their nouns, and facts that may be missing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter
from typing import Any


@dataclass(frozen=True, slots=True)
class _Word:
    """`{nodes}` is the fact itself, `{nodes:node}` "1 node" or "3 nodes", and `{error: (%s)}` is " (why)", or
    nothing where there is no fact."""

    fact: Any

    def __format__(self, form: str) -> str:
        if "%s" in form:
            return "" if self.fact in (None, "") else form.replace("%s", str(self.fact))
        return f"{self.fact} {form}{'' if self.fact == 1 else 's'}" if form else str(self.fact)


def filled(template: str, facts: Mapping[str, Any]) -> str:
    """The template with the facts in the places that have their names."""
    return template.format_map({name: _Word(fact) for name, fact in facts.items()})


def form(template: str) -> str:
    """The template as the documentation shows it, with the facts' names in JSON in their places."""
    parts: list[str] = []
    for text, name, spec, _ in Formatter().parse(template):
        parts.append(text)
        if name is not None:
            parts.append(_named(name, spec or ""))
    return "".join(parts)


def _named(name: str, spec: str) -> str:
    first, *others = name.split("_")
    fact = f"*{first}{''.join(map(str.capitalize, others))}*"
    if "%s" in spec:
        return spec.replace("%s", fact)
    return f"{fact} {spec}s" if spec else fact
