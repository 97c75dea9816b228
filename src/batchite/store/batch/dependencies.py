"""Tasks that wait for others of their job: they are added as blocked, and `releasing` looks at them when what
they wait for is `satisfied`.

A blocked task waits for one thing at a time, a task or a range of them. When that is satisfied, the rest of
what it depends on is looked at, and it is released or waits for the next. So adding a task costs no row for
each thing that it depends on, and the end of a task looks only at those who wait for just that. Which numbers
are satisfied is kept as stretches, and a range is satisfied when one of them covers it; all who wait for the
same range wait for one row, which waits for the highest number that is missing, since tasks mostly end in the
order of their numbers. Hence no cost goes by the width of a range.

Whoever blocks or releases holds the row of the job: no task is added as blocked by one that is satisfied at
the same moment.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from operator import attrgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import bindparam

from batchite.resources.dependencies import decode, encode, range_of, spellings
from batchite.resources.states import BLOCKED
from batchite.resources.tasks import TaskRow
from batchite.store.batch.satisfied import Known, forget, highest_missing
from batchite.store.batch.schema import awaited_ranges, releases, satisfied_ids, satisfied_numbers, tasks
from batchite.store.dialects import insert_for
from batchite.store.prepared import Prepared

_of_job = bindparam("job", type_=sa.BigInteger)
_AWAIT_RANGE = Prepared(
    lambda dialect: (
        insert_for(dialect, awaited_ranges)
        .values(job_no=_of_job, first=bindparam("low"), last=bindparam("high"), missing=bindparam("next"))
        .on_conflict_do_nothing()
    )
)

_BY_KEYS = sa.select(tasks).where(
    tasks.c.job_no == _of_job, tasks.c.key.in_(bindparam("words", expanding=True))
)


def settled(
    connection: sa.Connection, job: int, rows: Sequence[Mapping[str, Any]]
) -> Sequence[Mapping[str, Any]]:
    """Rows of tasks as they are to be added to a job with dependencies, blocked or not; hold the job's row
    before, and call `await_ranges` afterwards. They have all their `dependencies`."""
    forget(connection, job, [row["key"] for row in rows])
    known = Known(connection, job)
    depending = [(row, decode(row["dependencies"])) for row in rows]
    known.look(words[-1] for _, words in depending if words)
    return [_settled(row, words, known.missing(words)) for row, words in depending]


def _settled(row: Mapping[str, Any], words: Sequence[str], missing: str | None) -> Mapping[str, Any]:
    if missing is None:
        return {**row, "awaits": None, "dependencies": None}
    return {**row, "state": BLOCKED, "awaits": missing, "dependencies": kept(words)}


def kept(words: Sequence[str]) -> bytes | None:
    """What is kept of all that a task depends on, while it is blocked."""
    return encode(words) if len(words) > 1 else None


def left(awaits: str | None, dependencies: bytes | None) -> Sequence[str]:
    """Of what a blocked task depends on, what it waits for now, first, and what it looks at after that."""
    words = decode(dependencies) or (awaits or "",)
    return words[words.index(awaits) :: -1] if awaits in words else words[::-1]


def awaited(connection: sa.Connection, job: int, words: Sequence[str]) -> str | None:
    """What a task that depends on this waits for from now on; None: it is not blocked."""
    missing = Known(connection, job).missing(words)
    if missing is not None:
        await_ranges(connection, job, (missing,))
    return missing


def await_ranges(connection: sa.Connection, job: int, words: Iterable[str]) -> None:
    """Tasks of the job wait for what these say, from now on."""
    for word in dict.fromkeys(words):
        if (wanted := range_of(word)) is not None:
            low, high = wanted
            missing = highest_missing(connection, job, wanted)
            given = {"job": job, "low": low, "high": high, "next": high if missing is None else missing}
            _AWAIT_RANGE.many(connection, [given])


def of_number(connection: sa.Connection, job: int, wanted: int) -> TaskRow | None:
    """The first task whose id is that number, whatever zeros it begins with."""
    found = connection.execute(_BY_KEYS, {"job": job, "words": spellings(wanted)})
    # put in order here: asked for the first, SQLite goes through the whole job in that order
    return min(found, key=attrgetter("task_no"), default=None)


def purge(connection: sa.Connection, job: int, limit: int) -> bool:
    """Remove up to `limit` rows of what is kept for a job that is gone; whether that were all."""
    for table, *columns in _KEPT:
        kept = sa.select(*columns).where(table.c.job_no == job).limit(limit)
        found = sa.tuple_(*columns).in_(kept)
        limit -= connection.execute(sa.delete(table).where(table.c.job_no == job, found)).rowcount
        if limit <= 0:
            return False
    return True


_KEPT = (
    (satisfied_numbers, satisfied_numbers.c.first),
    (satisfied_ids, satisfied_ids.c.key),
    (awaited_ranges, awaited_ranges.c.first, awaited_ranges.c.last),
    (releases, releases.c.came),
)
