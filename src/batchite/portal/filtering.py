"""The filter of a list as people type it: `state:active render*` becomes an expression of `$filter`.

Words are joined by *and*. A word `name:value` compares a property, with several values by comma; a `-`
before it turns it round. A word without a colon is the beginning of an id.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from batchite.portal.answers import Refused
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.fields import whole
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith

Words: TypeAlias = Mapping[str, str]
"""of a list: the names that people type, with the properties behind them"""
MOST_WORDS = 20


def parse(text: str, words: Words, numbers: Sequence[str] = ()) -> Expression | None:
    """None for no filter; `numbers` are the words whose values are numbers. Raises Refused with what can
    be typed instead."""
    parts = [_word(word, words, numbers) for word in text.split()[: MOST_WORDS + 1]]
    if len(parts) > MOST_WORDS:
        raise Refused(400, f"A filter has at most {MOST_WORDS} words.")
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(tuple(parts))


def _word(word: str, words: Words, numbers: Sequence[str]) -> Expression:
    name, colon, value = word.removeprefix("-").partition(":")
    if not colon:
        return StartsWith("id", word.removesuffix("*")) if "id" in words else _refuse(word, words)
    if name not in words or not value:
        _refuse(word, words)
    values = [part for part in value.split(",") if part] or [value]
    if word.startswith("-"):
        parts = [_compare(words[name], part, name in numbers, negated=True) for part in values]
        return parts[0] if len(parts) == 1 else And(tuple(parts))
    parts = [_compare(words[name], part, name in numbers) for part in values]
    return parts[0] if len(parts) == 1 else Or(tuple(parts))


def _compare(property_: str, value: str, is_number: bool, *, negated: bool = False) -> Expression:
    if value.endswith("*") and not is_number and not negated:
        return StartsWith(property_, value[:-1])
    try:
        literal = whole(value) if is_number else value
    except ValueError:
        raise Refused(400, f"{value!r} is no whole number.") from None
    return Comparison(property_, "ne" if negated else "eq", literal)


def _refuse(word: str, words: Words) -> Expression:
    known = ", ".join(f"{name}:…" for name in words)
    raise Refused(400, f"{word!r} is nothing to filter by. Type {known}, or the beginning of an id.")


def reason(error: BatchError) -> str:
    """Why the list does not take the filter; reads after "the filter"."""
    found = next((value for name, value in error.values if name == "Reason"), error.message)
    return found.removeprefix("it ")
