"""Autoscale formulas as people type them: what is wrong with one, marked, and some to start from."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from batchite.batch.pools import trials
from batchite.batch.pools.trials import Mistake
from batchite.portal.docs import pages

_WORD = re.compile(r"\$?\w+|[^\n]")


@dataclass(frozen=True, slots=True)
class Marked:
    """A formula, with the part at which something is wrong; the sentence says what, and is empty if all is
    well."""

    before: str
    part: str = ""
    after: str = ""
    sentence: str = ""


def checked(formula: str) -> Marked:
    """Whether it can be read."""
    return marked(formula, trials.mistake(formula))


def marked(formula: str, mistake: Mistake | None) -> Marked:
    """The word at the place, or a space where the formula or a line of it has ended there."""
    if mistake is None:
        return Marked(formula)
    lines = formula.split("\n")
    start = sum(len(line) + 1 for line in lines[: mistake.line - 1]) + mistake.column - 1
    found = _WORD.match(formula, start)
    end = found.end() if found else start
    return Marked(formula[:start], formula[start:end] or " ", formula[end:], mistake.sentence)


def typed(text: str) -> str:
    """As it was before a browser sent it: forms have lines end by two characters."""
    return text.replace("\r\n", "\n")


def ready_made() -> Sequence[tuple[str, str]]:
    """What each is for, and the formula, as the docs have them."""
    return pages.examples("autoscale", "autoscale")
