"""What API operations changed: the events of a shard, each with what the store says of its subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from batchite.dispatch import loading
from batchite.resources import states
from batchite.scheduling import jobs, pools, tasks
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.state import Lane, ShardState
from batchite.store.batch import events as store
from batchite.store.batch import owned
from batchite.store.batch.events import Event, Kind
from batchite.store.batch.owned import Row

MOST = 1000
"""Events read at once."""


class News(NamedTuple):
    """An event and its subject as stored, as the event's kind reads it."""

    event: Event
    subject: Any


class CountedJob(NamedTuple):
    row: Row | None
    counts: Sequence[Row]
    """of its tasks, by number of slots"""


class Handling(NamedTuple):
    """What becomes of the events of a kind."""

    read: Callable[[sa.Connection, str, int], Any]
    """the subject as stored, by shard and number"""
    decide: Callable[[ShardState, int, Any, int, Decisions], None]
    """by the subject's number, the subject, and the time"""


def read(connection: sa.Connection, shard: str) -> tuple[list[Event], list[News]]:
    """The events that nobody has read (`MOST` of them: there may be more), and what they are about."""
    found = store.of_shard(connection, shard, MOST)
    news = [
        News(event, EVENTS[event.kind].read(connection, shard, event.subject)) for event in _latest(found)
    ]
    return found, news


def apply(state: ShardState, news: News, now: int, decisions: Decisions) -> None:
    """Let the reactor decide."""
    EVENTS[news.event.kind].decide(state, news.event.subject, news.subject, now, decisions)


def _latest(events: list[Event]) -> list[Event]:
    """Events say what to look at, so of several about one thing the last will do.

    Tasks to end come last: the counters that other events bring were read with those tasks in them.
    """
    latest = {(event.kind, event.subject): event for event in events}
    return sorted(latest.values(), key=lambda event: (event.kind == "task", event))


def _pool(connection: sa.Connection, shard: str, _number: int) -> Row | None:
    return owned.pool(connection, shard)


def _on_pool(state: ShardState, _number: int, row: Row | None, now: int, decisions: Decisions) -> None:
    pools.on_pool_changed(state, None if row is None else loading.pool_state(row), now, decisions)


def _job(connection: sa.Connection, _shard: str, number: int) -> CountedJob:
    return CountedJob(owned.job(connection, number), owned.job_counts(connection, number))


def _on_job(state: ShardState, number: int, job: CountedJob, now: int, decisions: Decisions) -> None:
    if job.row is not None and job.row.state != states.CLOSED:
        jobs.on_job_changed(state, loading.job_state(job.row), now, decisions)
    _count_tasks(state, number, job.counts, now, decisions)


def _on_tasks(state: ShardState, number: int, job: CountedJob, now: int, decisions: Decisions) -> None:
    if number in state.jobs:
        _count_tasks(state, number, job.counts, now, decisions)
    else:
        _on_job(state, number, job, now, decisions)


def _count_tasks(
    state: ShardState, number: int, counts: Sequence[Row], now: int, decisions: Decisions
) -> None:
    active = {Lane(slots): count for slots, count, _ in counts}
    unfinished = sum(count + running for _, count, running in counts)
    jobs.on_tasks_added(state, number, active, unfinished, now, decisions)


def _task(connection: sa.Connection, _shard: str, number: int) -> Row | None:
    return owned.task_intent(connection, number)


def _on_task(state: ShardState, _number: int, row: Row | None, now: int, decisions: Decisions) -> None:
    if row is not None:
        tasks.on_task_intent(state, loading.intended_task(row), now, decisions)


EVENTS: Mapping[Kind, Handling] = {
    "pool": Handling(_pool, _on_pool),
    "job": Handling(_job, _on_job),
    "tasks": Handling(_job, _on_tasks),
    "task": Handling(_task, _on_task),
}
