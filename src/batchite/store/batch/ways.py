"""By which indexes the tasks are found that pass a filter.

A filter is a number of conjunctions. For each there is a way: conditions that an index serves and that no
task fails which passes. They are either streams, in the order of numbers, which is that of lists; or ranges,
in any other order, that are good as long as they hold few. Each row that they lead to is still compared with
the whole filter, so what is said here decides how long that takes, and by what the schema says of completed
tasks which rows are not looked at.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Final, TypeAlias

import sqlalchemy as sa

from batchite.resources import states
from batchite.store.batch import filtering
from batchite.store.batch.filtering import UNINDEXED_TASKS, Clause
from batchite.store.batch.schema import COMPLETED_TASK, FAILED_TASK, MODIFIED_TASK, STARTED_TASK, tasks
from batchite.store.batch.walking import TRUE, Range, Ranges, Way
from batchite.wire.batch.odata.filter import And, Comparison, Expression, Or, StartsWith

MOST_CONJUNCTIONS = 16
"""Of a filter; one with more is answered by a look at each task."""
MOST_CODES = 32
"""Different exit codes of failed tasks that are looked up one by one."""

Term: TypeAlias = "Comparison | StartsWith"
_OVER: Final = "completed"
_ID, _STATE, _STATE_TIME, _CREATED = "id", "state", "stateTransitionTime", "creationTime"
_STARTED, _ENDED = "executionInfo/startTime", "executionInfo/endTime"
_CODE, _RESULT = "executionInfo/exitCode", "executionInfo/result"
_MODIFIED: Final = ("lastModified", "lastModifiedTime")

_AGAINST: Final[Mapping[str, Callable[[int, int], bool]]] = {
    "eq": int.__eq__,
    "ne": int.__ne__,
    "gt": int.__gt__,
    "ge": int.__ge__,
    "lt": int.__lt__,
    "le": int.__le__,
}


def of_tasks(connection: sa.Connection, job_no: int, wanted: Expression) -> tuple[Way, ...]:
    """Ways that together lead to all tasks of the job that pass the filter, which has been checked."""
    terms = _conjunctions(wanted)
    if len(terms) > MOST_CONJUNCTIONS:
        return (Way((_EACH,), filtering.clause(wanted, UNINDEXED_TASKS)),)
    return tuple(_Conjunction(connection, job_no, each).way() for each in terms)


def _conjunctions(wanted: Expression) -> list[tuple[Term, ...]]:
    """Any of which has to hold, in all its terms; the list may be cut where it has more than are used."""
    match wanted:
        case Or(parts):
            return [each for part in parts for each in _conjunctions(part)]
        case And(parts):
            together = itertools.product(*map(_conjunctions, parts))
            some = itertools.islice(together, MOST_CONJUNCTIONS + 1)
            return [tuple(itertools.chain.from_iterable(each)) for each in some]
        case _:
            return [(wanted,)]


_EACH: Final = Range({}, TRUE, (tasks.c.task_no,))


class _Conjunction:
    """Terms that all have to hold, for tasks of a job."""

    def __init__(self, connection: sa.Connection, job_no: int, terms: Sequence[Term]) -> None:
        self._connection = connection
        self._job_no = job_no
        self._terms = terms

    def way(self) -> Way:
        whole: Expression = And(tuple(self._terms)) if len(self._terms) > 1 else self._terms[0]
        rest = filtering.clause(whole, UNINDEXED_TASKS)
        return Way(tuple(self._streams()), rest, tuple(self._choices()))

    # -- what can be: states as they are stored, and how completed tasks ended

    @cached_property
    def _states(self) -> tuple[str, ...]:
        names = states.TASK
        for term in self._of(_STATE):
            shown = states.shown_as(str(term.literal))
            names = {
                name: state for name, state in names.items() if (name in shown) == (term.operator == "eq")
            }
        is_over = self._bounds((_ENDED,)) or any(term.operator == "eq" for term in self._of(_RESULT))
        return tuple(name for name in names if name == _OVER or not (is_over or not self._has_code(None)))

    @cached_property
    def _results(self) -> tuple[str, ...]:
        """Of completed tasks."""
        if _OVER not in self._states:
            return ()
        results = ["success", "failure"] if self._has_code(0) else ["failure"]
        for term in self._of(_RESULT):
            results = [each for each in results if (each == term.literal) == (term.operator == "eq")]
        return tuple(results)

    def _has_code(self, code: int | None) -> bool:
        return all(_holds(term, code) for term in self._of(_CODE))

    @cached_property
    def _codes(self) -> tuple[int | None, ...] | None:
        """The exit codes of failed tasks that are asked for; None if none are, or they are too many."""
        if not self._of(_CODE):
            return None
        asked = [term.literal for term in self._of(_CODE) if term.operator == "eq"]
        known = [int(code) for code in asked[:1] if isinstance(code, int)] or self._known_codes()
        if len(known) > MOST_CODES:
            return None
        codes: list[int | None] = [code for code in known if self._has_code(code)]
        return (*codes, None) if self._has_code(None) else tuple(codes)

    def _known_codes(self) -> list[int]:
        """Those within the bounds; one more than are looked up, if there are so many."""
        query = sa.select(tasks.c.exit_code).where(tasks.c.job_no == self._job_no, FAILED_TASK)
        query = query.where(self._bounded(tasks.c.exit_code, (_CODE,)))
        query = query.order_by(tasks.c.exit_code).limit(1)
        found: list[int] = []
        code = self._connection.execute(query.where(tasks.c.exit_code.is_not(None))).scalar()
        while code is not None and len(found) <= MOST_CODES:
            found.append(code)
            code = self._connection.execute(query.where(tasks.c.exit_code > code)).scalar()
        return found

    # -- in the order of numbers

    def _streams(self) -> Iterator[Range]:
        if not any(term.property in (_STATE, _RESULT, _CODE, _ENDED) for term in self._terms):
            yield _EACH
            return
        is_whole = len(self._results) == 2 and self._codes is None
        for name in self._states:
            if name != _OVER or is_whole:
                yield Range({tasks.c.state: name}, TRUE, (tasks.c.task_no,))
        if is_whole:
            return
        for result in self._results:
            if result == "failure" and self._codes is not None:
                yield from self._failed(tasks.c.task_no)
            else:
                yield Range({tasks.c.result: result}, COMPLETED_TASK, (tasks.c.task_no,))

    def _failed(self, column: sa.ColumnElement[int], bounded: Clause = TRUE) -> Iterator[Range]:
        """By exit code, in the order of the column."""
        code, failed = tasks.c.exit_code, sa.and_(FAILED_TASK, bounded)
        for each in self._codes or ():
            if each is None:
                yield Range({}, sa.and_(failed, code.is_(None)), (code, column))
            else:
                yield Range({code: each}, failed, (column,))

    # -- in other orders

    def _choices(self) -> Iterator[Ranges]:
        if self._bounds((_ID,)):
            yield (Range({}, self._bounded(tasks.c.key, (_ID,)), (tasks.c.key,)),)
        if self._bounds((_STARTED,)):
            started = self._bounded(tasks.c.started, (_STARTED,))
            yield (Range({}, sa.and_(STARTED_TASK, started), (tasks.c.started,)),)
        if self._bounds((_CREATED,)):
            yield tuple(self._created((_CREATED,)))
        if self._bounds(_MODIFIED):
            changed = sa.and_(MODIFIED_TASK, self._bounded(tasks.c.modified, _MODIFIED))
            yield (Range({}, changed, (tasks.c.modified,)), *self._created(_MODIFIED))
        if self._bounds((_STATE_TIME, _ENDED)):
            yield tuple(self._changed_state((_STATE_TIME, _ENDED)))

    def _created(self, names: Sequence[str]) -> Iterator[Range]:
        column = tasks.c.created
        bounded = self._bounded(column, names)
        yield from (Range({tasks.c.state: name}, bounded, (column,)) for name in self._states)

    def _changed_state(self, names: Sequence[str]) -> Iterator[Range]:
        column, result = tasks.c.state_time, tasks.c.result
        bounded = self._bounded(column, names)
        for name in self._states:
            if name != _OVER:
                without = sa.and_(result.is_(None), bounded)
                yield Range({tasks.c.state: name}, without, (result, column))
        for each in self._results:
            if each == "failure" and self._codes is not None:
                yield from self._failed(column, bounded)
            else:
                yield Range({tasks.c.state: _OVER, result: each}, bounded, (column,))

    # -- terms

    def _of(self, name: str) -> list[Comparison]:
        return [term for term in self._terms if isinstance(term, Comparison) and term.property == name]

    def _bounds(self, names: Sequence[str]) -> list[Term]:
        """What is said of these properties that leaves a part of an index."""
        return [
            term
            for term in self._terms
            if term.property in names and (isinstance(term, StartsWith) or term.operator != "ne")
        ]

    def _bounded(self, column: sa.ColumnElement[Any], names: Sequence[str]) -> Clause:
        return sa.and_(sa.true(), *(filtering.holds(column, term) for term in self._bounds(names)))


def _holds(term: Comparison, code: int | None) -> bool:
    if code is None:
        return term.operator == "ne"
    return isinstance(term.literal, int) and _AGAINST[term.operator](code, term.literal)
