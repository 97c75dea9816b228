"""What of a job's dependencies is satisfied: ids that are numbers as stretches that do not touch, so that a
range is satisfied when one of them covers it; tasks by a column, and ids of those that are gone.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.resources.dependencies import Range, number, range_of
from batchite.store.batch.schema import satisfied_ids, satisfied_numbers, tasks
from batchite.store.dialects import Insert, insert_for
from batchite.store.prepared import Prepared

AT_ONCE: Final = 500
"""Values in one statement."""
_STEPS: Final = (1, 8, 64, AT_ONCE)
"""Of what a task depends on, so many are looked at together: mostly the last has not come yet."""

_of_job = bindparam("job", type_=sa.BigInteger)
_stretches = satisfied_numbers.c
_LAST_STRETCH = Prepared(
    sa.select(_stretches.first, _stretches.last)
    .where(_stretches.job_no == _of_job, _stretches.first <= bindparam("number"))
    .order_by(_stretches.first.desc())
    .limit(sa.literal_column("1"))
)
_within = sa.and_(
    _stretches.job_no == _of_job,
    _stretches.first >= bindparam("low"),
    _stretches.first <= bindparam("high"),
)
_STRETCHES = Prepared(sa.select(_stretches.first, _stretches.last).where(_within))
_DROP_STRETCHES = Prepared(sa.delete(satisfied_numbers).where(_within))


def _keep_stretch(dialect: str) -> Insert:
    statement = insert_for(dialect, satisfied_numbers).values(
        job_no=_of_job, first=bindparam("low"), last=bindparam("high")
    )
    return statement.on_conflict_do_update(
        index_elements=["job_no", "first"], set_={"last": statement.excluded.last}
    )


_KEEP_STRETCH = Prepared(_keep_stretch)

_SATISFIED = sa.select(tasks.c.key).where(
    tasks.c.job_no == _of_job, tasks.c.key.in_(bindparam("words", expanding=True)), tasks.c.satisfied
)
_GONE = sa.select(satisfied_ids.c.key).where(
    satisfied_ids.c.job_no == _of_job, satisfied_ids.c.key.in_(bindparam("words", expanding=True))
)
_FORGET = (
    sa.delete(satisfied_ids)
    .where(satisfied_ids.c.job_no == _of_job, satisfied_ids.c.key.in_(bindparam("words", expanding=True)))
    .returning(satisfied_ids.c.key)
)


def highest_missing(connection: sa.Connection, job: int, wanted: Range) -> int | None:
    """The highest number of the range that is not satisfied; None if all are."""
    found = _LAST_STRETCH.one_or_none(connection, {"job": job, "number": wanted.last})
    if found is None or found[1] < wanted.last:
        return wanted.last
    first: int = found[0]
    return None if first <= wanted.first else first - 1


def missing_numbers(connection: sa.Connection, job: int, wanted: Range, most: int) -> list[int]:
    """Numbers of the range that are not satisfied, at most so many; the highest first."""
    found: list[int] = []
    last = wanted.last
    while len(found) < most and last >= wanted.first:
        stretch = _LAST_STRETCH.one_or_none(connection, {"job": job, "number": last})
        first, end = stretch or (wanted.first, wanted.first - 1)
        low = max(end + 1, wanted.first, last - (most - len(found)) + 1)
        found += range(last, low - 1, -1)
        last = first - 1
    return found


class Known:
    """What of a job is satisfied, as this transaction finds it; each thing is looked up once."""

    def __init__(self, connection: sa.Connection, job: int) -> None:
        self._connection = connection
        self._job = job
        self._found: dict[str, bool] = {}

    def look(self, words: Iterable[str]) -> None:
        """At all of them together, so that each is known."""
        keys = []
        for word in dict.fromkeys(words):
            if word in self._found:
                continue
            if (wanted := range_of(word)) is None:
                keys.append(word)
            else:
                self._found[word] = highest_missing(self._connection, self._job, wanted) is None
        for start in range(0, len(keys), AT_ONCE):
            some = keys[start : start + AT_ONCE]
            self._found.update(dict.fromkeys(some, False))
            for query in (_SATISFIED, _GONE):
                found = self._connection.execute(query, {"job": self._job, "words": some})
                self._found.update(dict.fromkeys(found.scalars(), True))

    def is_satisfied(self, word: str) -> bool:
        """Of one that was looked at."""
        return self._found[word]

    def missing(self, words: Sequence[str]) -> str | None:
        """The last of them that is not satisfied."""
        end = len(words)
        for step in itertools.chain(_STEPS, itertools.repeat(AT_ONCE)):
            some = words[max(end - step, 0) : end]
            if not some:
                break
            self.look(some)
            for word in reversed(some):
                if not self.is_satisfied(word):
                    return word
            end -= step
        return None


def take_out(connection: sa.Connection, job: int, gone: int) -> None:
    found = _LAST_STRETCH.one_or_none(connection, {"job": job, "number": gone})
    if found is None or found[1] < gone:
        return
    first, last = found
    _DROP_STRETCHES.many(connection, [{"job": job, "low": first, "high": first}])
    for low, high in ((first, gone - 1), (gone + 1, last)):
        if low <= high:
            _KEEP_STRETCH.many(connection, [{"job": job, "low": low, "high": high}])


def put_in(connection: sa.Connection, job: int, new: Range) -> bool:
    """Whether that is news. Stretches that touch become one."""
    low, high = new
    before = _LAST_STRETCH.one_or_none(connection, {"job": job, "number": new.first})
    if before is not None and before[1] >= new.last:
        return False
    if before is not None and before[1] >= new.first - 1:
        low = before[0]
    behind = {"job": job, "low": new.first + 1, "high": new.last + 1}
    if touched := _STRETCHES.all(connection, behind):
        high = max(high, *(last for _, last in touched))
        _DROP_STRETCHES.many(connection, [behind])
    _KEEP_STRETCH.many(connection, [{"job": job, "low": low, "high": high}])
    return True


def forget(connection: sa.Connection, job: int, keys: Sequence[str]) -> None:
    """New tasks take these ids: what was satisfied by tasks that are gone is not any more."""
    for start in range(0, len(keys), AT_ONCE):
        given = {"job": job, "words": keys[start : start + AT_ONCE]}
        for key in connection.execute(_FORGET, given).scalars().all():
            if (found := number(key)) is not None:
                take_out(connection, job, found)


def unmet(connection: sa.Connection, job: int, words: Sequence[str], most: int) -> list[str]:
    """The first of them that are not satisfied, as far as a few looks tell."""
    some = words[:AT_ONCE]
    known = Known(connection, job)
    known.look(some)
    return list(itertools.islice((word for word in some if not known.is_satisfied(word)), most))
