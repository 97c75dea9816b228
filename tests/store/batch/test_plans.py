"""However long a queue is, its owner finds what it needs by indexes, and does not read through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from batchite.batch.searching import tasks as language
from batchite.resources.dependencies import encode
from batchite.scheduling.changes.tasks import Satisfied
from batchite.store.batch import (
    circles,
    dependencies,
    explaining,
    filtering,
    job_schedules,
    jobs,
    owned,
    releasing,
    schema,
    searching,
    tasks,
)
from batchite.store.batch.pages import Wanted
from batchite.store.batch.walking import Effort
from batchite.store.database import create_engine
from batchite.wire.batch.odata.fields import read


@pytest.fixture
def connection(batch_url: str) -> Iterator[sa.Connection]:
    engine = create_engine(batch_url)
    if engine.dialect.name != "sqlite":
        pytest.skip("plans are told in the words of SQLite")
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def plan(connection: sa.Connection, ask: Callable[[sa.Connection], Any]) -> list[str]:
    """How the statements are carried out with which `ask` asks."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, parameters))

    sa.event.listen(connection, "before_cursor_execute", note)
    ask(connection)
    sa.event.remove(connection, "before_cursor_execute", note)
    plans = (connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}", given) for each, given in asked)
    return [str(row[-1]) for rows in plans for row in rows]


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda c: owned.waiting_tasks(c, 1, 1, (0, 0), 10, 1000), "tasks_waiting"),
        (lambda c: owned.assigned_tasks(c, "a/p", bare=False), "tasks_by_state"),
        (lambda c: owned.assigned_tasks(c, "a/p", bare=True), "tasks_by_state"),
        (lambda c: owned.intents(c, "a/p"), "tasks_intended"),
        (lambda c: owned.files_until(c, 1), "tasks_with_files"),
        (lambda c: owned.next_expiry(c, 1), "tasks_with_files"),
        (lambda c: owned.expired_tasks(c, 1, 5, 10), "tasks_with_files"),
        (lambda c: explaining.tasks_before(c, 1, [1], 0, 10), "tasks_waiting"),
        (lambda c: owned.job_counts(c, 1), "tasks_waiting"),
        (lambda c: dependencies.of_number(c, 1, 5), "sqlite_autoindex_tasks_1"),
    ],
)
def test_tasks_are_found_by_the_index_made_for_it(
    connection: sa.Connection, ask: Callable[[sa.Connection], Any], index: str
) -> None:
    steps = plan(connection, ask)
    of_tasks = [step for step in steps if step.startswith(("SEARCH tasks", "SCAN tasks"))]
    assert of_tasks
    assert all(f"INDEX {index} " in step for step in of_tasks), steps


@pytest.mark.parametrize("ids", [["1", "a"], [str(number) for number in range(500)]], ids=["two", "many"])
def test_who_waits_for_a_task_is_found_by_an_index(connection: sa.Connection, ids: list[str]) -> None:
    """SQLite takes another way for many ids than for two, if it may."""
    steps = plan(connection, lambda c: circles.suspects(c, 1, ids))
    assert {step.partition(" (")[0] for step in steps if step.startswith(("SEARCH", "SCAN"))} == {
        "SEARCH tasks USING INDEX sqlite_autoindex_tasks_1",
        "SEARCH tasks_1 USING INDEX tasks_blocked",
    }


TIME = "DateTime'2026-01-31T12:00:00Z'"
AT_ONCE = Effort()
IN_ORDER = Effort(few=-1)
"""Nothing is few, so what is found is found in the order of numbers."""


@pytest.mark.parametrize(
    ("text", "effort", "indexes"),
    [
        ("id eq 'a'", AT_ONCE, {"sqlite_autoindex_tasks_1"}),
        ("startswith(id,'a') and state eq 'active'", AT_ONCE, {"sqlite_autoindex_tasks_1"}),
        (f"creationTime ge {TIME}", AT_ONCE, {"tasks_by_creation"}),
        (f"creationTime lt {TIME} and state eq 'active'", AT_ONCE, {"tasks_by_creation"}),
        (f"lastModified gt {TIME}", AT_ONCE, {"tasks_by_creation", "tasks_modified"}),
        (f"executionInfo/startTime gt {TIME}", AT_ONCE, {"tasks_by_start"}),
        (f"stateTransitionTime gt {TIME}", AT_ONCE, {"tasks_by_moment"}),
        (f"executionInfo/endTime le {TIME}", AT_ONCE, {"tasks_by_moment"}),
        (
            f"executionInfo/endTime le {TIME} and executionInfo/result eq 'failure'",
            AT_ONCE,
            {"tasks_by_moment"},
        ),
        (
            f"executionInfo/endTime gt {TIME} and executionInfo/exitCode eq 7",
            AT_ONCE,
            {"tasks_failed_by_code_and_time"},
        ),
        ("state eq 'active'", IN_ORDER, {"tasks_by_state"}),
        ("state ne 'active'", IN_ORDER, {"tasks_by_state"}),
        ("state eq 'completed'", IN_ORDER, {"tasks_by_state"}),
        ("executionInfo/result eq 'success'", IN_ORDER, {"tasks_by_result"}),
        ("state eq 'completed' and executionInfo/result eq 'failure'", IN_ORDER, {"tasks_by_result"}),
        ("executionInfo/result ne 'failure'", IN_ORDER, {"tasks_by_result", "tasks_by_state"}),
        ("executionInfo/exitCode eq 7", IN_ORDER, {"tasks_failed_by_code"}),
        ("executionInfo/exitCode eq 0", IN_ORDER, {"tasks_failed_by_code", "tasks_by_result"}),
        (
            "executionInfo/exitCode gt 7",
            IN_ORDER,
            {
                "tasks_failed_by_code",
                "tasks_failed_by_code_and_time",
            },  # the latter tells which codes there are
        ),
        (
            "executionInfo/exitCode ne 0",
            IN_ORDER,
            {"tasks_failed_by_code", "tasks_failed_by_code_and_time", "tasks_by_state"},
        ),
        ("id ne 'a'", IN_ORDER, {"tasks_by_job"}),
        ("startswith(id,'a') or state eq 'active'", IN_ORDER, {"sqlite_autoindex_tasks_1", "tasks_by_job"}),
    ],
)
def test_a_filter_of_tasks_is_answered_by_the_indexes_made_for_it(
    connection: sa.Connection, text: str, effort: Effort, indexes: set[str]
) -> None:
    one = {"definition": b"{}", "modified": 5, "created": 5, "state_time": 5}
    job = {
        "account": "a",
        "key": "j",
        "id": "j",
        "shard": "a/p",
        "pool_id": "p",
        "state": "active",
        "started": 5,
    }
    connection.execute(sa.insert(schema.jobs), {**job, **one})
    failed = {"job_no": 1, "state": "completed", "result": "failure", "exit_code": 9, "required_slots": 1}
    connection.execute(sa.insert(schema.tasks), {"key": "t", "id": "t", **failed, **one})
    wanted = read(text, filtering.TASKS.properties)
    asked = Wanted(100, 0, filtering.clause(wanted, filtering.TASKS), expression=wanted, effort=effort)
    steps = plan(connection, lambda c: tasks.page(c, 1, asked))
    of_tasks = [step for step in steps if " tasks " in step and "INTEGER PRIMARY KEY (rowid=?)" not in step]
    named = {step.partition("INDEX ")[2].partition(" ")[0] for step in of_tasks}
    assert named == indexes, steps
    assert not any("TEMP B-TREE" in step for step in steps), steps  # none are sorted


