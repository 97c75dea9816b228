"""Reads what the reactor asked for: the next waiting tasks of jobs, and tasks whose pause is over."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from batchite.dispatch.loading import queued_task
from batchite.scheduling.decisions import Read, ReadTask, ReadWindow
from batchite.scheduling.jobs import on_window_read
from batchite.scheduling.state import ShardState
from batchite.scheduling.tasks import on_task_read
from batchite.store.batch import owned
from batchite.store.database import Database


async def carry_out(database: Database, state: ShardState, reads: Sequence[Read]) -> None:
    """Single tasks come first: windows that are read on past them find them there."""
    numbers: list[int] = []
    windows: list[ReadWindow] = []
    for read in reads:
        match read:
            case ReadTask(task):
                numbers.append(task)
            case ReadWindow():
                windows.append(read)

    def query(connection: sa.Connection) -> tuple[Sequence[owned.Row], list[tuple[list[owned.Row], bool]]]:
        found = [
            owned.waiting_tasks(connection, read.job, read.lane.slots, read.after, read.limit, read.size)
            for read in windows
        ]
        return owned.waiting(connection, numbers), found

    tasks, found = await database.read(query)
    for row in tasks:
        on_task_read(state, row.job_no, queued_task(row))
    for window, (rows, more) in zip(windows, found, strict=True):
        on_window_read(state, window.job, window.lane, map(queued_task, rows), more=more)
