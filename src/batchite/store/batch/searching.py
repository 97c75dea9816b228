"""Tasks of a job that are searched for, the newest first, without a look at all of a million.

What an index serves is found at once: a state, a cause, an id, and whatever else where the beginning of an
id, a node, or that they were retried, leaves few enough to look at each. For the rest so many rows are looked
at for a page, and it says from where the next one goes on.

Conditions of an index stand as they are, all others over expressions that no index knows: only so the
databases take the index that is meant, of whose rows they know nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import sqlalchemy as sa

from batchite.resources import states
from batchite.resources.searches import By, Pattern, TaskSearch, Term
from batchite.store.batch.filtering import starts_with, unindexed
from batchite.store.batch.schema import COMPLETED_TASK, RETRIED_TASK, nodes, tasks
from batchite.store.batch.tasks import VISIBLE

LOOK = 25_000
"""Rows that are looked at for a page, where no index serves."""

Clause = sa.ColumnElement[bool]


class Summary(Protocol):
    """What a list shows of a task."""

    task_no: int
    id: str
    state: str
    state_time: int
    created: int
    node_id: str | None
    started: int | None
    ended: int | None
    exit_code: int | None
    result: str | None
    retry_count: int
    requeue_count: int
    cause: str | None


_COLUMNS = tuple(tasks.c[name] for name in Summary.__annotations__)


class Found(NamedTuple):
    """A page: `after` is where the next one begins, 0 if there is none; `is_cut`: fewer rows than wanted were
    found among those that could be looked at."""

    rows: Sequence[Summary]
    after: int
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class _Way:
    """The rows of some streams, each by an index in the order of numbers, for which `rest` holds."""

    streams: tuple[Clause, ...]
    rest: tuple[Clause, ...] = ()
    is_complete: bool = False
    """all rows can be looked at, few as they are"""


def find(
    connection: sa.Connection, job_no: int, search: TaskSearch, limit: int, after: int = 0, look: int = LOOK
) -> Found:
    """At most `limit` tasks with numbers below `after`, if that is not 0."""
    way = _way(connection, job_no, search, look)
    floor = 0
    if way.rest and not way.is_complete:
        each = max(look // len(way.streams), 1)
        floor = max(_floor(connection, job_no, stream, after, each) for stream in way.streams)
    found: list[Summary] = []
    for stream in way.streams:
        found += _rows(connection, job_no, stream, way.rest, limit, after, floor)
    rows = sorted(found, key=lambda row: row.task_no, reverse=True)[: limit + 1]
    if len(rows) > limit:
        return Found(rows[:limit], rows[limit - 1].task_no)
    return Found(rows, floor + 1 if floor else 0, is_cut=floor > 0)


def _rows(
    connection: sa.Connection,
    job_no: int,
    stream: Clause,
    rest: Sequence[Clause],
    limit: int,
    after: int,
    floor: int,
) -> Sequence[Any]:
    query = sa.select(*_COLUMNS).where(tasks.c.job_no == job_no, stream, VISIBLE, *rest)
    if after:
        query = query.where(tasks.c.task_no < after)
    if floor:
        query = query.where(tasks.c.task_no > floor)
    return connection.execute(query.order_by(tasks.c.task_no.desc()).limit(limit + 1)).all()


def _floor(connection: sa.Connection, job_no: int, stream: Clause, after: int, look: int) -> int:
    """The number of the last row that is not looked at any more; 0 if all are."""
    query = sa.select(tasks.c.task_no).where(tasks.c.job_no == job_no, stream)
    if after:
        query = query.where(tasks.c.task_no < after)
    found: int | None = connection.execute(
        query.order_by(tasks.c.task_no.desc()).limit(1).offset(look)
    ).scalar_one_or_none()
    return found or 0


def _way(connection: sa.Connection, job_no: int, search: TaskSearch, look: int) -> _Way:
    streams, used = _streams(search)
    rest = tuple(_condition(term) for term in search.terms if term is not used)
    if rest:
        for term in search.terms:
            chosen = _chosen(connection, term)
            if chosen is not None and _count(connection, job_no, chosen, look) <= look:
                others = (_condition(other) for other in search.terms if other is not term)
                return _Way((chosen,), tuple(others), is_complete=True)
        retried = any(_is_retried(term) for term in search.terms)
        if retried and (used is None or _count(connection, job_no, RETRIED_TASK, look) <= look):
            return _Way((RETRIED_TASK,), tuple(_condition(term) for term in search.terms))
    return _Way(streams, rest)


def _is_retried(term: Term) -> bool:
    """Only tasks that were retried pass the term."""
    if term.by != "retries":
        return False
    counts = [int(text) for text in term.texts]
    return 0 in counts if term.is_excluded else min(counts) > 0


def _streams(search: TaskSearch) -> tuple[tuple[Clause, ...], Term | None]:
    """Conditions of which each has an index that ends in the number of the task, and the term that they are
    all of."""
    causes, wanted = search.included("cause"), search.included("state")
    if causes is not None:
        return tuple(tasks.c.cause == cause for cause in dict.fromkeys(causes.texts)), causes
    if wanted is not None:
        return tuple(_of_states(wanted.texts)), wanted
    return (sa.true(),), None


def _of_states(names: Sequence[str]) -> Iterator[Clause]:
    if "completed" in names:
        yield tasks.c.state == "completed"
    else:
        if "failed" in names:
            yield sa.and_(COMPLETED_TASK, tasks.c.result == "failure")
        if "succeeded" in names:
            yield sa.and_(COMPLETED_TASK, tasks.c.result == "success")
    for name in ("active", "running"):
        if name in names:
            yield from (tasks.c.state == stored for stored in states.counted_as(name))


def _chosen(connection: sa.Connection, term: Term) -> Clause | None:
    """The condition of a term whose tasks an index finds, though not in the order of their numbers, and which
    may be few."""
    if term.is_excluded or len(term.values) != 1:
        return None
    (value,) = term.values
    if term.by == "id":
        return starts_with(tasks.c.key, value.text) if value.is_prefix else tasks.c.key == value.text
    if term.by == "node" and not value.is_prefix:
        named = sa.select(nodes.c.node_no).where(sa.func.lower(nodes.c.id) == value.text)
        number = connection.execute(named).scalar_one_or_none()
        if number is not None:
            return sa.and_(tasks.c.node_no == number, tasks.c.started.is_not(None))
    return None


def _count(connection: sa.Connection, job_no: int, chosen: Clause, most: int) -> int:
    """How many there are, at most one more than `most`."""
    some = sa.select(tasks.c.task_no).where(tasks.c.job_no == job_no, chosen).limit(most + 1).subquery()
    counted: int = connection.execute(sa.select(sa.func.count(some.c.task_no))).scalar_one()
    return counted


def _condition(term: Term) -> Clause:
    """The term for rows that are looked at one by one."""
    clause = sa.or_(*(_CONDITIONS[term.by](value) for value in term.values))
    return sa.not_(clause) if term.is_excluded else clause


def _matches(column: sa.ColumnElement[Any], value: Pattern) -> Clause:
    unindexed = sa.func.coalesce(column, "")
    return unindexed.startswith(value.text, autoescape=True) if value.is_prefix else unindexed == value.text


def _has_state(value: Pattern) -> Clause:
    state, failed = sa.func.coalesce(tasks.c.state, ""), sa.func.coalesce(tasks.c.cause, "") != ""
    match value.text:
        case "failed":
            return failed
        case "succeeded":
            return sa.and_(state == "completed", sa.not_(failed))
        case name:
            return state.in_(states.counted_as(name) or states.shown_as(name))


def _ran_on(value: Pattern) -> Clause:
    return sa.and_(tasks.c.started.is_not(None), _matches(sa.func.lower(tasks.c.node_id), value))


_CONDITIONS: Mapping[By, Callable[[Pattern], Clause]] = {
    "state": _has_state,
    "id": lambda value: _matches(tasks.c.key, value),
    "node": _ran_on,
    "exit": lambda value: tasks.c.exit_code.is_not_distinct_from(int(value.text)),
    "retries": lambda value: unindexed(tasks.c.retry_count) == int(value.text),
    "cause": lambda value: _matches(tasks.c.cause, value),
}
