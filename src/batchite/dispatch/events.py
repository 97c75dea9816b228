"""What API operations changed: the events of a shard, each with what the store says of its subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from batchite.dispatch import loading
from batchite.scheduling import jobs, pools, tasks
from batchite.scheduling.decisions import Decisions
from batchite.scheduling.state import ShardState
from batchite.store.batch import owned, shards
from batchite.store.batch.shards import Event

MOST = 1000
"""Events read at once."""


class News(NamedTuple):
    """An event and its subject as stored: a row or None; for a job and its tasks that and the counters."""

    event: Event
    subject: Any


def read(connection: sa.Connection, shard: str, applied: int) -> tuple[list[News], bool]:
    """What happened after the event `applied`, and whether there may be more."""
    found = shards.events_after(connection, shard, applied, MOST)
    news = [News(event, _subject(connection, shard, event)) for event in _latest(found)]
    return news, len(found) == MOST


def apply(state: ShardState, news: News, now: int, decisions: Decisions) -> None:
    """Let the reactor decide."""
    (_, kind, number), subject = news
    match kind:
        case "pool":
            pool = None if subject is None else loading.pool_state(subject)
            pools.on_pool_changed(state, pool, now, decisions)
        case "job" | "tasks":
            row, counts = subject
            changed = kind == "job" or number not in state.jobs
            if changed and row is not None and row.state != "completed":
                jobs.on_job_changed(state, loading.job_state(row), now, decisions)
            _count_tasks(state, number, counts, now, decisions)
        case "task" if subject is not None:
            apply_intent(state, subject, now, decisions)


def apply_intent(state: ShardState, row: owned.Row, now: int, decisions: Decisions) -> None:
    """Somebody wants the task of the row ended or gone."""
    tasks.on_task_intent(
        state,
        loading.queued_task(row),
        row.job_no,
        row.job_id,
        loading.counted_state(row),
        row.node_id,
        row.intent,
        now,
        decisions,
    )


def _subject(connection: sa.Connection, shard: str, event: Event) -> Any:
    match event.kind:
        case "pool":
            return owned.pool(connection, shard)
        case "job" | "tasks":
            return owned.job(connection, event.subject), owned.job_counts(connection, event.subject)
        case _:
            return owned.task_intent(connection, event.subject)


def _count_tasks(state: ShardState, job: int, counts: Sequence[Any], now: int, decisions: Decisions) -> None:
    active = {slots: count for slots, count, _ in counts}
    unfinished = sum(count + running for _, count, running in counts)
    jobs.on_tasks_added(state, job, active, unfinished, now, decisions)


def _latest(events: list[Event]) -> list[Event]:
    """Events say what to look at, so of several about one thing the last will do.

    Tasks to end come last: the counters that other events bring were read with those tasks in them.
    """
    latest = {(event.kind, event.subject): event for event in events}
    return sorted(latest.values(), key=lambda event: (event.kind == "task", event))
