"""Expressions over the tags of blobs: what `where` finds, and what `x-ms-if-tags` demands.

    expression = term { OR term }            term = factor { AND factor }
    factor     = NOT factor | ( expression ) | name operator 'value'
    operator   = = | <> | > | >= | < | <=

A name stands in double quotes, or bare if it is a word. Words of the grammar are in any case. Values
compare as text, by code points. A search knows neither OR, NOT, <> nor parentheses, and beside tags
the name @container; it compares at most ten tags, each once or with a range.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from batchite.wire.blob import tags as rules

MAX_LENGTH = 128 * 1024
MAX_DEPTH = 16
MAX_COMPARISONS = 1000
MAX_SEARCHED = 10
"""Tags that a search compares."""
CONTAINER = "@container"

Comparator = Literal["=", "<>", ">", ">=", "<", "<="]

_COMPARE: Mapping[Comparator, Callable[[str, str], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_TOKEN = re.compile(
    r"""\s*(?: "(?P<quoted>[^"]*)" | '(?P<value>[^']*)' | (?P<operator><=|>=|<>|[=<>])
    | (?P<paren>[()]) | (?P<word>@?[A-Za-z0-9_]+) )""",
    re.ASCII | re.VERBOSE,
)


class FilterError(ValueError):
    """The expression breaks a rule; says which and where, if it is at one place (its number is from 1)."""

    def __init__(self, rule: str, position: int | None = None) -> None:
        super().__init__(rule if position is None else f"{rule} at character {position}")
        self.rule = rule
        self.position = position


@dataclass(frozen=True, slots=True)
class Comparison:
    name: str
    comparator: Comparator
    value: str

    def holds(self, tags: Mapping[str, str]) -> bool:
        """A tag that a blob has not is unlike every value, and in no order with it."""
        found = tags.get(self.name)
        if found is None:
            return self.comparator == "<>"
        return _COMPARE[self.comparator](found, self.value)


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Expression, ...]

    def holds(self, tags: Mapping[str, str]) -> bool:
        return all(part.holds(tags) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Expression, ...]

    def holds(self, tags: Mapping[str, str]) -> bool:
        return any(part.holds(tags) for part in self.parts)


@dataclass(frozen=True, slots=True)
class Not:
    inner: Expression

    def holds(self, tags: Mapping[str, str]) -> bool:
        return not self.inner.holds(tags)


Expression = Comparison | And | Or | Not


def condition(text: str) -> Expression:
    """The header x-ms-if-tags. Raises FilterError."""
    return _Parser(text).whole()


def search(text: str) -> tuple[Comparison, ...]:
    """The parameter `where` of Find Blobs by Tags; all have to hold. Raises FilterError."""
    found = _joined(_Parser(text, simple=True).whole())
    searched = {comparison.name for comparison in found} - {CONTAINER}
    if not searched:
        raise FilterError("a search compares at least one tag")
    if len(searched) > MAX_SEARCHED:
        raise FilterError(f"there can be at most {MAX_SEARCHED} unique tags in a query")
    for name in searched | {CONTAINER}:
        _check_together(name, [comparison.comparator for comparison in found if comparison.name == name])
    return found


def _joined(expression: Expression) -> tuple[Comparison, ...]:
    """Of a simple expression."""
    parts = expression.parts if isinstance(expression, And) else (expression,)
    return tuple(part for part in parts if isinstance(part, Comparison))


def _check_together(name: str, comparators: list[Comparator]) -> None:
    """Raises FilterError unless they are one, or the two ends of a range."""
    if name == CONTAINER and set(comparators) - {"="}:
        raise FilterError(f"{CONTAINER} is compared by = only")
    if len(comparators) > 1 and sorted(comparator[0] for comparator in comparators) != ["<", ">"]:
        raise FilterError(f"{name} is compared once, or by a lower and an upper bound")


class _Parser:
    """`simple`: nothing but comparisons joined by AND."""

    def __init__(self, text: str, *, simple: bool = False) -> None:
        if len(text) > MAX_LENGTH:
            raise FilterError(f"the expression has more than {MAX_LENGTH} characters")
        self._text = text
        self._simple = simple
        self._at = 0
        self._comparisons = 0
        self._token = self._next()

    def _next(self) -> re.Match[str] | None:
        """Raises FilterError for what is no part of the grammar; None at the end."""
        if not self._text[self._at :].strip():
            self._at = len(self._text)
            return None
        found = _TOKEN.match(self._text, self._at)
        if found is None:
            raise self._error("a name, an operator or a value in single quotes")
        return found

    def _advance(self) -> None:
        if self._token is not None:
            self._at = self._token.end()
            self._token = self._next()

    def _error(self, expected: str) -> FilterError:
        return FilterError(f"expected {expected}", self._at + 1)

    def _take(self, group: str, *values: str) -> str | None:
        """The token if it is of this kind (and one of these, in upper case), and go on behind it."""
        found = None if self._token is None else self._token[group]
        if found is None or (values and found.upper() not in values):
            return None
        self._advance()
        return found

    def whole(self) -> Expression:
        found = self._expression(0)
        if self._token is not None:
            raise self._error("AND" if self._simple else "AND, OR or the end")
        return found

    def _expression(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise FilterError(f"parentheses and NOT go at most {MAX_DEPTH} deep")
        parts = [self._term(depth)]
        while not self._simple and self._take("word", "OR"):
            parts.append(self._term(depth))
        return parts[0] if len(parts) == 1 else Or(tuple(parts))

    def _term(self, depth: int) -> Expression:
        parts = [self._factor(depth)]
        while self._take("word", "AND"):
            parts.append(self._factor(depth))
        return parts[0] if len(parts) == 1 else And(tuple(parts))

    def _factor(self, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            raise FilterError(f"parentheses and NOT go at most {MAX_DEPTH} deep")
        if not self._simple and self._take("word", "NOT"):
            return Not(self._factor(depth + 1))
        if not self._simple and self._take("paren", "("):
            inner = self._expression(depth + 1)
            if not self._take("paren", ")"):
                raise self._error("AND, OR or )")
            return inner
        return self._comparison()

    def _comparison(self) -> Comparison:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise FilterError(f"an expression has at most {MAX_COMPARISONS} comparisons")
        name = self._name()
        at = self._at + 1
        sign = self._take("operator")
        comparator = next((known for known in _COMPARE if known == sign), None)
        if comparator is None:
            raise self._error("one of = <> > >= < <=")
        if comparator == "<>" and self._simple:
            raise FilterError("<> is for conditions only, not for a search", at)
        return Comparison(name, comparator, self._value())

    def _name(self) -> str:
        at = self._at + 1
        name = self._take("quoted")
        if name is None:
            name = self._take("word")
        if name is None:
            raise self._error("the name of a tag")
        if name == CONTAINER and self._simple:
            return name
        if name.startswith("@"):
            raise FilterError(f"unsupported parameter {name!r}; a search knows {CONTAINER}", at)
        if not 1 <= len(name) <= rules.MAX_NAME:
            raise FilterError(f"the name of a tag has 1 to {rules.MAX_NAME} characters", at)
        _check_text(name, at)
        return name

    def _value(self) -> str:
        at = self._at + 1
        value = self._take("value")
        if value is None:
            raise self._error("a value in single quotes")
        if len(value) > rules.MAX_VALUE:
            raise FilterError(f"the value of a tag has at most {rules.MAX_VALUE} characters", at)
        _check_text(value, at)
        return value


def _check_text(text: str, at: int) -> None:
    if not rules.TEXT.fullmatch(text):
        raise FilterError(rules.ALPHABET, at)
