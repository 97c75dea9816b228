"""What can be told of a `filePattern`, and of a path beside it, before there are files: wildcards and
variables. `nodes.outputs.pattern` says what they mean."""

from __future__ import annotations

import re
from typing import Final

VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{([^{}]*)\})", re.ASCII)
WINDOWS_VARIABLE: Final = re.compile(r"%([^%]+)%")
ESCAPED: Final = re.compile(r"\[([*?[\]])\]")


def is_wild(text: str) -> bool:
    """It may mean several files: it has `*`, `?`, or a choice of one character at least."""
    plain = ESCAPED.sub("", text)
    return "*" in plain or "?" in plain or 0 <= plain.find("[") < plain.rfind("]") - 1


def without_variables(text: str) -> str:
    """What of it is there on any node, whatever its variables are."""
    return WINDOWS_VARIABLE.sub("", VARIABLE.sub("", text))
