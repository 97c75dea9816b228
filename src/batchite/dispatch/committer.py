"""The reactor's changes become rows: which statement is run for which kind of change, in this order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from operator import attrgetter
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from batchite.dispatch import telling
from batchite.dispatch.allocation import NOTHING, Allocation, allocate
from batchite.resources import evaluations, rules
from batchite.resources.feed import JobChanged, PoolChanged, Telling
from batchite.resources.keys import account_shard
from batchite.resources.states import WITHOUT_FILES
from batchite.scheduling import sampling, scaling
from batchite.scheduling.autoscale import samples
from batchite.scheduling.autoscale.targets import Targets
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.job_nodes import OfJobTask
from batchite.scheduling.changes.jobs import (
    JobCompleted,
    JobDisabled,
    JobDisabling,
    JobEnabled,
    JobMoved,
    JobTerminating,
    Strayed,
)
from batchite.scheduling.changes.nodes import NodeBooted, NodeChanged, NodeReset, NodeRested, StartTaskChanged
from batchite.scheduling.changes.pools import FormulaTurned, NodesWanted, PoolRemoved, ResizeEnded, Sampled
from batchite.scheduling.changes.tasks import Completed, Releasing, Removed, Requeued, Satisfied
from batchite.scheduling.room import Limits
from batchite.store.batch import (
    auto_pools,
    autoscaling,
    events,
    execution,
    feed,
    job_nodes,
    job_schedules,
    leaving,
    moving,
    releasing,
)
from batchite.store.batch import changes as store
from batchite.store.batch.releasing import NONE, Released
from batchite.store.prepared import Prepared
from batchite.wire.batch import codec, outcome
from batchite.wire.batch.outcome import UNUSED
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
    released: Released = NONE
    telling: Telling = field(default_factory=Telling)
    """what clients see of it"""


class Outcome(NamedTuple):
    """What only the store could know."""

    allocation: Allocation
    released: Released


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
) -> Outcome:
    """Write everything, kind by kind, and tell what clients see of it."""
    commit = Commit(connection, account, limits, shard, now)
    telling.tell_job_tasks(commit.telling, changes)
    telling.tell_tasks(commit.telling, changes, now)
    for kind, write in WRITES:
        if found := getattr(changes, kind):
            write(commit, found.values() if isinstance(found, dict) else found)
    telling.tell_nodes(commit.telling, changes)
    feed.append(connection, shard, now, commit.telling)
    return Outcome(commit.allocation, commit.released)


def _never_ran(change: Requeued) -> bool:
    return change.why == "returned"


def _was_to_wait(change: Requeued) -> bool:
    return change.why in ("unprepared", "preparation")


def _ran(change: Requeued) -> bool:
    return not _never_ran(change) and not _was_to_wait(change)


def had_failed(change: Removed) -> bool:
    return change.was == "failed"


def keeps_prepared(change: JobCompleted) -> bool:
    return change.preparation_kept is not None


def keeps_released(change: JobCompleted) -> bool:
    return change.release_kept is not None


def had_run(change: Removed) -> bool:
    return change.was in ("succeeded", "failed")


def lost_its_files(change: NodeReset | NodeRested) -> bool:
    return change.phase in WITHOUT_FILES


def _allocate(commit: Commit, wanted: Iterable[NodesWanted]) -> None:
    commit.allocation = allocate(
        commit.connection, commit.account, commit.limits, wanted, commit.now, commit.telling
    )


def _lock_jobs(commit: Commit, changes: Iterable[JobTerminating | Satisfied | Releasing]) -> None:
    for job in sorted({change.job for change in changes}):
        execution.lock_job(commit.connection, job)


def _release(commit: Commit, changes: Iterable[Satisfied]) -> None:
    commit.released += releasing.release(commit.connection, commit.shard, changes)


def _go_on(commit: Commit, changes: Iterable[Releasing]) -> None:
    jobs = [change.job for change in changes]
    commit.released += releasing.go_on(commit.connection, commit.shard, jobs)


def _tell_node(commit: Commit, change: NodeChanged, _done: tuple[int]) -> None:
    telling.tell_node(commit.telling, change, change.phase)


def _tell_job(
    commit: Commit,
    change: JobDisabling | JobDisabled | JobEnabled | JobTerminating | JobCompleted,
    done: tuple[str, str, str, str, str | None, int | None],
) -> None:
    pool, job, state, was, reason, _ = done
    commit.telling.add(JobChanged(commit.telling.name(pool), job, change.at, state, was, reason))


def _tell_completed(
    commit: Commit, change: JobCompleted, done: tuple[str, str, str, str, str | None, int | None]
) -> None:
    *_, schedule = done
    _tell_job(commit, change, done)
    job_schedules.tell_of_job(commit.connection, account_shard(commit.account), schedule)


def _move(commit: Commit, changes: Iterable[JobMoved]) -> None:
    for change in changes:
        moving.move(commit.connection, change.job, commit.shard, change.to)


def _pass_on(commit: Commit, events: Iterable[Strayed]) -> None:
    for event in events:
        moving.pass_on(commit.connection, commit.shard, event.kind, event.subject)


def _let_pools_go(commit: Commit, changes: Iterable[JobCompleted]) -> None:
    for change in changes:
        auto_pools.let_go(commit.connection, commit.shard, change.job, commit.now, commit.telling)


def _tell_steady(commit: Commit, change: ResizeEnded, done: tuple[str, str]) -> None:
    pool, state = done
    commit.telling.add(PoolChanged(pool, change.at, state, state, "steady"))


def _tell_gone(commit: Commit, _change: PoolRemoved, done: tuple[str, str]) -> None:
    pool, was = done
    commit.telling.add(PoolChanged(pool, commit.now, "deleted", was, None))


def _sample(commit: Commit, changes: Iterable[Sampled]) -> None:
    for change in changes:
        if autoscaling.is_sampled(commit.connection, change.pool, change.next):
            counted = sampling.counted(autoscaling.counts(commit.connection, commit.shard))
            measured = samples.stored({**change.measured, **counted})
            autoscaling.add_sample(commit.connection, change.pool, change.at, measured)
            autoscaling.forget_before(commit.connection, change.pool, change.at - scaling.HISTORY)


def _turn(commit: Commit, changes: Iterable[FormulaTurned]) -> None:
    for change in changes:
        run = None if change.run is None else codec.encode(change.run)
        if not autoscaling.turn(commit.connection, change.pool, change.was, change.next, run):
            continue
        entry = change.entry
        if change.targets is not None and not _scale(commit, change, change.targets):
            entry = msgspec.structs.replace(entry, what="skipped", why="The pool was not steady any more.")
        autoscaling.add_entry(commit.connection, change.pool, codec.encode(entry), evaluations.MOST)


def _scale(commit: Commit, change: FormulaTurned, targets: Targets) -> bool:
    """The owner learns of it by an event, as of every resize."""
    values = {
        "target_dedicated": targets.dedicated,
        "target_low_priority": targets.low_priority,
        "resize_option": targets.deallocation,
    }
    found = autoscaling.resize(commit.connection, change.pool, change.at, values)
    if found is None:
        return False
    pool, state = found
    events.append(commit.connection, commit.shard, "pool", change.pool)
    commit.telling.add(PoolChanged(pool, change.at, state, state, "resizing"))
    return True


def _failure(change: Completed | OfJobTask) -> bytes | None:
    """The API's `failureInfo`."""
    return None if change.failure is None else msgspec.json.encode(outcome.shown(change.failure))


