"""However long a queue is, its owner finds what it needs by indexes, and does not read through it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import sqlalchemy as sa

from batchite.store.batch import explaining, owned
from batchite.store.database import create_engine


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
        (lambda c: owned.waiting_tasks(c, 1, 1, 0, 10, 1000), "tasks_waiting"),
        (lambda c: owned.assigned_tasks(c, "a/p", bare=False), "tasks_by_state"),
        (lambda c: owned.assigned_tasks(c, "a/p", bare=True), "tasks_by_state"),
        (lambda c: owned.intents(c, "a/p"), "tasks_intended"),
        (lambda c: explaining.tasks_before(c, 1, 10), "tasks_by_state"),
    ],
)
def test_tasks_are_found_by_the_index_made_for_it(
    connection: sa.Connection, ask: Callable[[sa.Connection], Any], index: str
) -> None:
    steps = plan(connection, ask)
    of_tasks = [step for step in steps if step.startswith(("SEARCH tasks", "SCAN tasks"))]
    assert of_tasks
    assert all(f"INDEX {index} " in step for step in of_tasks), steps


def test_counts_of_a_shard_are_found_by_its_jobs(connection: sa.Connection) -> None:
    steps = plan(connection, lambda c: owned.shard_counts(c, "a/p"))
    assert steps
    assert not any(step.startswith("SCAN") for step in steps), steps
