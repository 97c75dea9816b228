"""The tasks of a job that the URL asks for, line by line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from batchite.batch.searching import tasks as language
from batchite.batch.searching.language import Problem
from batchite.batch.tasks.actions import Matches, Summary
from batchite.portal.visit import Visit
from batchite.resources import states
from batchite.resources.causes import CauseRow
from batchite.resources.searches import TaskSearch
from batchite.wire.ticks import Duration, Timestamp

ROWS = 50
"""on a page"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is typed, and what it searches for; with problems nothing is searched for."""

    text: str
    after: int
    search: TaskSearch | None
    problems: Sequence[Problem] = ()

    @property
    def marked(self) -> Sequence[tuple[str, bool]]:
        """The text in pieces, and whether each is a mistake."""
        pieces, at = [], 0
        for problem in self.problems:
            pieces += [(self.text[at : problem.start], False), (self.text[problem.start : problem.end], True)]
            at = problem.end
        return [piece for piece in (*pieces, (self.text[at:], False)) if piece[0]]


def asked(visit: Visit) -> Asked:
    """By `?q=` and `?after=`."""
    text = visit.query("q")
    search, parsed = language.read(text)
    return Asked(text, visit.number("after"), search, parsed.problems)


@dataclass(frozen=True, slots=True)
class Line:
    """A task of the list; `why` says in short why it failed."""

    id: str
    state: str
    exit_code: int | None
    node_id: str | None
    created: Timestamp
    started: Timestamp | None
    ended: Timestamp | None
    took: Duration | None
    repeated: int
    why: str


@dataclass(frozen=True, slots=True)
class Listed:
    """A page of the list. `count` is how many there are in all, if that is known; `looked`: so many were
    looked at, and there may be more further on."""

    lines: Sequence[Line]
    count: int | None
    more: str
    looked: int


def listed(visit: Visit, matches: Matches) -> Listed:
    found = matches.found
    causes = {row.cause: row for row in matches.causes}
    lines = [_line(task, causes) for task in found.rows]
    more = visit.here(after=found.after) if found.after else ""
    return Listed(lines, matches.count, more, matches.looked)


def _line(task: Summary, causes: Mapping[str, CauseRow]) -> Line:
    has_run = task.started is not None and task.state in ("running", "completed")
    is_over = task.state == "completed"
    started = task.started if has_run else None
    ended = task.ended if is_over else None
    return Line(
        id=task.id,
        state=states.counted(task.state, task.result),
        exit_code=task.exit_code if is_over else None,
        node_id=task.node_id if has_run else None,
        created=Timestamp(task.created),
        started=None if started is None else Timestamp(started),
        ended=None if ended is None else Timestamp(ended),
        took=None if started is None or ended is None else Duration(ended - started),
        repeated=task.retry_count + task.requeue_count,
        why=_why(causes.get(task.cause or "")),
    )


def _why(cause: CauseRow | None) -> str:
    return "" if cause is None else cause.line or cause.code or ""