def _start_task(change: NodeBooted) -> bytes | None:
    return None if change.start_task is None else rules.encode(change.start_task)


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


def _node_errors(change: NodeRested) -> bytes | None:
    """The API's `errors` of a node."""
    errors = [outcome.shown_error(one, details="errorDetails") for one in change.errors]
    return msgspec.json.encode(errors) if errors else None


def _resize_errors(change: ResizeEnded) -> bytes | None:
    """The API's `resizeErrors`."""
    errors = [outcome.shown_error(one) for one in change.errors]
    return msgspec.json.encode(errors) if errors else None


_CAUSE = {
    "cause": attrgetter("cause.id"),
    "category": attrgetter("cause.category"),
    "code": attrgetter("cause.code"),
    "exit_code": attrgetter("cause.exit_code"),
    "line": attrgetter("cause.line"),
}
"""A cause, column by column."""

_USED = {
    name: lambda change, name=name: getattr(change.used or UNUSED, name)
    for name in ("user_time", "kernel_time", "blocks_read", "blocks_written")
}
"""What a run used, column by column."""

WRITES: Sequence[tuple[str, Callable[[Commit, Iterable[Any]], None]]] = (
    ("job_terminating", _lock_jobs),  # first, as those who add tasks do
    ("satisfied", _lock_jobs),
    ("releasing", _lock_jobs),
    ("started", Write(store.START_TASK)),
    ("completed", Write(store.COMPLETE_TASK, failure=_failure, **_USED)),
    ("failed", Write(store.COUNT_CAUSE, **_CAUSE)),
    ("failed", Write(store.NAME_CAUSE, cause=_CAUSE["cause"])),
    ("requeued", Write(store.REQUEUE_TASK, only=_ran, **_USED)),
    ("requeued", Write(store.RETURN_TASK, only=_never_ran)),
    ("requeued", Write(store.UNPREPARE_TASK, only=_was_to_wait)),
    ("removed", Write(store.DISCOUNT_CAUSE, only=had_failed)),
    ("removed", Write(store.KEEP_SATISFIED, only=had_run)),
    ("removed", Write(store.REMOVE_TASK)),
    ("removed", Write(store.DROP_CAUSE, only=had_failed)),
    ("files_forgotten", Write(store.FORGET_FILES)),
    ("leased", Write(store.LEASE_TASK)),
    ("preparing", Write(store.PREPARE_TASK)),
    ("counted", Write(store.COUNT_TASKS)),
    ("satisfied", _release),  # their rows say that they are
    ("releasing", _go_on),
    ("preparation_wanted", Write(job_nodes.WANT_PREPARATION)),
    ("preparation_changed", Write(job_nodes.CHANGE_PREPARATION, failure=_failure)),
    ("preparation_retried", Write(job_nodes.RETRY_PREPARATION)),
    ("preparation_dropped", Write(job_nodes.DROP_PREPARATION)),
    ("node_used", Write(job_nodes.USE_NODE)),
    ("release_wanted", Write(job_nodes.WANT_RELEASE)),
    ("release_changed", Write(job_nodes.CHANGE_RELEASE, failure=_failure)),
    ("release_dropped", Write(job_nodes.DROP_RELEASE)),
    ("node_booted", Write(store.BOOT_NODE, start_task=_start_task)),
    ("node_changed", Guarded(store.CHANGE_NODE, _tell_node)),
    ("node_vacating", Write(store.VACATE_NODE)),
    ("node_tasks", Write(store.COUNT_NODE_TASKS)),
    ("start_task_changed", Write(store.CHANGE_START_TASK, info=_start_task_info)),
    ("node_reset", Write(store.RESET_NODE)),
    ("node_rested", Write(store.REST_NODE, errors=_node_errors)),
    ("node_reset", Write(store.FORGET_LOGINS, only=lost_its_files)),
    ("node_rested", Write(store.FORGET_LOGINS, only=lost_its_files)),
    *((kind, Write(job_nodes.END_ON_NODE)) for kind in ("node_reset", "node_rested", "node_removed")),
    ("node_reset", Write(job_nodes.WIPE_NODE, only=lost_its_files)),
    ("node_rested", Write(job_nodes.WIPE_NODE, only=lost_its_files)),
    ("node_removed", Write(job_nodes.LEAVE_NODE)),
    ("node_removed", Write(store.RETURN_PORTS)),
    ("nodes_came", Write(leaving.BEGIN_SPAN)),
    ("nodes_came", Write(leaving.FORGET_SPANS)),
    ("nodes_went", Write(leaving.LEAVE_SPAN)),
    ("nodes_went", Write(leaving.END_SPAN)),
    ("node_removed", Write(leaving.LEAVE_NODE)),
    ("node_removed", Write(store.FORGET_LOGINS)),
    ("node_removed", Write(store.REMOVE_NODE)),
    ("cores_returned", Write(store.RETURN_CORES)),
    ("nodes_wanted", _allocate),
    ("resize_ended", Guarded(store.END_RESIZE, _tell_steady, errors=_resize_errors)),
    ("sampled", _sample),
    ("formula_turned", _turn),
    ("target_met", Write(store.MEET_TARGET)),
    ("pool_removed", Write(store.FORGET_FORMULA)),
    ("pool_removed", Write(store.FORGET_SAMPLES)),
    ("pool_removed", Write(store.FORGET_EVALUATIONS)),
    ("pool_removed", Write(leaving.LEAVE_POOL)),
    ("pool_removed", Write(leaving.REMOVE_POOL_USAGE)),
    ("pool_removed", Guarded(store.REMOVE_POOL, _tell_gone)),
    ("job_disabling", Guarded(store.BEGIN_TO_DISABLE_JOB, _tell_job)),
    ("job_disabled", Guarded(store.DISABLE_JOB, _tell_job)),
    ("job_enabled", Guarded(store.ENABLE_JOB, _tell_job)),
    ("job_terminating", Guarded(store.TERMINATE_JOB, _tell_job)),  # the counters are up to date
    ("job_completed", Guarded(store.COMPLETE_JOB, _tell_completed)),
    ("job_completed", Write(job_nodes.KEEP_PREPARED, only=keeps_prepared)),
    ("job_completed", Write(job_nodes.KEEP_RELEASED, only=keeps_released)),
    ("job_completed", Write(job_nodes.CLOSE_JOB)),
    ("job_completed", _let_pools_go),
    ("due_set", Write(store.SET_DUE)),
    ("paused", Write(store.PAUSE)),
    ("strayed", _pass_on),
    ("job_moved", _move),  # with what is due; what is cleared afterwards is not its any more
    ("due_cleared", Write(store.CLEAR_DUE)),
)
