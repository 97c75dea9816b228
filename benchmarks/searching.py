"""A search among a million tasks of a job: the first page of what people look for, the newest first."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from batchite.batch.searching import tasks as language
from batchite.store import migrating
from batchite.store.batch import causes, schema, searching
from batchite.store.database import create_engine
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

REQUESTS = 20
"""How often each question is asked."""
PAGE = 50
JOB = {
    "account": "a",
    "key": "job",
    "id": "job",
    "shard": "a/p",
    "pool_id": "p",
    "definition": b"{}",
    "state": "active",
    "state_time": 1,
    "created": 1,
    "modified": 1,
    "started": 1,
}
QUESTIONS = {
    "all": "",
    "failed": "state:failed",
    "succeeded": "state:succeeded",
    "active": "state:active",
    "of a cause": "cause:c7",
    "by id": "id:render-500",
    "by the beginning of ids, few": "id:render-5001",
    "by the beginning of ids, nearly all": "id:render",
    "failed, by the beginning of ids": "state:failed id:render-5",
    "by exit code": "exit:7",
    "by exit code, none found": "exit:99",
    "by node, none found": "node:tvm-none*",
}


def measure(scale: Scale) -> Measured:
    """Straight from the store: what a request costs beside is measured by `listing`."""
    count = scale.searched_tasks
    with _database(count) as connection:
        floor = _asked(connection, lambda c: c.execute(sa.select(schema.jobs)).all())
        rows = []
        for name, text in QUESTIONS.items():
            search, _ = language.read(text)
            assert search is not None
            taken = _asked(connection, lambda c, search=search: searching.find(c, 1, search, PAGE))
            rows.append(
                Row(f"first page, {name}, {count:,} tasks", "ms", taken, "reading one job", floor, 200.0)
            )
        taken = _asked(connection, lambda c: causes.of_job(c, 1))
        rows.append(Row(f"failures by cause, {count:,} tasks", "ms", taken, "reading one job", floor, 200.0))
    remark = (
        f"Searches of one job, asked {REQUESTS} times each of a database of its own, for {PAGE} tasks a "
        "page. One task in seven waits, one in five of the others failed, for ten causes."
    )
    return Measured(rows, [remark])


@contextmanager
def _database(count: int) -> Iterator[sa.Connection]:
    with tempfile.TemporaryDirectory() as directory:
        engine = create_engine(migrating.prepare(Path(directory) / "batch.db", "batch"))
        with engine.connect().execution_options(writing=True) as connection, connection.begin():
            connection.execute(sa.insert(schema.jobs), JOB)
            for start in range(0, count, 10_000):
                some = range(start, min(start + 10_000, count))
                connection.execute(sa.insert(schema.tasks), [_task(number) for number in some])
            connection.execute(sa.insert(schema.failure_causes), [_cause(number) for number in range(10)])
        with engine.connect() as connection:
            yield connection
        engine.dispose()


def _task(number: int) -> dict[str, Any]:
    is_over, has_failed = number % 7 != 0, number % 5 == 0
    row: dict[str, Any] = {
        "job_no": 1,
        "key": f"render-{number}",
        "id": f"render-{number}",
        "definition": b'{"id":"render-00000000","commandLine":"/usr/bin/env true and some more words","x":1}'
        * 3,
        "required_slots": 1,
        "state": "completed" if is_over else "active",
        "state_time": number,
        "created": number,
        "modified": number,
        "node_no": None,
        "node_id": None,
        "started": None,
        "ended": None,
        "exit_code": None,
        "result": None,
        "cause": None,
    }
    if is_over:
        row |= {"node_no": number % 8, "node_id": f"tvm-{number % 8}", "started": number, "ended": number}
        row |= {
            "exit_code": number % 10 if has_failed else 0,
            "result": "failure" if has_failed else "success",
        }
        row["cause"] = f"c{number // 5 % 10}" if has_failed else None
    return row


def _cause(number: int) -> dict[str, Any]:
    return {"job_no": 1, "cause": f"c{number}", "line": "gone", "tasks": 1, "latest": number}


def _asked(connection: sa.Connection, ask: Any) -> list[float]:
    """Milliseconds of each time."""
    taken = []
    for _ in range(REQUESTS):
        began = time.monotonic()
        ask(connection)
        taken.append(1000 * (time.monotonic() - began))
    return taken
