"""The filter of a list as people type it (`batch.searching.language`) becomes an expression of `$filter`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from batchite.batch.searching import language
from batchite.batch.searching.language import Qualifier, Value, Word
from batchite.portal.answers import Refused
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith

Words: TypeAlias = Mapping[str, str]
"""of a list: the names that people type, with the properties behind them"""


def parse(text: str, words: Words, numbers: Sequence[str] = ()) -> Expression | None:
    """None for no filter; `numbers` are the words whose values are numbers. Raises Refused with what can
    be typed instead."""
    parsed = language.parse(text, [_qualifier(name, name in numbers) for name in words])
    if parsed.problems:
        raise Refused(400, f"{'; '.join(problem.text for problem in parsed.problems)}.")
    parts = [_expression(word, words[word.name], word.name in numbers) for word in parsed.words]
    return _joined(And, parts) if parts else None


def _qualifier(name: str, is_number: bool) -> Qualifier:
    return Qualifier(name, "", is_number=is_number, takes_prefix=not is_number)


def _expression(word: Word, property_: str, is_number: bool) -> Expression:
    if word.is_excluded:
        return _joined(And, [_unequal(value, property_, is_number) for value in word.values])
    return _joined(Or, [_equal(value, property_, is_number) for value in word.values])


def _equal(value: Value, property_: str, is_number: bool) -> Expression:
    if value.is_prefix:
        return StartsWith(property_, value.text)
    return Comparison(property_, "eq", int(value.text) if is_number else value.text)


def _unequal(value: Value, property_: str, is_number: bool) -> Expression:
    if value.is_prefix:
        raise Refused(400, f"This list cannot leave out what begins with {value.text!r}; name it whole.")
    return Comparison(property_, "ne", int(value.text) if is_number else value.text)


def _joined(kind: type[And | Or], parts: Sequence[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def reason(error: BatchError) -> str:
    """Why the list does not take the filter; reads after "the filter"."""
    found = next((value for name, value in error.values if name == "Reason"), error.message)
    return found.removeprefix("it ")
