"""What the feed keeps of changes."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.dispatch.support import ACCOUNT, SHARD, add_job, add_pool, add_tasks, rows

from batchite.dispatch import committer
from batchite.dispatch.telling import tell_tasks
from batchite.resources.feed import TaskStarted, Telling, decode
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.job_nodes import PreparationChanged, ReleaseChanged
from batchite.scheduling.changes.jobs import ALL_TASKS_COMPLETE, JobCompleted, JobTerminating
from batchite.scheduling.changes.nodes import NodeRemoved, NodeReset, NodeRested
from batchite.scheduling.changes.pools import NodesWanted, PoolRemoved, ResizeEnded
from batchite.scheduling.changes.tasks import Completed, Preparing, Removed, Requeued, Requeuing, Started
from batchite.scheduling.room import Limits
from batchite.store.batch import schema
from batchite.store.database import Database
from batchite.wire.batch.outcome import Failure

TASK = (1, 1, 1, "t0", "job")
FAILURE = Failure("usererror", "FailureExitCode", "exit code 3")


async def told(database: Database, changes: Changes, *, tasks: int = 1, **of_job: object) -> list[Any]:
    """Of one commit at 50, each entry as a tuple, its names in place of their numbers."""

    def unit(connection: sa.Connection) -> None:
        add_pool(connection, 1)
        job = add_job(connection, **of_job)
        if tasks:
            add_tasks(connection, job, tasks)
        committer.apply(connection, ACCOUNT, Limits(None, None), SHARD, changes, 50)

    await database.write(unit)
    found = await rows(database, schema.feed)
    if not found:
        return []
    (row,) = found
    names, entries = decode(row.entries)
    assert (row.shard, row.at, row.size) == (SHARD, 50, len(entries))
    named = {"job", "pool", "node"}
    return [
        (
            type(entry).__name__,
            *(
                names[value] if field in named and value is not None else value
                for field in entry.__struct_fields__
                for value in [getattr(entry, field)]
            ),
        )
        for entry in entries
    ]


async def test_a_run(database: Database) -> None:
    started = Started(*TASK, 10, "node")
    assert await told(database, Changes(started={1: started})) == [
        ("TaskStarted", "job", "t0", 10, "node", False)
    ]


async def test_a_run_that_is_over_before_its_start_was_stored(database: Database) -> None:
    completed = Completed(*TASK, "active", 10, 20, 3, FAILURE, "", None, None, "node", 5)
    assert await told(database, Changes(completed=[completed])) == [
        ("TaskStarted", "job", "t0", 10, "node", False),
        ("TaskCompleted", "job", "t0", 20, "running", "node", 3, "FailureExitCode"),
    ]


async def test_a_task_that_ends_without_a_run(database: Database) -> None:
    completed = Completed(*TASK, "active", None, 20, None, FAILURE, "", None, None, None, 5)
    assert await told(database, Changes(completed=[completed])) == [
        ("TaskCompleted", "job", "t0", 20, "active", None, None, "FailureExitCode")
    ]


async def test_a_run_whose_start_was_stored(database: Database) -> None:
    completed = Completed(*TASK, "running", 10, 20, 0, None, "", None, None, "node", 5)
    assert await told(database, Changes(completed=[completed])) == [
        ("TaskCompleted", "job", "t0", 20, "running", "node", 0, None)
    ]


async def test_a_task_that_waits_again(database: Database) -> None:
    requeued = Requeued(*TASK, "active", "retry", 20, 10, "node")
    assert await told(database, Changes(requeued={1: requeued})) == [
        ("TaskStarted", "job", "t0", 10, "node", False),
        ("TaskRequeued", "job", "t0", 20, "retry", "running"),
    ]


async def test_a_task_that_waits_for_the_preparation_of_its_node(database: Database) -> None:
    preparing = Preparing(*TASK, 1, 7, "node")
    started = Started(*TASK, 20, "node", "preparing")
    assert await told(database, Changes(preparing=[preparing])) == [
        ("TaskPreparing", "job", "t0", 50, "node")
    ]
    telling = Telling()
    tell_tasks(telling, Changes(started={1: started}), 50)
    (entry,) = decode(telling.encoded()).entries
    assert entry == TaskStarted(0, "t0", 20, 1, True)


@pytest.mark.parametrize("why", ["preparation", "unprepared"])
async def test_a_task_that_was_not_to_run_on_its_node(database: Database, why: Requeuing) -> None:
    requeued = Requeued(*TASK, "preparing", why, 20, None, "node")
    assert await told(database, Changes(requeued={1: requeued})) == [
        ("TaskRequeued", "job", "t0", 20, why, "preparing")
    ]


async def test_what_a_job_runs_itself(database: Database) -> None:
    of_job = 1, "job", 7, "node"
    prepared = PreparationChanged(*of_job, "running", 10, None, None, None, "wanted", False, 1, 0, None)
    released = ReleaseChanged(*of_job, "completed", 10, 20, 3, FAILURE)
    changes = Changes(preparation_changed=[prepared], release_changed=[released])
    assert await told(database, changes) == [
        ("JobTaskChanged", "preparation", "job", "node", 10, "running", None, None),
        ("JobTaskChanged", "release", "job", "node", 20, "completed", 3, "FailureExitCode"),
    ]


async def test_a_task_that_never_ran_has_changed_nothing_that_clients_see(database: Database) -> None:
    requeued = Requeued(*TASK, "active", "returned", 20, None, "node")
    assert await told(database, Changes(requeued={1: requeued})) == []


async def test_a_task_that_goes(database: Database) -> None:
    removed = Removed(*TASK, "failed")
    assert await told(database, Changes(removed=[removed])) == [("TaskDeleted", "job", "t0", 50, "completed")]


async def test_nodes(database: Database) -> None:
    node = (7, "node", "pool")
    changes = Changes(
        node_reset=[
            NodeReset(*node, "idle", 30, "creating"),
            NodeReset(8, "new", "pool", "creating", 30, "creating"),
        ],
        node_rested=[NodeRested(9, "tired", "pool", "starting", 35, "unusable", 1, ())],
        node_removed=[NodeRemoved(*node, "creating", 40, 2)],
    )
    assert await told(database, changes) == [
        ("NodeChanged", "pool", "node", 30, "creating", "idle"),
        ("NodeChanged", "pool", "tired", 35, "unusable", "starting"),
        ("NodeChanged", "pool", "node", 40, "deleted", "creating"),
    ]


async def test_new_nodes(database: Database) -> None:
    changes = Changes(nodes_wanted={True: NodesWanted(1, True, 2, 2, "pool", 1)})
    entries = await told(database, changes)
    made = [row.id for row in await rows(database, schema.nodes)]
    assert entries == [("NodeChanged", "pool", node, 50, "creating", None) for node in made]
    assert len(made) == 2


async def test_a_job_that_ends_with_its_last_task(database: Database) -> None:
    changes = Changes(
        completed=[Completed(*TASK, "active", 10, 20, 0, None, "", None, None, "node", 5)],
        job_terminating=[JobTerminating(1, ALL_TASKS_COMPLETE, 30)],
        job_completed=[JobCompleted(1, 40)],
    )
    assert await told(database, changes) == [
        ("TaskStarted", "job", "t0", 10, "node", False),
        ("TaskCompleted", "job", "t0", 20, "running", "node", 0, None),
        ("JobChanged", "pool", "job", 30, "terminating", "active", "AllTasksComplete", None),
        ("JobChanged", "pool", "job", 40, "completed", "terminating", "AllTasksComplete", None),
    ]


async def test_what_the_store_refuses_is_not_told(database: Database) -> None:
    """The job has a task that its owner has not heard of."""
    changes = Changes(job_terminating=[JobTerminating(1, ALL_TASKS_COMPLETE, 30)])
    assert await told(database, changes) == []


async def test_a_pool(database: Database) -> None:
    assert await told(database, Changes(resize_ended=[ResizeEnded(1, 30)])) == [
        ("PoolChanged", "pool", 30, "active", "active", "steady")
    ]


async def test_a_pool_that_goes(database: Database) -> None:
    assert await told(database, Changes(pool_removed=[PoolRemoved(1)])) == [
        ("PoolChanged", "pool", 50, "deleted", "active", None)
    ]
