"""Tasks of which each waits for the next, and the last for the first, so that none of them is ever released.

A task waits for another by its key, or by a range that has its number, while no task of that number is
satisfied and there is no other task of that number, which might be. Exactly, a task would have to be tried
with everything that it leads to: with all tasks of ranges that may have millions. So the search has bounds,
and what it finds is so, but it does not find all. It goes on from the task, by everything that each still
waits for, until it comes to the task itself, or to one that waits for just that task now, of which it is told
by an index. Of a range it goes on by the highest numbers that are missing, since tasks of a range are mostly
alike; to see that a range leads back takes no more than a look at its ends. Hence no cost goes by the width
of a range, nor by how many wait for one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.resources.dependencies import Range, number, range_of, spellings
from batchite.resources.keys import folded
from batchite.store.batch.dependencies import left
from batchite.store.batch.satisfied import AT_ONCE, highest_missing, missing_numbers
from batchite.store.batch.schema import awaited_ranges, tasks
from batchite.store.prepared import Prepared

STEPS: Final = 16
"""Tasks of a circle, at most."""
TASKS: Final = 256
"""that are come to."""
WORDS: Final = 4096
"""of what they wait for, that are looked at"""
RANGES: Final = 32
"""that are gone on by"""
NUMBERS: Final = 8
"""of a range, by which it is gone on"""
BEFORE: Final = 64
"""Tasks that wait for the first, and ranges by which they may, that are looked at."""
_WIDEST: Final = 11
"""Characters of ids that are looked for among those of a range."""

_of_job = bindparam("job", type_=sa.BigInteger)
_KEYS = bindparam("keys", type_=sa.Text, expanding=True)
_ranges = awaited_ranges.c
_RANGES = Prepared(
    sa.select(_ranges.first, _ranges.last)
    .where(_ranges.job_no == _of_job, _ranges.first <= bindparam("number"))
    .order_by(_ranges.first.desc())
    .limit(bindparam("most"))
)
# that they are blocked is looked at in what is found: asked for it, SQLite goes through all that are
_is_stored = sa.and_(tasks.c.job_no == _of_job, tasks.c.intent.is_(None), tasks.c.key.in_(_KEYS))
"""And nobody is about to end it."""
_BLOCKED = sa.select(tasks.c.key, tasks.c.id, tasks.c.awaits, tasks.c.dependencies).where(_is_stored)
_AWAITING = (
    sa.select(tasks.c.key, tasks.c.id, tasks.c.awaits, tasks.c.intent)
    .where(tasks.c.job_no == _of_job, tasks.c.awaits.in_(_KEYS))
    .limit(bindparam("most"))
)
_another = tasks.alias()
_AWAITED = sa.select(
    tasks.c.key,
    tasks.c.awaits,
    sa.exists().where(_another.c.job_no == _of_job, _another.c.awaits == tasks.c.key).label("is_awaited"),
).where(_is_stored)
_THERE = sa.select(tasks.c.key).where(tasks.c.job_no == _of_job, tasks.c.key.in_(_KEYS))


def suspects(connection: sa.Connection, job: int, ids: Sequence[str]) -> list[str]:
    """Those of these tasks (500 at most) that wait, and that another one waits for now, or perhaps they
    themselves do: no other can be in a circle that is found."""
    found = connection.execute(_AWAITED, {"job": job, "keys": list(map(folded, ids))}).all()
    is_awaited = {row.key: row.is_awaited for row in found if row.awaits is not None}
    waiting = [(one, number(one)) for one in ids if folded(one) in is_awaited]
    highest = max((own for _, own in waiting if own is not None), default=None)
    ranges = [] if highest is None else _awaited_ranges(connection, job, highest)
    return [
        one for one, own in waiting if is_awaited[folded(one)] or any(wanted.counts(own) for wanted in ranges)
    ]


def circle(connection: sa.Connection, job: int, task_id: str) -> tuple[str, ...]:
    """Ids of tasks of which each waits for the next, and the last for the task itself, which comes first; it
    is the only one if it waits for itself. Empty if there is no such circle, or none was found."""
    return _Search(connection, job).circle(folded(task_id))


def _awaited_ranges(connection: sa.Connection, job: int, most: int) -> list[Range]:
    """Those that begin at that number or nearest before it."""
    given = {"job": job, "number": most, "most": BEFORE}
    return [Range(*row) for row in _RANGES.all(connection, given)]


class _Task(NamedTuple):
    key: str
    words: Sequence[str]
    """all that it still waits for, what it waits for now first"""


class _Edge(NamedTuple):
    """The key of a task that waits for another, and by which number of a range, if it is by one."""

    of: str
    number: int | None


class _End(NamedTuple):
    """A task that, come to, closes a circle: its number, if its id is one, and by which number it waits for
    the first, if it is by one."""

    number: int | None
    by: int | None


class _Search:
    def __init__(self, connection: sa.Connection, job: int) -> None:
        self._connection = connection
        self._job = job
        self._ids: dict[str, str] = {}
        self._edges: dict[str, _Edge | None] = {}
        self._ranges: set[str] = set()
        self._words = WORDS

    def circle(self, first: str) -> tuple[str, ...]:
        tasks = self._come_to({first: None})
        ends = self._ends(first) if tasks else {}
        for _ in range(STEPS):
            for task in tasks:
                for end, by in _closing(task, ends):
                    keys, numbers = self._way(task.key)
                    if end != first:
                        keys.append(end)
                    if len(keys) <= STEPS and self._are_needed({*numbers, *by}):
                        return tuple(self._ids[key] for key in keys)
            tasks = self._come_to(self._ahead(tasks))
        return ()

    def _come_to(self, ahead: Mapping[str, _Edge | None]) -> list[_Task]:
        """Those of these tasks that wait and were not come to before, as far as the bounds go."""
        found = []
        keys = [key for key in ahead if key not in self._edges]
        for start in range(0, len(keys), AT_ONCE):
            given = {"job": self._job, "keys": keys[start : start + AT_ONCE]}
            for row in self._connection.execute(_BLOCKED, given):
                if self._words <= 0 or len(self._edges) >= TASKS:
                    break
                if row.awaits is None:
                    continue
                words = left(row.awaits, row.dependencies)[: self._words]
                self._words -= len(words)
                self._ids[row.key], self._edges[row.key] = row.id, ahead[row.key]
                found.append(_Task(row.key, words))
        return found

    def _ends(self, first: str) -> Mapping[str, _End]:
        """The first itself, and those that wait for just that now."""
        own = number(self._ids[first])
        ends = {first: _End(own, None)}
        words: dict[str, int | None] = {first: None}
        if own is not None:
            ranges = _awaited_ranges(self._connection, self._job, own)
            words |= {wanted.word: own for wanted in ranges if wanted.counts(own)}
        given = {"job": self._job, "keys": list(words), "most": BEFORE}
        for key, task_id, awaits, intent in self._connection.execute(_AWAITING, given):
            if intent is None:
                ends.setdefault(key, _End(number(task_id), words[awaits]))
                self._ids[key] = task_id
        return ends

    def _ahead(self, tasks: Iterable[_Task]) -> Mapping[str, _Edge]:
        """By keys of what these wait for. To wait for a task by its key is surer than by a number."""
        by_key: dict[str, _Edge] = {}
        by_number: dict[str, _Edge] = {}
        for task in tasks:
            for word in task.words:
                if (wanted := range_of(word)) is None:
                    by_key[word] = _Edge(task.key, None)
                elif word not in self._ranges and len(self._ranges) < RANGES:
                    self._ranges.add(word)
                    for one in missing_numbers(self._connection, self._job, wanted, NUMBERS):
                        by_number |= dict.fromkeys(spellings(one, _WIDEST), _Edge(task.key, one))
        return by_number | by_key

    def _way(self, to: str) -> tuple[list[str], list[int | None]]:
        """Keys of the tasks from the first to this, and the numbers by which they wait for each other."""
        keys, numbers = [to], []
        while (edge := self._edges[keys[-1]]) is not None:
            keys.append(edge.of)
            numbers.append(edge.number)
        return keys[::-1], numbers

    def _are_needed(self, numbers: set[int | None]) -> bool:
        """Whether no number is satisfied, nor could be by another task than the one."""
        wanted = [one for one in numbers if one is not None]
        if any(highest_missing(self._connection, self._job, Range(one, one)) is None for one in wanted):
            return False
        keys = [key for one in wanted for key in spellings(one)]
        there: list[str] = []
        for start in range(0, len(keys), AT_ONCE):
            given = {"job": self._job, "keys": keys[start : start + AT_ONCE]}
            there += self._connection.execute(_THERE, given).scalars()
        return len(there) == len(wanted)


def _closing(task: _Task, ends: Mapping[str, _End]) -> Iterator[tuple[str, tuple[int | None, int | None]]]:
    """Ends that the task waits for, with the numbers by which it does, and the end for the first."""
    for word in task.words:
        if (wanted := range_of(word)) is not None:
            for key, end in ends.items():
                if wanted.counts(end.number):
                    yield key, (end.number, end.by)
        elif word in ends:
            yield word, (None, ends[word].by)
