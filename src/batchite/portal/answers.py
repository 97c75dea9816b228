"""What a view answers with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from starlette.responses import Response


class NotHere(Exception):  # noqa: N818 - what is asked for is not there
    """There is no such page, or not for whoever asks; the text says what."""


class Refused(Exception):  # noqa: N818 - what is asked for is not done
    """Something is not done; the text says why and what to do, `status` is that of HTTP."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


Kind: TypeAlias = Literal["pool", "node", "schedule", "job", "task", "preparation", "release"]


@dataclass(frozen=True, slots=True)
class Watched:
    """What changes a page: those kinds of things of the account, of one pool or one job if it is named."""

    kinds: frozenset[Kind]
    pool: str = ""
    job: str = ""


def watch(*kinds: Kind, pool: str = "", job: str = "") -> Watched:
    return Watched(frozenset(kinds), pool, job)


@dataclass(frozen=True, slots=True)
class Page:
    """A template with its values. Its block `live` is rendered again, and sent to whoever looks, when
    something of what it `watches` has changed; where it shows something that no change tells of, also
    after so many seconds (`again`). `is_secret`: it shows keys or signatures."""

    template: str
    values: Mapping[str, object] = field(default_factory=dict)
    watches: Watched | None = None
    status: int = 200
    again: float | None = None
    is_secret: bool = False

    @property
    def what(self) -> str:
        """For the log, where it is the answer to a change."""
        return "shown" if self.status < 400 else "refused"


@dataclass(frozen=True, slots=True)
class Done:
    """A change was made: `what` is told on the page `to` that comes next, and in the log."""

    to: str
    what: str


@dataclass(frozen=True, slots=True)
class Raw:
    """Something that is no page: what a script asks for, or a file. `what` is told in the log after a
    change; without it there is no line, for what is a part of something else."""

    response: Response
    what: str = ""


Answer: TypeAlias = Page | Done | Raw
