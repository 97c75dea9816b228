"""Expressions over the tags of blobs: what `where` finds, and what `x-ms-if-tags` demands.

    expression = term { OR term }            term = factor { AND factor }
    factor     = NOT factor | ( expression ) | name operator 'value'
    operator   = = | <> | > | >= | < | <=

A name stands in double quotes, or bare if it is a word. Words of the grammar are in any case. Values
compare as text, by code points. A search knows neither OR, NOT, <> nor parentheses, and beside tags
the name @container.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

MAX_LENGTH = 8 * 1024
MAX_DEPTH = 16
MAX_COMPARISONS = 50
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
    """The expression breaks the grammar; says what and where."""


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
    left: Expression
    right: Expression

    def holds(self, tags: Mapping[str, str]) -> bool:
        return self.left.holds(tags) and self.right.holds(tags)


@dataclass(frozen=True, slots=True)
class Or:
    left: Expression
    right: Expression

    def holds(self, tags: Mapping[str, str]) -> bool:
        return self.left.holds(tags) or self.right.holds(tags)


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
    found = tuple(_joined(_Parser(text, simple=True).whole()))
    for comparison in found:
        if comparison.comparator == "<>":
            raise FilterError(f"{comparison.name} <> is for conditions only, not for a search")
        if comparison.name == CONTAINER and comparison.comparator != "=":
            raise FilterError(f"{CONTAINER} is compared by = only")
        if comparison.name.startswith("@") and comparison.name != CONTAINER:
            raise FilterError(f"{comparison.name} is not known; there is {CONTAINER}")
    if all(comparison.name == CONTAINER for comparison in found):
        raise FilterError("a search compares at least one tag")
    return found


def _joined(expression: Expression) -> list[Comparison]:
    if isinstance(expression, And):
        return [*_joined(expression.left), *_joined(expression.right)]
    if isinstance(expression, Comparison):
        return [expression]
    raise FilterError("a search joins comparisons by AND only")


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
        return FilterError(f"expected {expected} at character {self._at + 1}")

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
        left = self._term(depth)
        while not self._simple and self._take("word", "OR"):
            left = Or(left, self._term(depth))
        return left

    def _term(self, depth: int) -> Expression:
        left = self._factor(depth)
        while self._take("word", "AND"):
            left = And(left, self._factor(depth))
        return left

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
        name = self._take("quoted")
        if name is None:
            name = self._take("word")
        if not name:
            raise self._error("the name of a tag")
        sign = self._take("operator")
        comparator = next((known for known in _COMPARE if known == sign), None)
        if comparator is None:
            raise self._error("one of = <> > >= < <=")
        value = self._take("value")
        if value is None:
            raise self._error("a value in single quotes")
        return Comparison(name, comparator, value)
