"""Pages of a list: which part is looked at, and where the next one is. The URL has all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from batchite.batch import wanting
from batchite.batch.wanting import Listed, Part, Wanted
from batchite.portal import filtering
from batchite.portal.answers import Refused
from batchite.portal.filtering import Words
from batchite.portal.visit import Visit
from batchite.wire.batch.errors import BatchError

ROWS = 50
"""on a page"""


@dataclass(frozen=True, slots=True)
class Asked:
    """The part that the URL asks for. A filter that cannot be used is told in `problem`, and nothing is
    listed then."""

    text: str
    words: Words
    wanted: Wanted | None
    problem: str = ""


def asked(
    visit: Visit,
    listed: Listed,
    words: Words,
    *,
    numbers: tuple[str, ...] = (),
    newest_first: bool = False,
) -> Asked:
    """By `?q=` and `?after=`."""
    text = visit.query("q")
    try:
        expression = filtering.parse(text, words, numbers)
        found = wanting.wanted(
            listed, expression, text, limit=ROWS, after=visit.number("after"), newest_first=newest_first
        )
    except Refused as problem:
        return Asked(text, words, None, str(problem))
    except BatchError as error:
        return Asked(text, words, None, f"The filter {filtering.reason(error)}.")
    return Asked(text, words, found)


def next_page(visit: Visit, part: Part[Any], number: Callable[[Any], int]) -> str:
    """The URL of the page after this part; empty if it is the last."""
    return visit.here(after=number(part.rows[-1])) if part.more else ""
