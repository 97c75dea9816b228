"""The language of `$filter`: comparisons and `startswith`, joined by `and`, `or` and parentheses.

    state eq 'active' and (creationTime gt DateTime'2026-01-31T12:00:00Z' or startswith(id,'night'))

Parsing gives an `Expression`; which properties a list knows is the business of `fields`. Nesting and
the number of comparisons are limited, because an expression becomes a query of the database.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from batchite.wire import http_dates
from batchite.wire.batch.errors import BatchError, invalid_query
from batchite.wire.ticks import Timestamp

PARAMETER = "$filter"
MAX_LENGTH = 8192
MAX_DEPTH = 32
MAX_COMPARISONS = 200

Operator: TypeAlias = Literal["eq", "ne", "gt", "ge", "lt", "le"]
Value: TypeAlias = "str | int | bool | Timestamp"


@dataclass(frozen=True, slots=True)
class Comparison:
    """`property operator literal`; a path keeps its slashes (`executionInfo/exitCode`)."""

    property: str
    operator: Operator
    literal: Value


@dataclass(frozen=True, slots=True)
class StartsWith:
    """`startswith(property,'text')`"""

    property: str
    text: str


@dataclass(frozen=True, slots=True)
class And:
    """Every part holds; there are at least two."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Some part holds; there are at least two."""

    parts: tuple[Expression, ...]


Expression: TypeAlias = "Comparison | StartsWith | And | Or"

_OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le")
_BOOLEANS = {"true": True, "false": False}
_TOKEN = re.compile(
    r"\s*(?:"
    r"(?P<time>[Dd][Aa][Tt][Ee][Tt][Ii][Mm][Ee]'(?:[^']|'')*')"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>[+-]?\d{1,18}(?![\w.]))"
    r"|(?P<name>[A-Za-z_]\w*(?:/[A-Za-z_]\w*)*)"
    r"|(?P<mark>[(),])"
    r")",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int

    def __str__(self) -> str:
        return f"{self.text[:50]!r} at position {self.position}" if self.kind != "end" else "the end"


def parse(text: str) -> Expression:
    """Read a filter. Raises BatchError (InvalidQueryParameterValue) that says where it stopped."""
    if len(text) > MAX_LENGTH:
        raise invalid_query(PARAMETER, text, f"is longer than {MAX_LENGTH} characters")
    if "\0" in text:
        raise invalid_query(PARAMETER, text, "has a NUL character")
    return _Parser(text).whole()


def _tokens(text: str) -> list[_Token]:
    found: list[_Token] = []
    position, length = 0, len(text.rstrip())
    while position < length:
        match = _TOKEN.match(text, position)
        if match is None:
            raise _error(text, f"cannot be read from position {_skip_space(text, position) + 1} on")
        kind = cast(str, match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind) + 1))
        position = match.end()
    return [*found, _Token("end", "", length + 1)]


def _skip_space(text: str, position: int) -> int:
    return len(text) - len(text[position:].lstrip())


def _error(text: str, reason: str) -> BatchError:
    return invalid_query(PARAMETER, text, reason)


class _Parser:
    """One pass over the tokens, one method per rule of the grammar."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._next = 0
        self._comparisons = 0

    def whole(self) -> Expression:
        expression = self._either(0)
        self._expect("end", "", "and, or, or the end")
        return expression

    def _either(self, depth: int) -> Expression:
        parts = [self._both(depth)]
        while self._takes("name", "or"):
            parts.append(self._both(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _both(self, depth: int) -> Expression:
        parts = [self._single(depth)]
        while self._takes("name", "and"):
            parts.append(self._single(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _single(self, depth: int) -> Expression:
        if self._takes("mark", "("):
            return self._parenthesis(depth + 1)
        self._count()
        name = self._expect("name", None, "a property name, startswith or (")
        if name.text == "startswith" and self._takes("mark", "("):
            return self._starts_with()
        return self._comparison(name)

    def _parenthesis(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise _error(self._text, f"nests more than {MAX_DEPTH} parentheses")
        inner = self._either(depth)
        self._expect("mark", ")", "and, or, or )")
        return inner

    def _starts_with(self) -> StartsWith:
        name = self._expect("name", None, "a property name")
        self._expect("mark", ",", "a comma")
        text = self._expect("text", None, "a text in single quotes")
        self._expect("mark", ")", ")")
        return StartsWith(name.text, _unquote(text.text))

    def _comparison(self, name: _Token) -> Comparison:
        operator = self._take()
        if operator.text not in _OPERATORS:
            raise self._unexpected(operator, f"one of {', '.join(_OPERATORS)}")
        return Comparison(name.text, cast(Operator, operator.text), self._literal())

    def _literal(self) -> Value:
        token = self._take()
        if token.kind == "text":
            return _unquote(token.text)
        if token.kind == "number":
            return int(token.text)
        if token.kind == "name" and token.text in _BOOLEANS:
            return _BOOLEANS[token.text]
        if token.kind == "time":
            return self._time(token)
        raise self._unexpected(token, "a text in single quotes, a whole number, true, false or DateTime'…'")

    def _time(self, token: _Token) -> Timestamp:
        text = _unquote(token.text[token.text.index("'") :])
        try:
            if text[:1].isdigit():
                return Timestamp.parse(text)
            return http_dates.read(text)
        except ValueError:
            raise self._unexpected(token, "a time such as DateTime'2026-01-31T12:00:00Z'") from None

    def _count(self) -> None:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise _error(self._text, f"has more than {MAX_COMPARISONS} comparisons")

    def _take(self) -> _Token:
        token = self._tokens[self._next]
        self._next = min(self._next + 1, len(self._tokens) - 1)
        return token

    def _takes(self, kind: str, text: str) -> bool:
        token = self._tokens[self._next]
        fits = (token.kind, token.text) == (kind, text)
        self._next += fits
        return fits

    def _expect(self, kind: str, text: str | None, wanted: str) -> _Token:
        token = self._take()
        if token.kind != kind or (text is not None and token.text != text):
            raise self._unexpected(token, wanted)
        return token

    def _unexpected(self, token: _Token, wanted: str) -> BatchError:
        return _error(self._text, f"has {token} where {wanted} is expected")


def _unquote(text: str) -> str:
    return text[1:-1].replace("''", "'")
