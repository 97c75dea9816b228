"""What the feed keeps of a transaction: which pools, nodes, job schedules, jobs and
tasks changed their visible state.

A transaction has one row, whatever it changed, since tasks come and go by the thousand: its entries are
MessagePack, with the names that come again (of jobs, pools and nodes) written once. An entry is one change,
but for tasks that were added together. Times are ticks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec


class _Entry(msgspec.Struct, array_like=True, frozen=True, gc=False):
    """Numbers of `job`, `pool` and `node` say which of the names is meant."""


class TasksAdded(_Entry, tag=0, frozen=True):
    job: int
    at: int
    ids: tuple[str, ...]


class TaskStarted(_Entry, tag=1, frozen=True):
    job: int
    id: str
    at: int
    node: int
    has_prepared: bool = False
    """it has waited on the node for the preparation task of its job"""


class TaskCompleted(_Entry, tag=2, frozen=True):
    job: int
    id: str
    at: int
    was: str
    node: int | None
    exit_code: int | None
    failure: str | None
    """the code of its `failureInfo`; none if it succeeded"""


class TaskRequeued(_Entry, tag=3, frozen=True):
    job: int
    id: str
    at: int
    why: str
    was: str = "running"


class TaskDeleted(_Entry, tag=4, frozen=True):
    job: int
    id: str
    at: int
    was: str


class NodeChanged(_Entry, tag=5, frozen=True):
    pool: int
    node: int
    at: int
    state: str
    was: str | None


class JobChanged(_Entry, tag=6, frozen=True):
    pool: int
    id: str
    at: int
    state: str
    was: str | None
    reason: str | None = None
    """why it ends"""
    error: str | None = None
    """the code of its `schedulingError`"""


class PoolChanged(_Entry, tag=7, frozen=True):
    id: str
    at: int
    state: str
    was: str | None
    allocation_state: str | None


class ScheduleChanged(_Entry, tag=8, frozen=True):
    """Of a job schedule."""

    id: str
    at: int
    state: str
    was: str | None
    job_id: str | None = None
    """the job that it has made"""


class TaskPreparing(_Entry, tag=16, frozen=True):
    """It waits on the node for the preparation task of its job."""

    job: int
    id: str
    at: int
    node: int


class JobTaskChanged(_Entry, tag=17, frozen=True):
    """A job's preparation or release runs on the node, or has ended there."""

    task: str
    job: int
    node: int
    at: int
    state: str
    exit_code: int | None = None
    failure: str | None = None
    """the code of its `failureInfo`; none if it succeeded"""


Entry = (
    TasksAdded
    | TaskPreparing
    | JobTaskChanged
    | TaskStarted
    | TaskCompleted
    | TaskRequeued
    | TaskDeleted
    | NodeChanged
    | JobChanged
    | PoolChanged
    | ScheduleChanged
)


class Told(NamedTuple):
    """All that one transaction has to tell."""

    names: tuple[str, ...]
    entries: tuple[Entry, ...]


class Telling:
    """Collects what a transaction changes, in order."""

    def __init__(self) -> None:
        self._names: dict[str, int] = {}
        self._entries: list[Entry] = []
        self.size = 0
        """changes so far"""

    def name(self, text: str) -> int:
        """The number by which entries speak of this job, pool or node."""
        return self._names.setdefault(text, len(self._names))

    def add(self, entry: Entry) -> None:
        self._entries.append(entry)
        self.size += 1

    def add_tasks(self, job_id: str, at: int, ids: Sequence[str]) -> None:
        """Tasks that were added together."""
        self._entries.append(TasksAdded(self.name(job_id), at, tuple(ids)))
        self.size += len(ids)

    def encoded(self) -> bytes:
        return _encoder.encode((list(self._names), self._entries))


def decode(content: bytes) -> Told:
    """What `Telling.encoded` made."""
    return _decoder.decode(content)


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Told)
