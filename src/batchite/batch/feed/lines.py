"""The events of the feed as clients see them: a line of JSON for each change."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Final, NamedTuple

import msgspec

from batchite.resources.feed import (
    Entry,
    JobChanged,
    JobTaskChanged,
    NodeChanged,
    PoolChanged,
    ScheduleChanged,
    TaskCompleted,
    TaskDeleted,
    TaskPreparing,
    TaskRequeued,
    TasksAdded,
    TaskStarted,
    decode,
)
from batchite.resources.keys import folded
from batchite.store.batch.feed import Row
from batchite.wire.ticks import Timestamp

FAILED: Final = "JobPreparationTaskFailed"
"""As the cloud calls it: the task cannot run on the node, and is tried elsewhere."""
KINDS: Final = ("pool", "node", "schedule", "job", "task", "preparation", "release")


class _Event(
    msgspec.Struct, tag_field="kind", rename="camel", omit_defaults=True, frozen=True, gc=False, kw_only=True
):
    """`time` is that of the change; `previous_state` is absent of what is new."""

    state: str
    time: str
    previous_state: str | None = None


class PoolEvent(_Event, tag="pool", frozen=True, kw_only=True):
    pool_id: str
    allocation_state: str | None = None


class NodeEvent(_Event, tag="node", frozen=True, kw_only=True):
    pool_id: str
    node_id: str


class JobEvent(_Event, tag="job", frozen=True, kw_only=True):
    job_id: str
    pool_id: str
    terminate_reason: str | None = None
    scheduling_error: str | None = None


class ScheduleEvent(_Event, tag="schedule", frozen=True, kw_only=True):
    """`job_id`: of the job that it has just made."""

    schedule_id: str
    job_id: str | None = None


class TaskEvent(_Event, tag="task", frozen=True, kw_only=True):
    """`reason`: why it waits again (retry, requeue, recovery, reactivation; unprepared or preparation, if it
    did not come to run). `scheduling_error`: the code of what kept it from running there."""

    job_id: str
    task_id: str
    node_id: str | None = None
    exit_code: int | None = None
    result: str | None = None
    failure: str | None = None
    reason: str | None = None
    scheduling_error: str | None = None


class PreparationEvent(_Event, tag="preparation", frozen=True, kw_only=True):
    """How a job's preparation task runs on a node."""

    job_id: str
    node_id: str
    exit_code: int | None = None
    result: str | None = None
    failure: str | None = None


class ReleaseEvent(PreparationEvent, tag="release", frozen=True, kw_only=True):
    """How its release task does."""


_OF_JOBS: Final = {"preparation": PreparationEvent, "release": ReleaseEvent}


class Line(NamedTuple):
    """An event in JSON, and what filters go by."""

    kind: str
    job: str
    """its id in lower case; empty if there is none"""
    data: bytes


def lines(row: Row) -> tuple[Line, ...]:
    """What a row tells, in order."""
    if row.entries is None:
        return ()
    told = decode(row.entries)
    return tuple(line for entry in told.entries for line in _lines(entry, told.names))


def _lines(entry: Entry, names: tuple[str, ...]) -> Iterator[Line]:
    match entry:
        case TasksAdded(job, at, ids):
            time, job_id = str(Timestamp(at)), names[job]
            for id in ids:
                yield _line("task", job_id, TaskEvent(job_id=job_id, task_id=id, state="active", time=time))
        case JobTaskChanged():
            yield _line(entry.task, names[entry.job], _job_task(entry, names))
        case TaskPreparing() | TaskStarted() | TaskCompleted() | TaskRequeued() | TaskDeleted():
            yield _line("task", names[entry.job], _task(entry, names))
        case NodeChanged():
            yield _line("node", "", _node(entry, names))
        case JobChanged():
            yield _line("job", entry.id, _job(entry, names))
        case PoolChanged():
            yield _line("pool", "", _pool(entry))
        case ScheduleChanged():
            yield _line("schedule", "", _schedule(entry))


def _pool(entry: PoolChanged) -> PoolEvent:
    return PoolEvent(
        pool_id=entry.id,
        state=entry.state,
        time=_time(entry.at),
        previous_state=entry.was,
        allocation_state=entry.allocation_state,
    )


def _node(entry: NodeChanged, names: tuple[str, ...]) -> NodeEvent:
    return NodeEvent(
        pool_id=names[entry.pool],
        node_id=names[entry.node],
        state=entry.state,
        time=_time(entry.at),
        previous_state=entry.was,
    )


def _job(entry: JobChanged, names: tuple[str, ...]) -> JobEvent:
    return JobEvent(
        job_id=entry.id,
        pool_id=names[entry.pool],
        state=entry.state,
        time=_time(entry.at),
        previous_state=entry.was,
        terminate_reason=entry.reason,
        scheduling_error=entry.error,
    )


def _schedule(entry: ScheduleChanged) -> ScheduleEvent:
    return ScheduleEvent(
        schedule_id=entry.id,
        state=entry.state,
        time=_time(entry.at),
        previous_state=entry.was,
        job_id=entry.job_id,
    )


def _job_task(entry: JobTaskChanged, names: tuple[str, ...]) -> PreparationEvent:
    is_over = entry.state == "completed"
    failed = entry.failure is not None or entry.exit_code != 0
    return _OF_JOBS[entry.task](
        job_id=names[entry.job],
        node_id=names[entry.node],
        state=entry.state,
        time=_time(entry.at),
        previous_state="running" if is_over else None,
        exit_code=entry.exit_code,
        result=("failure" if failed else "success") if is_over else None,
        failure=entry.failure,
    )


def _task(
    entry: TaskPreparing | TaskStarted | TaskCompleted | TaskRequeued | TaskDeleted, names: tuple[str, ...]
) -> TaskEvent:
    event = partial(TaskEvent, job_id=names[entry.job], task_id=entry.id, time=_time(entry.at))
    match entry:
        case TaskPreparing(node=node):
            return event(state="preparing", previous_state="active", node_id=names[node])
        case TaskStarted(node=node, has_prepared=has_prepared):
            was = "preparing" if has_prepared else "active"
            return event(state="running", previous_state=was, node_id=names[node])
        case TaskCompleted(was=was, node=node_or_none, exit_code=code, failure=failure):
            return event(
                state="completed",
                previous_state=was,
                node_id=None if node_or_none is None else names[node_or_none],
                exit_code=code,
                result="success" if failure is None and code == 0 else "failure",
                failure=failure,
            )
        case TaskRequeued(why=why, was=was):
            error = FAILED if why == "preparation" else None
            return event(state="active", previous_state=was, reason=why, scheduling_error=error)
        case TaskDeleted(was=was):
            return event(state="deleted", previous_state=was)


def _line(kind: str, job_id: str, event: _Event) -> Line:
    return Line(kind, folded(job_id), _encoder.encode(event))


def _time(ticks: int) -> str:
    return str(Timestamp(ticks))


_encoder = msgspec.json.Encoder()