@pytest.mark.parametrize(
    ("ask", "index"),
    [
        (lambda c: job_schedules.open_job(c, 1), "jobs_open_of_schedules"),
        (lambda c: job_schedules.has_jobs(c, 1), "jobs_of_schedules"),
        (lambda c: job_schedules.first_jobs(c, 1, 10), "jobs_of_schedules"),
        (lambda c: jobs.page_of_schedule(c, 1, Wanted(10)), "jobs_of_schedules"),
    ],
)
def test_jobs_of_a_schedule_are_found_by_the_index_made_for_it(
    connection: sa.Connection, ask: Callable[[sa.Connection], Any], index: str
) -> None:
    steps = [step for step in plan(connection, ask) if " jobs " in step]
    assert steps
    assert all(f"INDEX {index} " in step for step in steps), steps


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("state:failed", "tasks_by_result"),
        ("state:succeeded", "tasks_by_result"),
        ("state:active", "tasks_by_state"),
        ("-retries:0", "tasks_retried"),
        ("cause:ab", "tasks_by_cause"),
    ],
)
def test_a_search_of_tasks_goes_by_the_index_made_for_it(
    connection: sa.Connection, text: str, index: str
) -> None:
    search, _ = language.read(text)
    assert search is not None
    steps = plan(connection, lambda c: searching.find(c, 1, search, 50))
    assert steps
    assert all(f"INDEX {index} " in step for step in steps), steps


def test_counts_of_a_shard_are_found_by_its_jobs(connection: sa.Connection) -> None:
    steps = plan(connection, lambda c: owned.shard_counts(c, "a/p"))
    assert steps
    assert not any(step.startswith("SCAN") for step in steps), steps


def test_what_waits_for_others_is_found_by_the_index_made_for_it(connection: sa.Connection) -> None:
    """Whatever is looked at when a task is added that depends on others, and when one is satisfied."""
    job = {
        "account": "a",
        "key": "j",
        "id": "j",
        "shard": "a/p",
        "pool_id": "p",
        "definition": b"",
        "state": "",
    }
    times = dict.fromkeys(("state_time", "created", "modified", "started"), 1)
    connection.execute(sa.insert(schema.jobs), {**job, **times, "state": "active"})
    driver = connection.connection.dbapi_connection
    assert driver is not None
    asked: list[str] = []
    driver.set_trace_callback(asked.append)  # type: ignore[attr-defined]
    wanted = encode(["a", "b", "1..9"])
    row = {"job_no": 1, "key": "t", "id": "t", "definition": b"", "required_slots": 1, "state": "active"}
    times.pop("started")
    tasks.add(connection, 1, [{**row, **times, "dependencies": wanted}])
    releasing.release(connection, "a/p", [Satisfied(1, 1, str(number)) for number in range(10)])
    releasing.go_on(connection, "a/p", [1])
    driver.set_trace_callback(None)  # type: ignore[attr-defined]
    of_interest = ("SELECT", "UPDATE", "DELETE")
    highest = "max(tasks.task_no)"
    """of a job's tasks, which is one step by any index"""
    plans = (
        connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {each}")
        for each in asked
        if each.lstrip().startswith(of_interest) and highest not in each
    )
    steps = [str(row[-1]) for rows in plans for row in rows]
    assert any("INDEX tasks_blocked " in step for step in steps)
    assert not [step for step in steps if step.startswith("SCAN") or "B-TREE" in step], steps
    of_tasks = {step.partition("INDEX ")[2].partition(" ")[0] for step in steps if "SEARCH tasks " in step}
    assert of_tasks <= {"tasks_blocked", "sqlite_autoindex_tasks_1", ""}
