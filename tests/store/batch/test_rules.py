"""What scheduling knows of definitions, in databases that are older than it."""

import sqlalchemy as sa
from tests.store.batch import former

from batchite.resources.rules import (
    PLAIN,
    JobRules,
    PoolRules,
    StartTaskRules,
    TaskRules,
    encode,
    of_stored_job,
    of_stored_pool,
    of_stored_task,
)
from batchite.store import migrating
from batchite.store.batch import owned, schema
from batchite.store.database import create_engine
from batchite.wire.ticks import TICKS_PER_SECOND

START_TASK = (
    b'{"commandLine":"prepare","userIdentity":{"autoUser":{"scope":"pool","elevationLevel":"nonadmin"}},'
    b'"maxTaskRetryCount":2,"waitForSuccess":false}'
)
POOL = (
    b'{"id":"p","vmSize":"Standard_D2s_v3","resizeTimeout":"PT15M","taskSlotsPerNode":3,"startTask":'
    + START_TASK
    + b',"taskSchedulingPolicy":{"jobDefaultOrder":"creationtime","nodeFillType":"pack"}}'
)
ENVIRONMENT = b'[{"name":"A","value":"1"}]'
JOB = (
    b'{"id":"j","poolInfo":{"poolId":"p"},"priority":7,"maxParallelTasks":4,"onAllTasksComplete":'
    b'"terminatejob","constraints":{"maxWallClockTime":"PT1H","maxTaskRetryCount":5},'
    b'"commonEnvironmentSettings":' + ENVIRONMENT + b"}"
)


def test_what_an_older_database_says_stays_true(empty_url: str) -> None:
    engine = create_engine(empty_url)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        migrating.run_revisions(connection, "batch", "0005")
        former.insert(connection, schema.pools, former.POOL | {"definition": POOL})
        former.insert(connection, schema.jobs, former.JOB | {"definition": JOB})
        for retries in (0, -1, 3):
            task = {"key": str(retries), "id": str(retries), "max_retries": retries}
            former.insert(connection, schema.tasks, former.TASK | task)
    migrating.upgrade(empty_url, "batch")
    with engine.connect() as connection:
        pool = owned.pool(connection, "a/p")
        (job,) = owned.open_jobs(connection, "a/p")
        assert owned.job(connection, "a/p", job.job_no) == job
        tasks = connection.execute(sa.select(schema.tasks).order_by(schema.tasks.c.task_no)).all()
    engine.dispose()
    assert pool is not None
    assert of_stored_pool(pool) == PoolRules(
        slots_per_node=3,
        fill="pack",
        oldest_job_first=True,
        start_task=StartTaskRules(START_TASK, wait_for_success=False, max_retries=2),
    )
    assert of_stored_job(job) == JobRules(
        priority=7,
        max_parallel_tasks=4,
        max_wall_clock_time=3600 * TICKS_PER_SECOND,
        terminates_when_done=True,
        max_task_retries=5,
        common_environment=ENVIRONMENT,
    )
    rules = [of_stored_task(task.rules) for task in tasks]
    assert rules == [PLAIN, TaskRules(max_retries=-1), TaskRules(max_retries=3)]
    assert tasks[0].rules is None


def test_a_definition_that_has_its_rules_is_not_read(batch_url: str) -> None:
    engine = create_engine(batch_url)
    stored = former.present(schema.jobs, former.JOB)
    with engine.connect().execution_options(writing=True) as connection, connection.begin():
        rules = encode(JobRules(priority=3))
        connection.execute(sa.insert(schema.jobs), stored | {"rules": rules})
    with engine.connect() as connection:
        (job,) = owned.open_jobs(connection, "a/p")
    engine.dispose()
    assert (job.definition, of_stored_job(job).priority) == (None, 3)
