"""What a view answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias


class NotHere(Exception):  # noqa: N818 - what is asked for is not there
    """There is no such page, or not for whoever asks; the text says what."""


class Refused(Exception):  # noqa: N818 - what is asked for is not done
    """Something is not done; the text says why and what to do, `status` is that of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True, slots=True)
class Page:
    """A template with its values. Where `watches` names something, the page's block `live` is rendered
    again when that changes: a kind of resource (`pools`), or one with its id (`pool/p1`)."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    watches: tuple[str, ...] = ()
    status: int = 200


@dataclass(frozen=True, slots=True)
class Done:
    """A change was made: `what` is told on the page `to` that comes next, and in the log."""

    to: str
    what: str


Answer: TypeAlias = Page | Done
