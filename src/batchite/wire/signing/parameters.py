"""Query parameters below a signature: what is signed is what the service obeys, and nothing else.

A signature covers a text, and the service obeys a mapping from names to values. Where one text could
stand for two mappings, whoever has seen a signed request could send another one with its signature.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

_LINE_BREAK = re.compile("[\r\n]")


class ParameterError(Exception):
    """No signature can cover the parameter; `reason` reads after "it"."""

    def __init__(self, name: str, value: str, reason: str) -> None:
        super().__init__(f"{name} {reason}")
        self.name = name
        self.value = value
        self.reason = reason


def check(pairs: Iterable[tuple[str, str]], covered: Container[str] | None = None) -> None:
    """Raises ParameterError unless each name occurs once, whatever its letter case, and nothing has what
    ends a name or a line of a signed text.

    `covered` are the names, in lower case, that the signature covers; None: it covers all.
    """
    seen: set[str] = set()
    for name, value in pairs:
        if ":" in name:
            raise ParameterError(name, value, "has a colon in its name, and no signature can cover that")
        if _LINE_BREAK.search(name) or _LINE_BREAK.search(value):
            raise ParameterError(name, value, "has a line break, and no signature can cover that")
        folded = name.lower()
        if folded in seen and (covered is None or folded in covered):
            raise ParameterError(name, value, "is given more than once")
        seen.add(folded)
