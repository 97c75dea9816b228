"""The filter of a list as people type it: `state:failed,running node:tvm-1* -exit:100 render`.

Words are joined by *and*, the values of a word, with commas between them, by *or*. A `-` before a word turns
it round, a `*` at the end of a value means the beginning. A word without a colon is the beginning of an id.
A mistake is told with its place in the text, and what could be typed at a place is known as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from batchite.configuration import spelling

MAX_LENGTH = 1000
MAX_WORDS = 20
MAX_VALUES = 20
BARE = "id"
"""What a word without a colon is the beginning of."""
_NUMBER = re.compile(r"-?\d{1,9}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Qualifier:
    """What can be searched by: `meaning` is told to people; `values` are all there are, if not empty."""

    name: str
    meaning: str
    values: tuple[str, ...] = ()
    is_number: bool = False
    takes_prefix: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    text: str
    is_prefix: bool


@dataclass(frozen=True, slots=True)
class Word:
    name: str
    values: tuple[Value, ...]
    is_excluded: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """What cannot be understood, from `start` to before `end` in the text."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Parsed:
    """Either words or problems."""

    words: tuple[Word, ...]
    problems: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class Hint:
    """The whole text as it can go on, and what that means."""

    text: str
    meaning: str


def parse(text: str, qualifiers: Sequence[Qualifier]) -> Parsed:
    """The words of the text, or what is wrong with it; never raises."""
    if len(text) > MAX_LENGTH:
        return _hopeless(MAX_LENGTH, text, f"has more than {MAX_LENGTH} characters")
    if "\0" in text:
        return _hopeless(text.index("\0"), text, "has a NUL character")
    pieces = list(re.finditer(r"\S+", text))
    if len(pieces) > MAX_WORDS:
        return _hopeless(pieces[MAX_WORDS].start(), text, f"has more than {MAX_WORDS} words")
    known = {qualifier.name: qualifier for qualifier in qualifiers}
    read = [_Reading(piece.group(), piece.start(), known) for piece in pieces]
    problems = tuple(problem for one in read for problem in one.problems)
    return Parsed((), problems) if problems else Parsed(tuple(one.word for one in read))


def _hopeless(start: int, text: str, why: str) -> Parsed:
    return Parsed((), (Problem(start, len(text), f"the filter {why}"),))


class _Reading:
    """One word of the text, from position `start` on."""

    def __init__(self, text: str, start: int, known: Mapping[str, Qualifier]) -> None:
        self.problems: list[Problem] = []
        bare = text.removeprefix("-") or text
        start += len(text) - len(bare)
        name, colon, rest = bare.partition(":")
        qualifier = known.get(name.lower() if colon else BARE)
        values: list[Value] = []
        if qualifier is None:
            self._refuse(start, len(name), _unknown(name, known))
        elif not colon:
            values = [Value(name.removesuffix("*"), True)]
        else:
            values = list(self._values(rest, start + len(name) + 1, qualifier))
        self.word = Word(qualifier.name if qualifier else "", tuple(values), bare != text)

    def _values(self, text: str, start: int, qualifier: Qualifier) -> Iterator[Value]:
        parts = text.split(",")
        if len(parts) > MAX_VALUES:
            self._refuse(start, len(text), f"{qualifier.name}: has more than {MAX_VALUES} values")
            return
        for part in parts:
            value = Value(part.removesuffix("*"), part.endswith("*"))
            if reason := _why_not(value, qualifier):
                self._refuse(start, len(part), reason)
            yield value
            start += len(part) + 1

    def _refuse(self, start: int, length: int, text: str) -> None:
        self.problems.append(Problem(start, start + length, text))


def _unknown(name: str, known: Mapping[str, Qualifier]) -> str:
    return f"{name!r} is nothing to search by; {spelling.hint(name.lower(), known)}"


def _why_not(value: Value, qualifier: Qualifier) -> str:
    """Empty if the value will do."""
    name = qualifier.name
    if not value.text and not (value.is_prefix and qualifier.takes_prefix):
        example = qualifier.values[0] if qualifier.values else "7" if qualifier.is_number else "…"
        return f"{name}: takes a value, such as {name}:{example}"
    if value.is_prefix and not qualifier.takes_prefix:
        return f"{name}: takes no beginnings, so without the *"
    if qualifier.is_number and _NUMBER.fullmatch(value.text) is None:
        return f"{name}: takes whole numbers, and {value.text!r} is none"
    if qualifier.values and value.text.lower() not in qualifier.values:
        return f"{name}: is one of {', '.join(qualifier.values)}, not {value.text!r}"
    return ""


def hints(
    text: str,
    cursor: int,
    qualifiers: Sequence[Qualifier],
    offered: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> list[Hint]:
    """How the word at the cursor can go on. `offered` are values of qualifiers that are known at the moment,
    each with its meaning."""
    before, after = text[:cursor], text[cursor:]
    begun = re.search(r"\S*$", before)
    word = begun.group() if begun else ""
    kept = before[: len(before) - len(word)]
    rest = re.sub(r"^\S*", "", after)
    minus = "-" if word.startswith("-") else ""
    name, colon, value = word.removeprefix("-").partition(":")
    if not colon:
        found = [
            (f"{minus}{one.name}:", one.meaning) for one in qualifiers if one.name.startswith(name.lower())
        ]
    else:
        complete, _, partial = value.rpartition(",")
        head = f"{minus}{name}:{complete + ',' if complete else ''}"
        found = [
            (head + each, meaning)
            for each, meaning in _known_values(name.lower(), qualifiers, offered or {})
            if each.lower().startswith(partial.lower()) and each.lower() != partial.lower()
        ]
    return [Hint(f"{kept}{each}{rest}", meaning) for each, meaning in found]


def _known_values(
    name: str, qualifiers: Sequence[Qualifier], offered: Mapping[str, Sequence[tuple[str, str]]]
) -> Iterator[tuple[str, str]]:
    for one in qualifiers:
        if one.name == name:
            yield from ((value, one.meaning) for value in one.values)
    yield from offered.get(name, ())
