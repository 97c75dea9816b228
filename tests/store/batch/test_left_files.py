"""Which directories of a node are nobody's any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from tests.dispatch.support import ACCOUNT, add_job, add_pool, add_tasks

from batchite.resources.rules import JobRules, PreparationRules, ReleaseRules, encode
from batchite.store.batch import left_files, schema
from batchite.store.database import Database

NODE = 7


@pytest.fixture
async def database_with_jobs(database: Database) -> Database:
    def fill(connection: sa.Connection) -> None:
        pool = add_pool(connection, 1)
        row = {"node_no": NODE, "pool_no": pool, "id": "n", "dedicated": True, "state": "idle"}
        connection.execute(sa.insert(schema.nodes), row | {"state_time": 1, "allocated": 1})
        rules = JobRules(preparation=PreparationRules("ready", b""), release=ReleaseRules("clear", b""))
        for job_id in ("plain", "nightly:job-1", "nightly:job-2"):
            add_tasks(connection, add_job(connection, job_id, rules=encode(rules)), 5)
        add_tasks(connection, add_job(connection, "other", account="another"), 3)
        tasks = schema.tasks
        connection.execute(sa.update(tasks).values(node_no=NODE).where(tasks.c.key != "t2"))
        connection.execute(sa.update(tasks).values(node_no=99).where(tasks.c.key == "t1"))
        over = sa.update(tasks).values(state="completed")
        connection.execute(over.values(files_until=5).where(tasks.c.key == "t3"))
        connection.execute(over.where(tasks.c.key == "t4"))

    assert ACCOUNT != "another"
    await database.write(fill)
    return database


def directories() -> Iterator[tuple[tuple[str, str, str], tuple[str, str] | None]]:
    """Each with the job and task by which it is removed, if it is nobody's."""
    for first, name, job in (
        ("plain", "job-1", "plain"),
        ("nightly", "job-1", "nightly"),
        ("nightly", "job-2", "nightly:job-2"),
    ):
        yield (first, name, "t0"), None  # it ran there last
        yield (first, name, "T0"), (job, "T0")  # of a task that was called so before
        yield (first, name, "t1"), (job, "t1")  # it has gone to another node
        yield (first, name, "t2"), (job, "t2")  # it waits
        yield (first, name, "t3"), None  # it is over, and has files still
        yield (first, name, "t4"), (job, "t4")  # they have been removed
        yield (first, name, "gone"), (job, "gone")
        yield (first, name, "ready"), None
        yield (first, name, "clear"), None
    yield ("deleted", "job-1", "t0"), ("deleted", "t0")
    yield ("deleted", "job-1", "ready"), ("deleted", "ready")
    yield ("nightly", "job-3", "t0"), ("nightly:job-3", "t0")
    yield ("other", "job-1", "t0"), ("other", "t0")  # of another account


async def test_what_is_nobody_s(database_with_jobs: Database) -> None:
    cases = dict(directories())
    found = await database_with_jobs.read(lambda c: left_files.find(c, NODE, list(cases)))
    assert list(found) == [left for left in cases.values() if left is not None]
