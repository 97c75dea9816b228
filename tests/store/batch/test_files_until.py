"""Tasks that were over before their rows said how long their files are kept."""

from __future__ import annotations

import pytest
import sqlalchemy as sa
from tests.store.batch import former

from batchite.resources.rules import TaskRules, encode
from batchite.store import migrating
from batchite.store.batch import schema
from batchite.store.database import create_engine
from batchite.wire.ticks import MAX_TICKS, Duration

RAN = {"state": "completed", "node_no": 1, "node_id": "n", "started": 30, "ended": 40}


@pytest.mark.parametrize(
    ("row", "rules", "expected"),
    [
        (RAN, None, 40 + Duration.of(days=7).ticks),
        (RAN, TaskRules(max_retries=3), 40 + Duration.of(days=7).ticks),
        (RAN, TaskRules(retention=0), 40),
        (RAN, TaskRules(retention=MAX_TICKS), MAX_TICKS),
        ({"state": "completed", "ended": 40}, None, None),
        ({"state": "active", "node_no": 1, "node_id": "n"}, None, None),
        ({"state": "running", "node_no": 1, "node_id": "n", "started": 30}, TaskRules(retention=5), None),
    ],
)
def test_what_has_run_has_its_files_as_long_as_it_said(
    empty_url: str, row: dict[str, object], rules: TaskRules | None, expected: int | None
) -> None:
    engine = create_engine(empty_url)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        migrating.run_revisions(connection, "batch", "0030")
        task = former.present(schema.tasks, former.TASK)
        former.insert(connection, schema.jobs, former.present(schema.jobs, former.JOB))
        former.insert(connection, schema.tasks, task | row | {"rules": rules and encode(rules)})
    migrating.upgrade(empty_url, "batch")
    with engine.connect() as connection:
        (found,) = connection.execute(sa.select(schema.tasks))
    engine.dispose()
    assert found.files_until == expected
