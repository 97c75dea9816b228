"""From verb and raw path to the operation.

The path is matched as it was sent: split on `/` first, each segment decoded once afterwards, so that
`%2F` inside a segment stays part of that segment. A path within a path, such as that of a file, is
the rest of the segments, whether the `/` between its parts were encoded or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import unquote_to_bytes

from batchite.web.problems import MalformedRequest, PathNotFound, VerbNotAllowed

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Route = tuple[str, str, T]
"""(verb, pattern, target); the pattern's segments are literals, `{parameter}`, `name({parameter})`, and at
the end perhaps `{parameter...}`, which takes one segment or more"""

_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CALL = re.compile(r"(\w+\()\{(\w+)\}\)")


@dataclass(frozen=True, slots=True)
class Match(Generic[T_co]):
    """The route's target and the decoded values of its parameters."""

    target: T_co
    params: Mapping[str, str]


@dataclass(slots=True)
class _Shape(Generic[T]):
    """All routes with the same literals in the same places."""

    literals: tuple[tuple[int, str], ...]
    calls: tuple[tuple[int, str], ...]
    """beginnings of segments that end with a bracket, with a parameter between"""
    targets: dict[str, tuple[tuple[tuple[int, str], ...], T]]

    def fits(self, segments: list[str]) -> bool:
        return all(segments[place] == text for place, text in self.literals) and all(
            segments[place].startswith(text) and segments[place].endswith(")") for place, text in self.calls
        )

    def values(self, segments: list[str], parameters: tuple[tuple[int, str], ...]) -> dict[str, str]:
        within = {place: segments[place][len(text) : -1] for place, text in self.calls}
        return {name: within.get(place, segments[place]) for place, name in parameters}


def decode_segment(segment: str) -> str:
    """Percent-decode once. Raises MalformedRequest for broken escapes, bad UTF-8 and NUL."""
    if "%" not in segment:
        return segment
    if _BAD_ESCAPE.search(segment):
        raise MalformedRequest(f"A '%' in the path segment {segment[:100]!r} lacks its two hex digits.")
    try:
        text = unquote_to_bytes(segment).decode()
    except UnicodeDecodeError:
        raise MalformedRequest(f"The path segment {segment[:100]!r} is not UTF-8 when decoded.") from None
    if "\0" in text:
        raise MalformedRequest(f"The path segment {segment[:100]!r} contains a NUL character.")
    return text


class Router(Generic[T]):
    """A table of routes. Where several fit a path, the one with more literals wins, and one of the path's
    own length over one that takes the rest of it."""

    def __init__(self, routes: Iterable[Route[T]]) -> None:
        self._by_length: dict[int, list[_Shape[T]]] = {}
        self._open: dict[int, list[_Shape[T]]] = {}
        """those that take the rest of a longer path"""
        for verb, pattern, target in routes:
            self._add(verb, pattern, target)
        for shapes in self._by_length.values():
            shapes.sort(key=lambda shape: (-len(shape.literals), -len(shape.calls)))

    def _add(self, verb: str, pattern: str, target: T) -> None:
        segments = pattern[1:].split("/")
        called = {i: found for i, text in enumerate(segments) if (found := _CALL.fullmatch(text))}
        parameters = tuple(
            (i, called[i][2] if i in called else text.strip("{.}"))
            for i, text in enumerate(segments)
            if i in called or text.startswith("{")
        )
        literals = tuple(
            (i, text) for i, text in enumerate(segments) if i not in called and not text.startswith("{")
        )
        calls = tuple((i, found[1]) for i, found in called.items())
        shapes = self._by_length.setdefault(len(segments), [])
        shape = next((known for known in shapes if (known.literals, known.calls) == (literals, calls)), None)
        if shape is None:
            shape = _Shape(literals, calls, {})
            shapes.append(shape)
            if segments[-1].endswith("...}"):
                self._open.setdefault(len(segments), []).append(shape)
        if verb in shape.targets:
            raise ValueError(f"two routes for {verb} {pattern}")
        shape.targets[verb] = (parameters, target)

    def match(self, verb: str, raw_path: str) -> Match[T]:
        """Raises PathNotFound, VerbNotAllowed and MalformedRequest. HEAD is a verb of its own."""
        segments = [decode_segment(segment) for segment in raw_path[1:].split("/")]
        fitting = _fitting(self._by_length.get(len(segments), ()), segments)
        if not fitting:
            segments, fitting = self._with_rest(segments)
        for shape in fitting:
            if verb in shape.targets:
                parameters, target = shape.targets[verb]
                return Match(target, shape.values(segments, parameters))
        if not fitting:
            raise PathNotFound(raw_path)
        raise VerbNotAllowed(verb, tuple(sorted({known for shape in fitting for known in shape.targets})))

    def _with_rest(self, segments: list[str]) -> tuple[list[str], list[_Shape[T]]]:
        """The segments with the last ones joined, and the shapes that they fit so."""
        for length, shapes in self._open.items():
            joined = [*segments[: length - 1], "/".join(segments[length - 1 :])]
            if length < len(segments) and (fitting := _fitting(shapes, joined)):
                return joined, fitting
        return segments, []


def _fitting(shapes: Iterable[_Shape[T]], segments: list[str]) -> list[_Shape[T]]:
    return [shape for shape in shapes if shape.fits(segments)]
