"""The events of the feed as clients see them: a line of JSON for each change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from batchite.resources.feed import (
    Entry,
    JobChanged,
    NodeChanged,
    PoolChanged,
    TaskCompleted,
    TaskDeleted,
    TaskRequeued,
    TasksAdded,
    TaskStarted,
    decode,
)
from batchite.resources.keys import folded
from batchite.store.batch.feed import Row
from batchite.wire.ticks import Timestamp

KINDS: Final = ("pool", "node", "job", "task")


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


class TaskEvent(_Event, tag="task", frozen=True, kw_only=True):
    """`reason`: why it waits again (retry, requeue, recovery)."""

    job_id: str
    task_id: str
    node_id: str | None = None
    exit_code: int | None = None
    result: str | None = None
    failure: str | None = None
    reason: str | None = None


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
        case TaskStarted() | TaskCompleted() | TaskRequeued() | TaskDeleted():
            yield _line("task", names[entry.job], _task(entry, names))
        case NodeChanged():
            yield _line("node", "", _node(entry, names))
        case JobChanged():
            yield _line("job", entry.id, _job(entry, names))
        case PoolChanged():
            yield _line("pool", "", _pool(entry))


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
    )


def _task(
    entry: TaskStarted | TaskCompleted | TaskRequeued | TaskDeleted, names: tuple[str, ...]
) -> TaskEvent:
    job, id, time = names[entry.job], entry.id, _time(entry.at)
    match entry:
        case TaskStarted(node=node):
            return TaskEvent(
                job_id=job,
                task_id=id,
                state="running",
                time=time,
                previous_state="active",
                node_id=names[node],
            )
        case TaskCompleted(was=was, node=node_or_none, exit_code=code, failure=failure):
            return TaskEvent(
                job_id=job,
                task_id=id,
                state="completed",
                time=time,
                previous_state=was,
                node_id=None if node_or_none is None else names[node_or_none],
                exit_code=code,
                result="success" if failure is None and code == 0 else "failure",
                failure=failure,
            )
        case TaskRequeued(why=why):
            return TaskEvent(
                job_id=job, task_id=id, state="active", time=time, previous_state="running", reason=why
            )
        case TaskDeleted(was=was):
            return TaskEvent(job_id=job, task_id=id, state="deleted", time=time, previous_state=was)


def _line(kind: str, job_id: str, event: _Event) -> Line:
    return Line(kind, folded(job_id), _encoder.encode(event))


def _time(ticks: int) -> str:
    return str(Timestamp(ticks))


_encoder = msgspec.json.Encoder()
