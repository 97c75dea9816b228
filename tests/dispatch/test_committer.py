"""Changes as rows."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.dispatch.support import ACCOUNT, SHARD, add_job, add_pool, add_tasks, counts, rows

from batchite.dispatch import committer
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.tasks import Completed, Leased, Requeued, Requeuing, Started
from batchite.scheduling.ending import TERMINATED
from batchite.store.batch import schema
from batchite.store.database import Database


async def applied(database: Database, *batches: Changes) -> Any:
    """The row of the only task, which its node had been given before."""

    def unit(connection: sa.Connection) -> None:
        add_pool(connection, 1)
        add_tasks(connection, add_job(connection), 1)
        for one in (Changes(leased=[Leased(1, 1, 7, "node-7")]), *batches):
            committer.apply(connection, ACCOUNT, None, SHARD, one, 50)

    await database.write(unit)
    (row,) = await rows(database, schema.tasks)
    return row


@pytest.mark.parametrize(
    ("why", "shown"),
    [
        ("retry", ("running", 1, 0)),
        ("requeue", ("running", 0, 1)),
        ("recovery", ("running", 0, 0)),
        ("returned", (None, 0, 0)),
    ],
)
async def test_a_task_that_began_and_waits_again_in_one_batch(
    database: Database, why: Requeuing, shown: tuple[str | None, int, int]
) -> None:
    """Its start is not stored; that it ran is to be seen, unless it never did. A retry, as what a
    user had requeued, keeps its node, which has the files of the run before."""
    began = None if why == "returned" else 30
    task = await applied(
        database, Changes(requeued={1: Requeued(1, 1, 1, "task", "job", "active", why, 40, began, "node")})
    )
    assert task.previous_state_time == began
    assert (task.previous_state, task.retry_count, task.requeue_count) == shown
    assert (task.state, task.state_time) == ("active", 1 if why == "returned" else 40)
    assert task.node_id == ("node-7" if why in ("retry", "requeue") else None)
    assert await counts(database) == (1, 0, 0, 0)


@pytest.mark.parametrize("why", ["retry", "requeue", "recovery"])
async def test_a_task_that_waits_again_shows_since_when_it_had_run(
    database: Database, why: Requeuing
) -> None:
    started = Changes(started={1: Started(1, 1, 1, "task", "job", 20, "node")})
    task = await applied(
        database,
        started,
        Changes(requeued={1: Requeued(1, 1, 1, "task", "job", "running", why, 40, 20, "node")}),
    )
    assert (task.previous_state, task.previous_state_time) == ("running", 20)
    assert (task.state, task.state_time, task.started) == ("active", 40, None)


async def test_a_task_that_ends_before_it_began_was_on_no_node(database: Database) -> None:
    ended = Completed(
        1, 1, 1, "task", "job", "active", None, 40, None, TERMINATED.failure, "", None, None, None, 5
    )
    task = await applied(database, Changes(completed=[ended]))
    assert (task.state, task.result, task.node_no, task.node_id) == ("completed", "failure", None, None)
