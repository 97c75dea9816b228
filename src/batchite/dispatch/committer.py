"""The reactor's changes become rows: which statement is run for which kind of change, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any

import msgspec
import sqlalchemy as sa

from batchite.dispatch import telling
from batchite.dispatch.allocation import NOTHING, Allocation, allocate
from batchite.resources.feed import JobChanged, PoolChanged, Telling
from batchite.scheduling.changes import (
    Changes,
    Completed,
    JobCompleted,
    JobTerminating,
    NodesWanted,
    PoolRemoved,
    Removed,
    Requeued,
    ResizeEnded,
    StartTaskChanged,
)
from batchite.scheduling.room import Limits
from batchite.store.batch import changes as store
from batchite.store.batch import execution, feed
from batchite.store.prepared import Prepared
from batchite.wire.batch import outcome
from batchite.wire.ticks import Timestamp


@dataclass(slots=True)
class Commit:
    """One owner's part of a commit."""

    connection: sa.Connection
    account: str
    limits: Limits
    shard: str
    now: int
    allocation: Allocation = NOTHING
    telling: Telling = field(default_factory=Telling)
    """what clients see of it"""


COMMON = ("account", "shard", "now")
"""What a statement may want that is the same for every change."""


class Write:
    """Runs a statement for each change of a kind; what it wants it finds in the change's attributes."""

    def __init__(
        self,
        statement: Prepared,
        *,
        only: Callable[[Any], bool] | None = None,
        **made: Callable[[Any], Any],
    ) -> None:
        """`only`: for those of which this is true. `made`: values that the change has in another form."""
        self.statement = statement
        self.made = made
        self._only = only

    @cached_property
    def _values(self) -> Sequence[tuple[str, Callable[[Any], Any]]]:
        names = self.statement.parameters.difference(COMMON)
        return [(name, self.made.get(name) or attrgetter(name)) for name in names]

    @cached_property
    def _common(self) -> Sequence[str]:
        return [name for name in COMMON if name in self.statement.parameters]

    def __call__(self, commit: Commit, changes: Iterable[Any]) -> None:
        if self._only is not None:
            changes = filter(self._only, changes)
        self._run(commit, changes)

    def _run(self, commit: Commit, changes: Iterable[Any]) -> None:
        self.statement.many(commit.connection, list(map(self._row(commit), changes)))

    def _row(self, commit: Commit) -> Callable[[Any], dict[str, Any]]:
        """What makes a change's row."""
        common = {name: getattr(commit, name) for name in self._common}
        values = self._values
        return lambda change: {**common, **{name: value(change) for name, value in values}}


class Guarded(Write):
    """For a change that the store may refuse: what the statement returns where it did not is told."""

    def __init__(
        self, statement: Prepared, tell: Callable[[Commit, Any, Any], None], **made: Callable[[Any], Any]
    ) -> None:
        super().__init__(statement, **made)
        self._tell = tell

    def _run(self, commit: Commit, changes: Iterable[Any]) -> None:
        row = self._row(commit)
        for change in changes:
            if (done := self.statement.one_or_none(commit.connection, row(change))) is not None:
                self._tell(commit, change, done)


def apply(
    connection: sa.Connection, account: str, limits: Limits, shard: str, changes: Changes, now: int
) -> Allocation:
    """Write everything, kind by kind, and tell what clients see of it."""
    commit = Commit(connection, account, limits, shard, now)
    telling.tell_tasks(commit.telling, changes, now)
    for kind, write in WRITES:
        if found := getattr(changes, kind):
            write(commit, found.values() if isinstance(found, dict) else found)
    telling.tell_nodes(commit.telling, changes)
    feed.append(connection, shard, now, commit.telling)
    return commit.allocation


def _never_ran(change: Requeued) -> bool:
    return change.why == "returned"


def _ran(change: Requeued) -> bool:
    return not _never_ran(change)


def had_failed(change: Removed) -> bool:
    return change.was == "failed"


def _allocate(commit: Commit, wanted: Iterable[NodesWanted]) -> None:
    commit.allocation = allocate(
        commit.connection, commit.account, commit.limits, wanted, commit.now, commit.telling
    )


def _lock_jobs(commit: Commit, changes: Iterable[JobTerminating]) -> None:
    for change in changes:
        execution.lock_job(commit.connection, change.job)


