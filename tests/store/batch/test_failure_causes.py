"""Tasks that failed before causes were counted."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from tests.store.batch import former

from batchite.resources import causes
from batchite.store import migrating
from batchite.store.batch import schema
from batchite.store.batch.causes import of_job
from batchite.store.database import create_engine
from batchite.wire.batch.outcome import EXIT_CODE, Failure

EXIT = b'{"category": "usererror", "code": "FailureExitCode", "message": "m"}'
FULL = b'{"category": "servererror", "code": "DiskFull", "message": "m"}'
OVER: tuple[dict[str, Any], ...] = (
    {"result": "success", "exit_code": 0},
    {"result": "failure", "exit_code": 3, "failure": EXIT},
    {"result": "failure", "failure": FULL},
)


def test_they_are_counted_by_code(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        migrating.run_revisions(connection, "batch", "0005")
        former.insert(connection, schema.jobs, former.JOB)
        for number in range(1200):
            over = {"key": f"t{number}", "state": "completed", "ended": number, **OVER[number % 3]}
            former.insert(connection, schema.tasks, former.TASK | over)
        migrating.run_revisions(connection, "batch", "head")
        found = of_job(connection, 1)
        named = sa.select(schema.tasks.c.cause, sa.func.count()).group_by(schema.tasks.c.cause)
        of_tasks = dict(map(tuple, connection.execute(named)))
    engine.dispose()
    assert [(row.tasks, row.code, row.exit_code, row.latest) for row in found] == [
        (400, "DiskFull", None, 1199),
        (400, "FailureExitCode", 3, 1198),
    ]
    assert of_tasks == {None: 400, **{row.cause: row.tasks for row in found}}
    assert found[1].cause == causes.of(Failure("usererror", EXIT_CODE, ""), 3, "").id
