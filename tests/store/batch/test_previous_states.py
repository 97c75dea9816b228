"""When a job or a task came into the state before the present one."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.store.batch import former

from batchite.resources.states import DELETABLE, ENDABLE
from batchite.store import migrating
from batchite.store.batch import changes, jobs, schema
from batchite.store.database import create_engine

NOTHING_USED = dict.fromkeys(("wall_time", "user_time", "kernel_time", "blocks_read", "blocks_written"), 0)


@pytest.fixture
def connection(batch_url: str) -> Iterator[sa.Connection]:
    """To a database with a job and a task in it."""
    engine = create_engine(batch_url)
    with engine.connect() as connection:
        connection.execute(sa.insert(schema.jobs), former.present(schema.jobs, former.JOB))
        connection.execute(sa.insert(schema.tasks), former.present(schema.tasks, former.TASK))
        yield connection
    engine.dispose()


def previous(connection: sa.Connection, table: sa.Table) -> tuple[Any, ...]:
    columns = (table.c.previous_state, table.c.previous_state_time, table.c.state, table.c.state_time)
    return tuple(connection.execute(sa.select(*columns)).one())


def start(connection: sa.Connection) -> None:
    changes.START_TASK.many(connection, [{"task": 1, "started": 30}])


def complete(connection: sa.Connection, started: int | None) -> None:
    row: dict[str, Any] = {
        "task": 1,
        "previous_state": "active" if started is None else "running",
        "started": started,
        "ended": 40,
        "files_until": 50,
        "staged": None,
        "exit_code": 0,
        "result": "",
        "failure": None,
        "satisfied": None,
        **NOTHING_USED,
    }
    changes.COMPLETE_TASK.many(connection, [row])


def test_a_task_that_starts_was_active_since_it_was_added(connection: sa.Connection) -> None:
    start(connection)
    assert previous(connection, schema.tasks) == ("active", 20, "running", 30)


@pytest.mark.parametrize("is_start_stored", [True, False])
def test_a_task_that_ends_ran_since_it_began(connection: sa.Connection, is_start_stored: bool) -> None:
    if is_start_stored:
        start(connection)
    complete(connection, 30)
    assert previous(connection, schema.tasks) == ("running", 30, "completed", 40)


def test_a_task_that_ends_without_a_run_was_active(connection: sa.Connection) -> None:
    complete(connection, None)
    assert previous(connection, schema.tasks) == ("active", 20, "completed", 40)


@pytest.mark.parametrize("is_start_stored", [True, False])
@pytest.mark.parametrize(("retried", "requeued"), [(1, 0), (0, 1), (0, 0)])
def test_a_task_that_waits_again_ran_before(
    connection: sa.Connection, retried: int, requeued: int, is_start_stored: bool
) -> None:
    if is_start_stored:
        start(connection)
    row = {"task": 1, "started": 30, "at": 50, "retried": retried, "requeued": requeued}
    row |= NOTHING_USED
    changes.REQUEUE_TASK.many(connection, [row])
    assert previous(connection, schema.tasks) == ("running", 30, "active", 50)
    changes.START_TASK.many(connection, [{"task": 1, "started": 60}])
    assert previous(connection, schema.tasks) == ("active", 50, "running", 60)


def by_the_api(connection: sa.Connection) -> None:
    changed = jobs.change(
        connection, "a", "j", ENDABLE, 70, {"state": "terminating", "terminate_reason": "enough"}, sa.true()
    )
    assert changed is not None
    assert (changed.id, changed.modified, changed.shard) == ("j", 70, "a/p")


def by_the_owner(connection: sa.Connection) -> None:
    row = {"job": 1, "reason": "AllTasksComplete", "at": 70, "only_if_done": True}
    changes.TERMINATE_JOB.many(connection, [row])


@pytest.mark.parametrize("terminate", [by_the_api, by_the_owner])
def test_a_completed_job_was_terminating(
    connection: sa.Connection, terminate: Callable[[sa.Connection], None]
) -> None:
    terminate(connection)
    assert previous(connection, schema.jobs) == ("active", 10, "terminating", 70)
    changes.COMPLETE_JOB.many(connection, [{"job": 1, "at": 80}])
    assert previous(connection, schema.jobs) == ("terminating", 70, "completed", 80)
    changed = jobs.change(connection, "a", "j", DELETABLE, 90, {"state": "deleting"}, sa.true())
    assert changed is not None
    assert changed.shard == "a/p"
    assert previous(connection, schema.jobs) == ("completed", 80, "deleting", 90)


def test_what_an_older_database_knows_is_taken_over(empty_url: str) -> None:
    engine = create_engine(empty_url)
    running = {"previous_state": "active", "state": "running", "started": 30, "last_retry": 25}
    completed = {"key": "u", "previous_state": "running", "state": "completed", "started": 33}
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        migrating.run_revisions(connection, "batch", "0001")
        former.insert(
            connection, schema.jobs, former.JOB | {"state": "terminating", "previous_state": "active"}
        )
        former.insert(
            connection,
            schema.jobs,
            former.JOB | {"key": "k", "state": "completed", "previous_state": "terminating"},
        )
        for task in (running, completed, {"key": "v"}):
            former.insert(connection, schema.tasks, former.TASK | task)
    migrating.upgrade(empty_url, "batch")
    with engine.connect() as connection:
        assert [previous_time for (previous_time,) in times(connection, schema.jobs)] == [10, None]
        assert [previous_time for (previous_time,) in times(connection, schema.tasks)] == [25, 33, None]
    engine.dispose()


def times(connection: sa.Connection, table: sa.Table) -> list[tuple[Any, ...]]:
    key = table.primary_key.columns[0]
    return [tuple(row) for row in connection.execute(sa.select(table.c.previous_state_time).order_by(key))]
