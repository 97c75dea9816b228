"""What scheduling knows of definitions."""

from dataclasses import dataclass

import msgspec
import pytest

from batchite.resources import jobs, tasks
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
from batchite.wire.batch import codec
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.models.task_rules import BatchAffinityInfo
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.validation.jobs import accept as accept_job
from batchite.wire.batch.validation.tasks import OfJob
from batchite.wire.batch.validation.tasks import accept as accept_task
from batchite.wire.ticks import MAX_TICKS, TICKS_PER_DAY, TICKS_PER_SECOND


@dataclass
class Stored:
    rules: bytes | None
    definition: bytes = b"not to be read"


@pytest.mark.parametrize(
    "rules",
    [
        PoolRules(),
        PoolRules(slots_per_node=4, fill="pack", start_task=StartTaskRules(b"{}", max_retries=-1)),
    ],
)
def test_rules_of_pools_are_read_as_they_were_written(rules: PoolRules) -> None:
    assert of_stored_pool(Stored(encode(rules))) == rules


@pytest.mark.parametrize(
    "rules",
    [JobRules(), JobRules(priority=-9, max_wall_clock_time=MAX_TICKS - 1, common_environment=b"[]")],
)
def test_rules_of_jobs_are_read_as_they_were_written(rules: JobRules) -> None:
    assert of_stored_job(Stored(encode(rules))) == rules


@pytest.mark.parametrize("rules", [TaskRules(), TaskRules(max_retries=-1)])
def test_rules_of_tasks_are_read_as_they_were_written(rules: TaskRules) -> None:
    assert of_stored_task(encode(rules)) == rules


def test_a_rule_that_says_nothing_new_takes_no_place() -> None:
    assert encode(JobRules()) == msgspec.msgpack.encode({})
    assert encode(TaskRules(max_retries=3)) == msgspec.msgpack.encode({"max_retries": 3})


def test_rules_of_a_later_release_are_read_as_far_as_they_are_known() -> None:
    later = msgspec.msgpack.encode({"max_retries": 1, "flavour": "new"})
    assert of_stored_task(later) == TaskRules(max_retries=1)


def task(body: bytes, job_retries: int = 0) -> BatchTaskCreateOptions:
    return accept_task(codec.decode(body, BatchTaskCreateOptions), OfJob(job_retries))


def test_a_plain_task_is_stored_without_rules() -> None:
    row = tasks.row(task(b'{"id":"t","commandLine":"x","constraints":{"maxWallClockTime":"P1D"}}', 5), 1, 0)
    assert row["rules"] is None
    assert of_stored_task(None) is PLAIN


@pytest.mark.parametrize(("given", "days"), [('"P1D"', 1), ('"PT0S"', 0), ('"P7D"', 7), ("null", 7)])
def test_tasks_have_the_retention_they_say_or_else_a_week(given: str, days: int) -> None:
    own = task(f'{{"id":"t","commandLine":"x","constraints":{{"retentionTime":{given}}}}}'.encode())
    assert of_stored_task(tasks.row(own, 1, 0)["rules"]).retention == days * TICKS_PER_DAY


def test_tasks_have_the_retries_they_say_or_else_those_of_their_job() -> None:
    own = task(b'{"id":"t","commandLine":"x","constraints":{"maxTaskRetryCount":2}}', 5)
    assert of_stored_task(tasks.row(own, 1, 0)["rules"]).max_retries == 2
    others = task(b'{"id":"t","commandLine":"x"}', 5)
    assert of_stored_task(tasks.row(others, 1, 0)["rules"]).max_retries == 5


@pytest.mark.parametrize(
    ("settings", "common"),
    [(b"null", b""), (b"[]", b""), (b'[{"name":"A","value":null}]', b'[{"name":"A"}]')],
)
def test_a_job_without_common_settings_has_none(settings: bytes, common: bytes) -> None:
    body = b'{"id":"j","poolInfo":{"poolId":"p"},"commonEnvironmentSettings":' + settings + b"}"
    job = accept_job(codec.decode(body, BatchJobCreateOptions))
    assert JobRules.of(job) == JobRules(common_environment=common)


def test_rows_have_the_rules_that_would_be_made_of_their_definitions() -> None:
    body = b'{"id":"j","poolInfo":{"poolId":"p"},"priority":3,"constraints":{"maxWallClockTime":"PT1M"}}'
    row = jobs.row(accept_job(codec.decode(body, BatchJobCreateOptions)), "a", "p", 5)
    made = of_stored_job(Stored(row["rules"]))
    assert made == of_stored_job(Stored(None, row["definition"]))
    assert (made.priority, made.max_wall_clock_time) == (3, 60 * TICKS_PER_SECOND)


@pytest.mark.parametrize(
    ("text", "node"),
    [
        ("TVM:tvm-1_2-20260101t000000z", "tvm-1_2-20260101t000000z"),
        ("TVM:", None),
        ("tvm-1", None),
        ("", None),
        ("TVM:" + "x" * 201, None),
    ],
)
def test_which_node_a_task_likes(text: str, node: str | None) -> None:
    task = BatchTaskCreateOptions(id="t", command_line="c", affinity_info=BatchAffinityInfo(affinity_id=text))
    assert TaskRules.of(task) == TaskRules(near=node)
