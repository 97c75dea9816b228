"""Tasks that are searched for are those that a look at every task would find, the newest first."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from tests.store.batch import former

from batchite.batch.searching import tasks as language
from batchite.resources.searches import TaskSearch, Term
from batchite.store.batch import schema
from batchite.store.batch.searching import Found, find
from batchite.store.database import create_engine

SEARCHES = (
    "",
    "state:active",
    "state:running",
    "state:failed",
    "state:succeeded",
    "state:completed",
    "state:failed,running",
    "state:succeeded,active",
    "-state:active",
    "state:completed -state:failed",
    "cause:c1",
    "cause:c1,c2,none",
    "-cause:c1",
    "state:failed cause:c2",
    "exit:3",
    "-exit:3",
    "state:failed exit:3",
    "id:Render-7",
    "id:render-7,render-8",
    "render-1",
    "-render-1",
    "id:*",
    "state:active render",
    "node:tvm-1",
    "node:TVM-*",
    "node:tvm-gone",
    "-node:tvm-1",
    "node:tvm-1 state:failed exit:3",
    "retries:1",
    "retries:0,2",
    "-retries:0",
    "-retries:1,2",
    "state:failed -retries:0",
    "retries:2 node:tvm-1",
    "id:100%",
    "render_",
)


@pytest.fixture
def connection(batch_url: str) -> Iterator[sa.Connection]:
    """To a database with a job of 150 tasks and another one."""
    engine = create_engine(batch_url)
    chance = random.Random(1)  # noqa: S311
    with engine.connect() as connection:
        connection.execute(sa.insert(schema.pools), former.present(schema.pools, former.POOL))
        node = {"pool_no": 1, "dedicated": True, "state": "idle", "state_time": 1, "allocated": 1}
        connection.execute(sa.insert(schema.nodes), [{"id": f"tvm-{number}", **node} for number in (0, 1)])
        job = former.present(schema.jobs, former.JOB)
        connection.execute(sa.insert(schema.jobs), [job | {"key": key, "id": key} for key in ("j", "k")])
        rows = [task(chance, number) for number in range(160)]
        connection.execute(sa.insert(schema.tasks), rows)
        yield connection
    engine.dispose()


def task(chance: random.Random, number: int) -> dict[str, Any]:
    state = chance.choice(("active", "leased", "running", "completed", "completed", "completed"))
    code = chance.choice((0, 0, 3, 4, None)) if state == "completed" else None
    node = (
        chance.choice((0, 1, 2))
        if state != "active" and not (code is None and state == "completed")
        else None
    )
    return {
        "job_no": 2 if number % 11 == 0 else 1,
        "key": f"render-{number}",
        "id": f"Render-{number}",
        "definition": b"{}",
        "required_slots": 1,
        "state": state,
        "state_time": 20,
        "created": 20,
        "modified": 20,
        "intent": "delete" if number % 23 == 0 else None,
        "node_no": None if node is None else node + 1,
        "node_id": None if node is None else f"tvm-{node}" if node < 2 else "tvm-gone",
        "started": 30 if node is not None and state != "leased" else None,
        "ended": 40 if state == "completed" else None,
        "exit_code": code,
        "retry_count": chance.choice((0, 0, 0, 0, 0, 1, 2)),
        "result": None if state != "completed" else "success" if code == 0 else "failure",
        "cause": None if state != "completed" or code == 0 else f"c{chance.randrange(4)}",
    }


def holds(row: Any, term: Term) -> bool:
    """The same once more, in plain words."""
    node = row.node_id if row.started is not None else None
    states = {"active": row.state in ("active", "leased"), "running": row.state == "running"}
    states |= {"failed": row.result == "failure", "succeeded": row.result == "success"}
    states["completed"] = row.state == "completed"

    def one(text: str, is_prefix: bool) -> bool:
        if term.by == "state":
            return states[text]
        if term.by == "retries":
            return bool(row.retry_count == int(text))
        if term.by == "exit":
            return bool(row.exit_code == int(text))
        value = {"id": row.key, "node": node, "cause": row.cause}[term.by]
        return value is not None and (value.startswith(text) if is_prefix else value == text)

    return any(one(value.text, value.is_prefix) for value in term.values) != term.is_excluded


def expected(connection: sa.Connection, search: TaskSearch) -> list[int]:
    rows = connection.execute(sa.select(schema.tasks).where(schema.tasks.c.job_no == 1)).all()
    chosen = (
        row for row in rows if row.intent != "delete" and all(holds(row, term) for term in search.terms)
    )
    return sorted((row.task_no for row in chosen), reverse=True)


def pages(connection: sa.Connection, search: TaskSearch, limit: int, look: int) -> Iterator[Found]:
    after = 0
    while True:
        found = find(connection, 1, search, limit, after, look)
        yield found
        assert len(found.rows) <= limit
        assert not found.is_cut or found.after
        if not found.after:
            return
        assert not after or found.after < after
        after = found.after


@pytest.mark.parametrize(("limit", "look"), [(1000, 1000), (7, 1000), (7, 25), (50, 20)])
def test_all_that_is_searched_for_is_found_once(connection: sa.Connection, limit: int, look: int) -> None:
    for text in SEARCHES:
        search, _ = language.read(text)
        assert search is not None
        found = [row.task_no for page in pages(connection, search, limit, look) for row in page.rows]
        assert found == expected(connection, search), text


def test_what_an_index_serves_is_never_cut_short(connection: sa.Connection) -> None:
    for text in (
        "",
        "state:active",
        "state:failed",
        "cause:c1",
        "state:failed,running",
        "state:succeeded,active",
    ):
        search, _ = language.read(text)
        assert search is not None
        assert not any(page.is_cut for page in pages(connection, search, 20, 1)), text


def test_what_none_serves_says_how_far_it_looked(connection: sa.Connection) -> None:
    search, _ = language.read("exit:99")
    assert search is not None
    first = find(connection, 1, search, 50, look=60)
    assert (list(first.rows), first.is_cut) == ([], True)
    total = len(list(pages(connection, search, 50, 60)))
    assert total == 3


def test_tasks_that_were_retried_are_found_whatever_their_number(connection: sa.Connection) -> None:
    """With no more looks than there are such tasks, no page is cut short."""
    search, _ = language.read("state:completed -retries:0")
    assert search is not None
    retried = sa.select(sa.func.count()).where(schema.tasks.c.retry_count > 0)
    assert not any(
        page.is_cut for page in pages(connection, search, 20, connection.execute(retried).scalar_one())
    )
