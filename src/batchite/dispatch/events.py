"""What API operations changed: the events of a shard, each with what the store says of its subject."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from batchite.dispatch import loading
from batchite.resources import states
from batchite.scheduling import jobs, nodes, pools, restarts, tasks, vacating
from batchite.scheduling.changes.jobs import Strayed
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.state import ShardState
from batchite.scheduling.windows import Lane
from batchite.store.batch import events as store
from batchite.store.batch import logins, owned
from batchite.store.batch.events import Event, Kind
from batchite.store.batch.owned import Row
from batchite.wire.batch.login import Login

MOST = 1000
"""Events read at once."""


_OF_JOBS: Final = ("job", "tasks")
"""Kinds of events that may bring a job or another tag of one."""


class News(NamedTuple):
    """An event and its subject as stored, as the event's kind reads it."""

    event: Event
    subject: Any
    tag: str | None = None
    """of a job, where jobs share slots by tag"""


class PoolNews(NamedTuple):
    row: Row
    vacating: Sequence[Row]
    """its nodes that take no more tasks"""


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


def read(connection: sa.Connection, shard: str, share_by: str = "") -> tuple[list[Event], list[News]]:
    """The events that nobody has read (`MOST` of them: there may be more), and what they are about.
    `share_by`: the metadata item by which jobs share slots, if they do."""
    found = store.of_shard(connection, shard, MOST)
    news = [
        News(
            event,
            EVENTS[event.kind].read(connection, shard, event.subject),
            loading.tag(connection, event.subject, share_by) if share_by and event.kind in _OF_JOBS else None,
        )
        for event in _latest(found)
    ]
    return found, news


def apply(state: ShardState, news: News, now: int, decisions: Decisions) -> None:
    """Let the reactor decide."""
    EVENTS[news.event.kind].decide(state, news.event.subject, news.subject, now, decisions)
    if (
        state.share_by
        and news.event.kind in _OF_JOBS
        and (job := state.jobs.get(news.event.subject)) is not None
    ):
        job.tag = news.tag


def _latest(events: list[Event]) -> list[Event]:
    """Events say what to look at, so of several about one thing the last will do.

    Tasks to end come last: the counters that other events bring were read with those tasks in them.
    """
    latest = {(event.kind, event.subject): event for event in events}
    return sorted(latest.values(), key=lambda event: (event.kind == "task", event))


def _pool(connection: sa.Connection, shard: str, _number: int) -> PoolNews | None:
    row = owned.pool(connection, shard)
    return None if row is None else PoolNews(row, owned.vacating_nodes(connection, row.pool_no))


def _on_pool(state: ShardState, _number: int, pool: PoolNews | None, now: int, decisions: Decisions) -> None:
    if pool is None:
        pools.on_pool_changed(state, None, now, decisions)
        return
    wanted = {row.id: one for row in pool.vacating if (one := loading.vacating_of(row)) is not None}
    vacating.on_wanted(state, wanted, now, decisions)
    pools.on_pool_changed(state, loading.pool_state(pool.row), now, decisions)


def _node(connection: sa.Connection, _shard: str, number: int) -> Row | None:
    return owned.node(connection, number)


def _on_node(state: ShardState, _number: int, row: Row | None, now: int, decisions: Decisions) -> None:
    node = None if row is None else state.nodes.get(row.id)
    if row is None or node is None:
        return
    node.stored_phase, node.stored_vacating = row.state, loading.vacating_of(row)
    if node.stored_vacating is not None:
        vacating.begin(state, node, node.stored_vacating, now, decisions)
    restarts.on_node_wanted(state, node, row.state, row.disabled, now, decisions)


def _job(connection: sa.Connection, shard: str, number: int) -> CountedJob:
    return CountedJob(owned.job(connection, shard, number), owned.job_counts(connection, number))


def _on_job(state: ShardState, number: int, job: CountedJob, now: int, decisions: Decisions) -> None:
    if job.row is None:
        decisions.changes.strayed.append(Strayed("job", number))
    elif job.row.state != states.CLOSED:
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
    active = {Lane(row.required_slots): row.active - row.blocked for row in counts}
    first = {Lane(row.required_slots): row.rank or 0 for row in counts}
    unfinished = sum(row.active + row.running for row in counts)
    jobs.on_tasks_added(state, number, active, first, unfinished, now, decisions)


def _task(connection: sa.Connection, shard: str, number: int) -> Row | None:
    return owned.task_intent(connection, shard, number)


def _on_task(state: ShardState, number: int, row: Row | None, now: int, decisions: Decisions) -> None:
    if row is not None:
        tasks.on_task_intent(state, loading.intended_task(row), now, decisions)
    else:
        decisions.changes.strayed.append(Strayed("task", number))


def _changed_task(connection: sa.Connection, shard: str, number: int) -> Row | None:
    return owned.changed_task(connection, shard, number)


def _on_task_changed(
    state: ShardState, number: int, row: Row | None, _now: int, decisions: Decisions
) -> None:
    if row is not None:
        tasks.on_task_changed(state, loading.changed_task(row), decisions)
    else:
        decisions.changes.strayed.append(Strayed("task-changed", number))


def _nothing(_connection: sa.Connection, _shard: str, _number: int) -> None:
    """All is said by the event."""


def _on_dependants(state: ShardState, number: int, _row: None, _now: int, decisions: Decisions) -> None:
    if number in state.jobs:
        jobs.on_dependants_left(state, number, decisions)
    else:
        decisions.changes.strayed.append(Strayed("dependants", number))


def _logins(connection: sa.Connection, _shard: str, number: int) -> tuple[Login, ...]:
    return tuple(map(loading.login, logins.of_node(connection, number)))


def _on_logins(
    state: ShardState, number: int, found: tuple[Login, ...], _now: int, decisions: Decisions
) -> None:
    nodes.on_logins_changed(state, number, found, decisions)


EVENTS: Mapping[Kind, Handling] = {
    "pool": Handling(_pool, _on_pool),
    "node": Handling(_node, _on_node),
    "job": Handling(_job, _on_job),
    "tasks": Handling(_job, _on_tasks),
    "task": Handling(_task, _on_task),
    "task-changed": Handling(_changed_task, _on_task_changed),
    "dependants": Handling(_nothing, _on_dependants),
    "logins": Handling(_logins, _on_logins),
}
