"""The language of `filePattern`.

`*` stands for any characters of a name and `?` for one, `[abc]`, `[a-c]` and `[!abc]` for one of a choice,
and `**` between slashes for any directories. A name that begins with a dot is meant only by a pattern whose
part for it begins with one. `[*]` is an asterisk and nothing more, and so on for `[?]`, `[[]` and `[]]`.
`$NAME` and `${NAME}` are variables, replaced before the pattern is read; one that is not set stays as it is.

In a pattern that is written for Windows `%NAME%` is a variable, in whatever case, and a backslash divides
directories, too.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

from batchite.wire.batch.file_patterns import ESCAPED, VARIABLE, WINDOWS_VARIABLE, is_wild

ANY_DEPTH: Final = "**"


LONGEST: Final = 1024
"""Characters of a part with wildcards. No name has more than 255, so a longer one means nothing; and to make
ready for it would take a time that grows with the square of its length."""


class Part:
    """What a pattern says of one name on the way."""

    def __init__(self, text: str) -> None:
        self.is_deep = text == ANY_DEPTH
        """it stands for any number of directories"""
        self.literal = None if is_wild(text) else ESCAPED.sub(r"\1", text)
        """the only name that it means"""
        self._text = text
        self._hidden = text.startswith(".")

    @cached_property
    def _wild(self) -> re.Pattern[str]:
        """Made when the first name comes to be judged by it."""
        return re.compile(fnmatch.translate(self._text))

    def means(self, name: str) -> bool:
        if self.literal is not None:
            return name == self.literal
        if name.startswith(".") and not self._hidden:
            return False
        return self.is_deep or (len(self._text) <= LONGEST and self._wild.match(name) is not None)


class Pattern(NamedTuple):
    """A pattern by where it leads from the node's root."""

    base: tuple[str, ...]
    """names of the directory in which is looked; what is found is called by its path from there"""
    parts: tuple[Part, ...]
    """the way from there; the last one is never deep"""
    is_wild: bool
    """it may mean several files"""


def expanded(text: str, variables: Mapping[str, str], *, is_windows: bool = False) -> str:
    if is_windows:
        values = {name.upper(): value for name, value in variables.items()}
        return WINDOWS_VARIABLE.sub(lambda found: values.get(found[1].upper(), found[0]), text)
    return VARIABLE.sub(lambda found: variables.get(found[1] or found[2] or "", found[0]), text)


def of_windows(text: str) -> str:
    """A pattern or path that is written for Windows, as others are."""
    return text.replace("\\", "/")


def parse(text: str, working: Sequence[str], root: str) -> Pattern:
    """Of a pattern without variables. `working`: names from the node's root, which tasks know as `root`, to
    where relative patterns begin. Raises ValueError for a pattern that leads out of the root."""
    if text.startswith("/"):
        inner = text.removeprefix(root)
        if inner == text or not inner.startswith("/"):
            raise ValueError
        parts = _normal([], inner)
    else:
        parts = _normal(working, text)
    if not parts:
        raise ValueError
    if parts[-1] == ANY_DEPTH:
        parts.append("*")
    wild = next((place for place, part in enumerate(parts) if is_wild(part)), None)
    start = len(parts) - 1 if wild is None else wild
    base = tuple(ESCAPED.sub(r"\1", part) for part in parts[:start])
    return Pattern(base, tuple(map(Part, _once(parts[start:]))), wild is not None)


def _normal(parts: Sequence[str], path: str) -> list[str]:
    """The way from the root, when this path is gone from there. Raises ValueError if it leaves the root."""
    way = [*parts]
    for part in path.split("/"):
        if part == "..":
            if not way:
                raise ValueError
            way.pop()
        elif part not in ("", "."):
            way.append(part)
    return way


def _once(parts: Sequence[str]) -> Iterator[str]:
    """Any directories below any directories are any directories."""
    for place, part in enumerate(parts):
        if part != ANY_DEPTH or place == 0 or parts[place - 1] != ANY_DEPTH:
            yield part
