"""Failed tasks are counted by cause, as exactly as by state."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa
from tests.dispatch.support import (
    ACCOUNT,
    SHARD,
    add_job,
    add_pool,
    add_tasks,
    change_job,
    intend,
    make_dispatch,
    rows,
    running,
    settled,
    until_stored,
)

from batchite.dispatch import committer
from batchite.resources import causes
from batchite.scheduling.changes import Changes
from batchite.scheduling.changes.tasks import Completed, Removed, Requeued
from batchite.store.batch import execution, schema
from batchite.store.batch.causes import of_job
from batchite.store.database import Database
from batchite.wire.batch.outcome import EXIT_CODE, Failure

EXIT = Failure("usererror", EXIT_CODE, "The task exited with an exit code representing a failure")


def failed(task: int, line: str, code: int = 1, ended: int = 100, job: int = 1) -> Completed:
    return Completed(
        task,
        job,
        1,
        f"t{task}",
        "job",
        "active",
        10,
        ended,
        code,
        EXIT if code else None,
        line,
        None,
        None,
        None,
        5,
    )


def removed(task: int, was: Any) -> Removed:
    return Removed(task, 1, 1, f"t{task}", "job", was)


@pytest.fixture
async def stored(database: Database) -> Database:
    """With a job of many tasks."""

    def unit(connection: sa.Connection) -> None:
        add_pool(connection, 0)
        add_tasks(connection, add_job(connection), 300)

    await database.write(unit)
    return database


async def commit(database: Database, **changes: Any) -> None:
    await database.write(
        lambda c: committer.apply(c, ACCOUNT, None, SHARD, Changes(**changes), 50)  # type: ignore[arg-type]
    )


async def counted(database: Database, job: int = 1) -> list[tuple[int, int | None, str, int]]:
    """tasks, exit code, line, latest of every cause; what the tasks themselves say agrees."""
    found = await database.read(lambda c: of_job(c, job))
    tasks = [task for task in await rows(database, schema.tasks) if task.job_no == job]
    of_tasks = {row.cause: sum(task.cause == row.cause for task in tasks) for row in found}
    assert {row.cause: row.tasks for row in found} == of_tasks
    counts = [row.failed for row in await rows(database, schema.task_counts) if row.job_no == job]
    assert sum(of_tasks.values()) == sum(counts) == sum(task.cause is not None for task in tasks)
    return [(row.tasks, row.exit_code, row.line, row.latest) for row in found]


async def test_the_most_frequent_cause_comes_first(stored: Database) -> None:
    await commit(stored, completed=[failed(1, "odd"), failed(2, "file 1 missing", ended=300)])
    await commit(stored, completed=[failed(3, "file 2 missing", ended=200), failed(4, "", code=0)])
    assert await counted(stored) == [(2, 1, "file 1 missing", 300), (1, 1, "odd", 100)]
    (row,) = await stored.read(
        lambda c: c.execute(sa.select(schema.tasks).where(schema.tasks.c.task_no == 4)).all()
    )
    assert (row.result, row.cause) == ("success", None)


def test_tasks_that_succeed_cost_nothing() -> None:
    """No statement is run for them."""
    changes = Changes(completed=[failed(1, "", code=0)], removed=[removed(1, "succeeded")])
    assert not changes.failed
    assert not [change for change in changes.removed if committer.had_failed(change)]


async def test_a_run_that_is_repeated_is_not_counted(stored: Database) -> None:
    again = Requeued(1, 1, 1, "t1", "job", "active", "retry", 40, 10, "node")
    await commit(stored, requeued={1: again})
    assert await counted(stored) == []


async def test_tasks_that_go_are_counted_no_more(stored: Database) -> None:
    await commit(stored, completed=[failed(1, "a"), failed(2, "a"), failed(3, "b")])
    await commit(stored, removed=[removed(1, "failed"), removed(3, "failed"), removed(4, "active")])
    assert await counted(stored) == [(1, 1, "a", 100)]
    await commit(stored, removed=[removed(2, "failed")])
    assert await rows(stored, schema.failure_causes) == []


async def test_a_job_has_so_many_causes_and_the_rest_are_one(stored: Database) -> None:
    words = [f"{chr(97 + number // 26)}{chr(97 + number % 26)}" for number in range(205)]
    await commit(stored, completed=[failed(number, word) for number, word in enumerate(words, 1)])
    found = await stored.read(lambda c: of_job(c, 1))
    assert len(found) == causes.MOST + 1
    assert (found[0].cause, found[0].tasks, found[0].code, found[0].line) == (causes.OTHER, 5, None, "")
    await counted(stored)
    await commit(stored, completed=[failed(206, words[0]), failed(207, "new")])
    assert [row[0] for row in await counted(stored)][:3] == [6, 2, 1]
    await commit(stored, removed=[removed(2, "failed"), removed(201, "failed")])
    assert (await counted(stored))[0][0] == 5


async def test_a_job_takes_its_causes_along(stored: Database) -> None:
    await commit(stored, completed=[failed(1, "a")])
    await stored.write(lambda c: add_tasks(c, add_job(c, "second"), 1, 300))
    await commit(stored, completed=[failed(301, "a", job=2)])
    assert await counted(stored, 2) == [(1, 1, "a", 100)]
    await stored.write(lambda c: change_job(c, 1, "deleting"))
    while not await stored.write(lambda c: execution.purge_job(c, 1, 60, 100)):
        pass
    assert {row.job_no for row in await rows(stored, schema.failure_causes)} == {2}


async def test_tasks_that_are_ended_or_deleted_by_request(stored: Database) -> None:
    dispatch, _ = make_dispatch(stored)
    async with running(dispatch):
        await stored.write(lambda c: intend(c, "terminate", 1, 2, 3))
        await settled(dispatch, stored)
        assert [(tasks, code) for tasks, code, _, _ in await counted(stored)] == [(3, None)]
        await stored.write(lambda c: intend(c, "delete", 2))
        await until_stored(stored, schema.failure_causes, lambda found: found[0].tasks == 2)
        await counted(stored)
