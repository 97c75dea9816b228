"""Reads what the reactor asked for: the next waiting tasks of jobs, tasks whose pause is over, how long
files of nodes are kept, and what formulas come to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import sqlalchemy as sa

from batchite.dispatch import evaluating
from batchite.dispatch.loading import queued_task
from batchite.resources.rules import of_stored_job
from batchite.scheduling import scaling
from batchite.scheduling.decisions import (
    Read,
    ReadExpired,
    ReadFormula,
    ReadJobFiles,
    ReadKept,
    ReadRetention,
    ReadTask,
    ReadWindow,
)
from batchite.scheduling.jobs import on_window_read
from batchite.scheduling.retention import PORTION, on_expired_read, on_job_files_read, on_kept_read
from batchite.scheduling.state import Expired, ExpiredTask, JobFiles, ShardState
from batchite.scheduling.tasks import on_task_read
from batchite.scheduling.vacating import on_retention_read
from batchite.store.batch import job_nodes, left_files, owned
from batchite.store.database import Database
from batchite.wire.ticks import Timestamp

Looking = ReadWindow | ReadRetention | ReadExpired | ReadKept | ReadJobFiles | ReadFormula
"""What is read by itself; single tasks are read together."""
Tell = Callable[[], None]
"""Tells the state what has been found."""


async def carry_out(database: Database, state: ShardState, reads: Sequence[Read], now: Timestamp) -> None:
    """Single tasks come first: windows that are read on past them find them there."""
    numbers = [read.task for read in reads if isinstance(read, ReadTask)]
    others = dict.fromkeys(read for read in reads if not isinstance(read, ReadTask))

    def query(connection: sa.Connection) -> list[Tell]:
        tasks = (partial(_tell_task, state, row) for row in owned.waiting(connection, numbers))
        return [*tasks, *(_found(connection, state, read, now) for read in others)]

    for tell in await database.read(query):
        tell()


def _found(connection: sa.Connection, state: ShardState, read: Looking, now: Timestamp) -> Tell:
    match read:
        case ReadWindow(job=job, lane=lane):
            rows, more = owned.waiting_tasks(connection, job, lane.slots, read.after, read.limit, read.size)
            return partial(on_window_read, state, job, lane, map(queued_task, rows), more=more)
        case ReadRetention(node):
            return partial(on_retention_read, state, node, owned.files_until(connection, node))
        case ReadExpired():
            return partial(on_expired_read, state, read.id, _expired(connection, read.node, now.ticks))
        case ReadKept():
            left = left_files.find(connection, read.node, read.directories)
            return partial(on_kept_read, state, read.id, left)
        case ReadJobFiles():
            return partial(on_job_files_read, state, _job_files(connection, read))
        case ReadFormula():
            evaluated = evaluating.evaluate(connection, state, now)
            return partial(scaling.on_formula_evaluated, state, evaluated) if evaluated else lambda: None


def _tell_task(state: ShardState, row: owned.Row) -> None:
    on_task_read(state, row.job_no, queued_task(row))


def _expired(connection: sa.Connection, node: int, now: int) -> Expired:
    first = owned.next_expiry(connection, node)
    if first is None or first > now:
        return Expired(next=first)
    return Expired(tuple(ExpiredTask(*row) for row in owned.expired_tasks(connection, node, now, PORTION)))


def _job_files(connection: sa.Connection, read: ReadJobFiles) -> JobFiles:
    row = job_nodes.place(connection, read.number)
    rules = None if row is None else getattr(of_stored_job(row), read.task)
    if row is None or rules is None:
        return JobFiles(read.task, read.number)
    return JobFiles(read.task, read.number, row.node_id, row.job_id, rules.id)
