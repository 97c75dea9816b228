"""What is read of rows is what the store finds, and what is made is what it takes."""

from collections.abc import Iterable
from typing import get_type_hints

import pytest
import sqlalchemy as sa

from batchite.resources import job_schedules, jobs, nodes, pools, tasks
from batchite.store.batch import schema
from batchite.wire.batch import codec
from batchite.wire.batch.models.job_schedules import BatchJobScheduleCreateOptions
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.validation.job_schedules import accept as accept_schedule
from batchite.wire.batch.validation.jobs import accept as accept_job
from batchite.wire.batch.validation.pools import accept as accept_pool
from batchite.wire.batch.validation.tasks import OfJob
from batchite.wire.batch.validation.tasks import accept as accept_task

POOL = (
    b'{"id":"Pool","vmSize":"Standard_D2s_v3","virtualMachineConfiguration":{"imageReference":'
    b'{"publisher":"canonical","offer":"0001-com-ubuntu-server-jammy","sku":"22_04-lts"},'
    b'"nodeAgentSKUId":"batch.node.ubuntu 22.04"}}'
)
JOB = b'{"id":"Job","poolInfo":{"poolId":"Pool"}}'
SCHEDULE = b'{"id":"Nightly","schedule":{},"jobSpecification":{"poolInfo":{"poolId":"Pool"}}}'
TASK = b'{"id":"Task","commandLine":"true"}'


OF_AUTOSCALE = {"formula", "interval_ticks", "enabled", "run"}


@pytest.mark.parametrize(
    ("row", "table", "also"),
    [
        (pools.PoolRow, schema.pools, {"current_dedicated", "current_low_priority"} | OF_AUTOSCALE),
        (jobs.JobRow, schema.jobs, set()),
        (jobs.CountsRow, schema.task_counts, set()),
        (job_schedules.ScheduleRow, schema.job_schedules, set()),
        (tasks.TaskRow, schema.tasks, set()),
        (nodes.NodeRow, schema.nodes, {"pool_id", "pool_state", "shard", "pool_definition"}),
        (nodes.RecentTask, schema.tasks, {"job_id"}),
    ],
)
def test_what_is_read_of_a_row_is_a_column(row: type, table: sa.Table, also: set[str]) -> None:
    assert set(get_type_hints(row)) <= set(table.columns.keys()) | also


def made() -> Iterable[tuple[dict[str, object], sa.Table]]:
    yield pools.row(accept_pool(codec.decode(POOL, BatchPoolCreateOptions)), "a", 5), schema.pools
    yield jobs.row(accept_job(codec.decode(JOB, BatchJobCreateOptions)), "a", "p", 5), schema.jobs
    schedule = accept_schedule(codec.decode(SCHEDULE, BatchJobScheduleCreateOptions))
    yield job_schedules.row(schedule, "a", 5, 5), schema.job_schedules
    yield tasks.row(accept_task(codec.decode(TASK, BatchTaskCreateOptions), OfJob()), 1, 5), schema.tasks
    yield nodes.row(1, "node", True, 5), schema.nodes


@pytest.mark.parametrize(("row", "table"), list(made()), ids=["pool", "job", "schedule", "task", "node"])
def test_a_new_row_has_what_the_table_needs(row: dict[str, object], table: sa.Table) -> None:
    needed = {
        column.name
        for column in table.columns
        if not column.nullable and column.server_default is None and not column.primary_key
    }
    assert needed <= set(row) <= set(table.columns.keys())
