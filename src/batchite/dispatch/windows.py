"""Reads the next waiting tasks of jobs, as many as the reactor asked for."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from batchite.dispatch.loading import queued_task
from batchite.scheduling.decisions import ReadWindow
from batchite.scheduling.jobs import on_window_read
from batchite.scheduling.state import ShardState
from batchite.store.batch import owned
from batchite.store.database import Database


async def read_windows(database: Database, state: ShardState, reads: Sequence[ReadWindow]) -> None:
    """Fill the windows."""

    def query(connection: sa.Connection) -> list[tuple[list[owned.Row], bool]]:
        return [
            owned.waiting_tasks(connection, read.job, read.slots, read.after, read.limit, read.size)
            for read in reads
        ]

    for read, (rows, more) in zip(reads, await database.read(query), strict=True):
        on_window_read(state, read.job, read.slots, map(queued_task, rows), more=more)