def _tell_terminating(commit: Commit, change: JobTerminating, done: tuple[str, str, str]) -> None:
    pool, job, was = done
    entry = JobChanged(commit.telling.name(pool), job, change.at, "terminating", was, change.reason)
    commit.telling.add(entry)


def _tell_completed(commit: Commit, change: JobCompleted, done: tuple[str, str, str | None]) -> None:
    pool, job, reason = done
    entry = JobChanged(commit.telling.name(pool), job, change.at, "completed", "terminating", reason)
    commit.telling.add(entry)


def _tell_steady(commit: Commit, change: ResizeEnded, done: tuple[str, str]) -> None:
    pool, state = done
    commit.telling.add(PoolChanged(pool, change.at, state, state, "steady"))


def _tell_gone(commit: Commit, _change: PoolRemoved, done: tuple[str, str]) -> None:
    pool, was = done
    commit.telling.add(PoolChanged(pool, commit.now, "deleted", was, None))


def _failure(change: Completed) -> bytes | None:
    """The API's `failureInfo`."""
    return None if change.failure is None else msgspec.json.encode(outcome.shown(change.failure))


def _start_task_info(change: StartTaskChanged) -> bytes:
    """The API's `startTaskInfo`."""
    info = {
        "state": change.state,
        "startTime": _time(change.started),
        "endTime": _time(change.ended),
        "exitCode": change.exit_code,
        "failureInfo": None if change.failure is None else outcome.shown(change.failure),
        "retryCount": change.retries,
        "lastRetryTime": _time(change.last_retry),
        "result": change.result,
    }
    return msgspec.json.encode({name: value for name, value in info.items() if value is not None})


def _time(ticks: int | None) -> str | None:
    return None if ticks is None else str(Timestamp(ticks))


def _resize_errors(change: ResizeEnded) -> bytes | None:
    """The API's `resizeErrors`."""
    errors = [{"code": one.code, "message": one.message} for one in change.errors]
    return msgspec.json.encode(errors) if errors else None


_CAUSE = {
    "cause": attrgetter("cause.id"),
    "category": attrgetter("cause.category"),
    "code": attrgetter("cause.code"),
    "exit_code": attrgetter("cause.exit_code"),
    "line": attrgetter("cause.line"),
}
"""A cause, column by column."""

WRITES: Sequence[tuple[str, Callable[[Commit, Iterable[Any]], None]]] = (
    ("job_terminating", _lock_jobs),  # first, as those who add tasks do
    ("started", Write(store.START_TASK)),
    ("completed", Write(store.COMPLETE_TASK, failure=_failure)),
    ("failed", Write(store.COUNT_CAUSE, **_CAUSE)),
    ("failed", Write(store.NAME_CAUSE, cause=_CAUSE["cause"])),
    ("requeued", Write(store.REQUEUE_TASK, only=_ran)),
    ("requeued", Write(store.RETURN_TASK, only=_never_ran)),
    ("removed", Write(store.DISCOUNT_CAUSE, only=had_failed)),
    ("removed", Write(store.REMOVE_TASK)),
    ("removed", Write(store.DROP_CAUSE, only=had_failed)),
    ("leased", Write(store.LEASE_TASK)),
    ("counted", Write(store.COUNT_TASKS)),
    ("node_booted", Write(store.BOOT_NODE)),
    ("node_changed", Write(store.CHANGE_NODE)),
    ("node_tasks", Write(store.COUNT_NODE_TASKS)),
    ("start_task_changed", Write(store.CHANGE_START_TASK, info=_start_task_info)),
    ("node_sent_home", Write(store.SEND_NODE_HOME)),
    ("node_removed", Write(store.REMOVE_NODE)),
    ("cores_returned", Write(store.RETURN_CORES)),
    ("nodes_wanted", _allocate),
    ("resize_ended", Guarded(store.END_RESIZE, _tell_steady, errors=_resize_errors)),
    ("pool_removed", Guarded(store.REMOVE_POOL, _tell_gone)),
    ("job_terminating", Guarded(store.TERMINATE_JOB, _tell_terminating)),  # the counters are up to date
    ("job_completed", Guarded(store.COMPLETE_JOB, _tell_completed)),
    ("due_set", Write(store.SET_DUE)),
    ("paused", Write(store.PAUSE)),
    ("due_cleared", Write(store.CLEAR_DUE)),
)
