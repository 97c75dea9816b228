"""Searching the docs: every word has to be in a section, and those in headings count most."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from batchite.portal.docs.pages import DocPage, Section

MOST = 30
"""Hits that are shown."""
MOST_WORDS = 8
_AROUND = 90
"""Characters shown before and after the first word that was found."""
_IN_TITLE = 10
"""How much a word in a heading counts beside one in the text."""


@dataclass(frozen=True, slots=True)
class Hit:
    """`pieces` is what stands around the first word, cut so that every other one is a word searched for."""

    page: DocPage
    section: Section
    pieces: Sequence[str]
    weight: int

    @property
    def url(self) -> str:
        return f"{self.page.url}#{self.section.anchor}" if self.section.anchor else self.page.url


def find(pages: Iterable[DocPage], text: str) -> Sequence[Hit]:
    """The best first, at most so many."""
    words = list(dict.fromkeys(text.lower().split()))[:MOST_WORDS]
    if not words:
        return []
    hits = [hit for page in pages for section in page.sections if (hit := _hit(page, section, words))]
    return sorted(hits, key=lambda hit: -hit.weight)[:MOST]


def _hit(page: DocPage, section: Section, words: Sequence[str]) -> Hit | None:
    title, text = section.title.lower(), section.text.lower()
    counted = [_IN_TITLE * title.count(word) + text.count(word) for word in words]
    if not all(counted):
        return None
    return Hit(page, section, _pieces(section.text, words), sum(counted))


def _pieces(text: str, words: Sequence[str]) -> Sequence[str]:
    pattern = re.compile(f"({'|'.join(re.escape(word) for word in words)})", re.IGNORECASE)
    first = pattern.search(text)
    at = first.start() if first else 0
    start, end = max(at - _AROUND, 0), min(at + _AROUND, len(text))
    shown = f"{'… ' if start else ''}{text[start:end]}{' …' if end < len(text) else ''}"
    return pattern.split(shown)
