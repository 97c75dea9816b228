"""Tasks that waited for others are released, or wait for the next, when what they waited for has come.

What comes to more than a commit should bear is left in `releases`, with an event by which the owner goes on.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.resources.dependencies import Range, decode, number, range_of
from batchite.resources.keys import folded
from batchite.resources.states import WAITING
from batchite.store.batch import events
from batchite.store.batch.dependencies import await_ranges
from batchite.store.batch.satisfied import Known, highest_missing, put_in
from batchite.store.batch.schema import awaited_ranges, releases, task_counts, tasks
from batchite.store.dialects import insert_for
from batchite.store.prepared import Prepared, Values

MOST: Final = 512
"""Tasks and ranges that are looked at in one commit."""
MOST_BYTES: Final = 4 * 1024 * 1024
"""Bytes of definitions and dependencies after which it is enough."""
_NUMBERS: Final = "#"
"""Before a stretch of numbers that have come, among what has."""


class Waiting(NamedTuple):
    """A task that waits for a node from now on; as `owned.waiting` has it."""

    task_no: int
    id: str
    required_slots: int
    rank: int
    attempt: int
    retry_count: int
    rules: bytes | None
    definition: bytes
    requeue_count: int
    created: int
    state: str
    node_id: str | None
    job_no: int


@dataclass(frozen=True, slots=True)
class Released:
    tasks: Sequence[Waiting] = ()
    more: bool = False
    """there is more to look at, of which an event tells the owner"""

    def __add__(self, other: Released) -> Released:
        return Released((*self.tasks, *other.tasks), self.more or other.more)

    def __bool__(self) -> bool:
        return bool(self.tasks or self.more)


NONE: Final = Released()


class Come(Protocol):
    """A task that is satisfied."""

    @property
    def job(self) -> int: ...
    @property
    def id(self) -> str: ...


_of_job = bindparam("job", type_=sa.BigInteger)
_ranges = awaited_ranges.c
_RANGES = Prepared(
    sa.select(_ranges.first, _ranges.last)
    .where(
        _ranges.job_no == _of_job, _ranges.missing >= bindparam("low"), _ranges.missing <= bindparam("high")
    )
    .limit(bindparam("most"))
)
_of_range = sa.and_(
    _ranges.job_no == _of_job, _ranges.first == bindparam("low"), _ranges.last == bindparam("high")
)
_MOVE_RANGE = Prepared(sa.update(awaited_ranges).where(_of_range).values(missing=bindparam("next")))
_DROP_RANGE = Prepared(sa.delete(awaited_ranges).where(_of_range))

_DEFINITION: Final = Waiting._fields.index("definition")
_BLOCKED = Prepared(
    sa.select(*(tasks.c[name] for name in Waiting._fields), tasks.c.intent, tasks.c.dependencies)
    .where(tasks.c.job_no == _of_job, tasks.c.awaits == bindparam("word"))
    .order_by(tasks.c.task_no)
    .limit(bindparam("most"))
)
_of_task = tasks.c.task_no == bindparam("task")
_MOVE = Prepared(sa.update(tasks).where(_of_task).values(awaits=bindparam("word")))
_RELEASE = Prepared(sa.update(tasks).where(_of_task).values(state=WAITING, awaits=None))
_COUNT = Prepared(
    sa.update(task_counts)
    .where(task_counts.c.job_no == _of_job, task_counts.c.required_slots == bindparam("slots"))
    .values(blocked=task_counts.c.blocked - bindparam("released"))
)

_LEFT = Prepared(sa.select(releases.c.came).where(releases.c.job_no == _of_job).limit(bindparam("most")))
_LEAVE = Prepared(
    lambda dialect: (
        insert_for(dialect, releases).values(job_no=_of_job, came=bindparam("word")).on_conflict_do_nothing()
    )
)
_DONE = Prepared(
    sa.delete(releases).where(releases.c.job_no == _of_job, releases.c.came == bindparam("word"))
)


def release(connection: sa.Connection, shard: str, come: Iterable[Come]) -> Released:
    """Look at those who wait for tasks that are satisfied; hold the rows of their jobs before."""
    by_job: defaultdict[int, list[str]] = defaultdict(list)
    for one in come:
        by_job[one.job].append(one.id)
    looks, more = _Looks(connection), False
    for job, ids in sorted(by_job.items()):
        words = deque(_come(connection, job, ids))
        looks.at(job, words)
        more |= _leave(connection, shard, job, words)
    return Released(looks.released, more)


def go_on(connection: sa.Connection, shard: str, left_by: Iterable[int]) -> Released:
    """The same for those of these jobs who were too many before."""
    looks, more = _Looks(connection), False
    for job in sorted(left_by):
        taken = [word for (word,) in _LEFT.all(connection, {"job": job, "most": MOST})]
        words = deque(_still_so(connection, job, taken))
        looks.at(job, words)
        done = dict.fromkeys(taken).keys() - words
        _DONE.many(connection, [{"job": job, "word": word} for word in done])
        more |= _leave(connection, shard, job, words, are_others=len(taken) == MOST)
    return Released(looks.released, more)


def _runs(numbers: Iterable[int]) -> Iterator[Range]:
    """Numbers that follow each other, together."""
    ordered = sorted(set(numbers))
    for _, members in itertools.groupby(enumerate(ordered), key=lambda pair: pair[1] - pair[0]):
        run = [one for _, one in members]
        yield Range(run[0], run[-1])


def _come(connection: sa.Connection, job: int, ids: Sequence[str]) -> Iterator[str]:
    """What has come with tasks of these ids, in words."""
    yield from map(folded, ids)
    numbers = (found for one in ids if (found := number(one)) is not None)
    for run in _runs(numbers):
        if put_in(connection, job, run):
            yield _NUMBERS + run.word


def _still_so(connection: sa.Connection, job: int, words: Sequence[str]) -> Iterator[str]:
    """Those of what had come that are satisfied still: another task may have taken an id meanwhile."""
    known = Known(connection, job)
    known.look(word for word in words if not word.startswith(_NUMBERS))
    return (word for word in words if word.startswith(_NUMBERS) or known.is_satisfied(word))


def _leave(
    connection: sa.Connection, shard: str, job: int, words: Sequence[str], *, are_others: bool = False
) -> bool:
    """Whether there is something to go on with: these words, or others that were left before."""
    _LEAVE.many(connection, [{"job": job, "word": word} for word in dict.fromkeys(words)])
    if words or are_others:
        events.append(connection, shard, "dependants", job)
        return True
    return False


class _Found:
    """Rows of tasks that wait for nothing any more, and by their numbers what others wait for from now on."""

    def __init__(self) -> None:
        self.released: list[Any] = []
        self.moved: dict[int, str] = {}


class _Looks:
    """What is looked at in one commit, and whom that releases."""

    def __init__(self, connection: sa.Connection) -> None:
        self.released: list[Waiting] = []
        self._connection = connection
        self._most = MOST
        self._bytes = MOST_BYTES

    def at(self, job: int, words: deque[str]) -> None:
        """Those of the job who wait for what the words say; what remains of these was too much."""
        known, found = Known(self._connection, job), _Found()
        while words and self._most > 0 and self._bytes > 0:
            word = words[0]
            if word.startswith(_NUMBERS):
                is_all = self._at_ranges(job, word.removeprefix(_NUMBERS), words)
            else:
                is_all = self._at_tasks(job, word, known, found)
            if is_all:
                words.popleft()
        self._write(job, found)

    def _at_ranges(self, job: int, stretch: str, words: deque[str]) -> bool:
        """Those that wait for one of these numbers. Whether that are all."""
        numbers = range_of(stretch)
        if numbers is None:
            return True
        low, high = numbers
        most = self._most
        found = _RANGES.all(self._connection, {"job": job, "low": low, "high": high, "most": most})
        self._most -= len(found)
        for row in found:
            wanted = Range(*row)
            given = {"job": job, "low": wanted.first, "high": wanted.last}
            missing = highest_missing(self._connection, job, wanted)
            if missing is None:
                _DROP_RANGE.many(self._connection, [given])
                if wanted.word not in words:
                    words.append(wanted.word)
            else:
                _MOVE_RANGE.many(self._connection, [{**given, "next": missing}])
        return len(found) < most

    def _at_tasks(self, job: int, word: str, known: Known, found: _Found) -> bool:
        """Those that wait for this. Whether that are all."""
        most = self._most
        rows = self._blocked(job, word, most)
        rests = {row[-1]: _before(word, decode(row[-1])) for row in rows}
        known.look(rest[-1] for rest in rests.values() if rest)
        missing = {stored: known.missing(rest) for stored, rest in rests.items()}
        for row in rows:
            if (other := missing[row[-1]]) is None:
                found.released.append(row)
            else:
                found.moved[row[0]] = other
        return len(rows) < most and self._bytes > 0

    def _blocked(self, job: int, word: str, most: int) -> list[Any]:
        found = []
        rows = _BLOCKED.each(self._connection, {"job": job, "word": word, "most": most})
        for row in rows:
            found.append(row)
            self._most -= 1
            self._bytes -= len(row[_DEFINITION]) + len(row[-1] or b"")
            if self._bytes <= 0:
                break
        rows.close()
        return found

    def _write(self, job: int, found: _Found) -> None:
        """A task that somebody wants ended or gone is left to whoever hears of that."""
        moved: list[Values] = [{"task": task, "word": word} for task, word in found.moved.items()]
        _MOVE.many(self._connection, moved)
        await_ranges(self._connection, job, found.moved.values())
        waiting = [Waiting(*row[:-2]) for row in found.released]
        _RELEASE.many(self._connection, [{"task": one.task_no} for one in waiting])
        counts = Counter(one.required_slots for one in waiting)
        given = [{"job": job, "slots": slots, "released": count} for slots, count in counts.items()]
        _COUNT.many(self._connection, given)
        pairs = zip(waiting, found.released, strict=True)
        self.released += [one for one, row in pairs if row[-2] is None]


def _before(word: str, dependencies: Sequence[str]) -> Sequence[str]:
    """What is left to be looked at when that has come."""
    return dependencies[: dependencies.index(word)] if dependencies else ()
