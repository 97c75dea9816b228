"""Jobs to add and to terminate: rules and defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.jobs import (
    BatchJobCreateOptions,
    BatchJobReplaceOptions,
    BatchJobTerminateOptions,
    BatchJobUpdateOptions,
)
from batchite.wire.batch.validation import jobs


def accepted(options: object) -> Any:
    """As a client reads it."""
    return json.loads(codec.encode(options))


def accept(**properties: object) -> dict[str, object]:
    body = json.dumps({"id": "j", "poolInfo": {"poolId": "p"}, **properties}).encode()
    found: dict[str, object] = accepted(jobs.accept(codec.decode(body, BatchJobCreateOptions)))
    return found


def test_a_minimal_job_gets_the_documented_defaults() -> None:
    assert accept() == {
        "id": "j",
        "usesTaskDependencies": False,
        "priority": 0,
        "allowTaskPreemption": False,
        "maxParallelTasks": -1,
        "constraints": {"maxWallClockTime": "P10675199DT2H48M5.4775807S", "maxTaskRetryCount": 0},
        "poolInfo": {"poolId": "p"},
        "onAllTasksComplete": "noaction",
        "onTaskFailure": "noaction",
    }


def test_what_is_given_is_kept() -> None:
    given = {
        "displayName": "x",
        "priority": -1000,
        "maxParallelTasks": 5,
        "constraints": {"maxWallClockTime": "PT1H", "maxTaskRetryCount": -1},
        "commonEnvironmentSettings": [{"name": "A", "value": "1"}],
        "onAllTasksComplete": "terminatejob",
        "metadata": [{"name": "a", "value": ""}],
    }
    assert {**accept(), **given} == accept(**given)


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"id": "schedule:job-1"}, "id"),
        ({"poolInfo": {"poolId": "a/b"}}, "poolInfo.poolId"),
        ({"priority": 1001}, "priority"),
        ({"priority": -1001}, "priority"),
        ({"maxParallelTasks": 0}, "maxParallelTasks"),
        ({"maxParallelTasks": -2}, "maxParallelTasks"),
        ({"constraints": {"maxTaskRetryCount": -2}}, "constraints.maxTaskRetryCount"),
        ({"constraints": {"maxWallClockTime": "PT0S"}}, "constraints.maxWallClockTime"),
        ({"commonEnvironmentSettings": [{"name": "="}]}, "commonEnvironmentSettings[0].name"),
    ],
)
def test_rules_are_enforced_by_name(properties: dict[str, object], name: str) -> None:
    with pytest.raises(BatchError) as caught:
        accept(**properties)
    assert (caught.value.status, caught.value.code) == (400, "InvalidPropertyValue")
    assert dict(caught.value.values)["PropertyName"] == name


@pytest.mark.parametrize("pool_info", [{}, {"poolId": ""}, {"poolId": None}])
def test_a_job_needs_a_pool(pool_info: dict[str, object]) -> None:
    with pytest.raises(BatchError, match="MissingRequiredProperty"):
        accept(poolInfo=pool_info)


def test_the_reason_of_a_termination() -> None:
    assert jobs.terminate_reason(None) == "UserTerminate"
    assert jobs.terminate_reason(BatchJobTerminateOptions()) == "UserTerminate"
    assert jobs.terminate_reason(BatchJobTerminateOptions(terminate_reason="enough")) == "enough"
    with pytest.raises(BatchError, match="terminateReason"):
        jobs.terminate_reason(BatchJobTerminateOptions(terminate_reason="x" * 2000))


STORED = jobs.accept(
    codec.decode(
        b'{"id":"j","poolInfo":{"poolId":"p"},"displayName":"shown","priority":4,"maxParallelTasks":2,'
        b'"constraints":{"maxWallClockTime":"PT1H","maxTaskRetryCount":5},"metadata":[{"name":"a","value":"1"}]}',
        BatchJobCreateOptions,
    )
)


def test_a_patch_replaces_whole_properties_and_leaves_the_others() -> None:
    options = codec.decode(
        b'{"constraints":{"maxTaskRetryCount":1},"metadata":[],"priority":null}', BatchJobUpdateOptions
    )
    constraints = {"maxWallClockTime": "P10675199DT2H48M5.4775807S", "maxTaskRetryCount": 1}
    assert accepted(jobs.patched(STORED, options)) == {
        **accepted(STORED),
        "constraints": constraints,
        "metadata": [],
    }


def test_a_replacement_resets_what_it_does_not_give() -> None:
    options = codec.decode(b'{"poolInfo":{"poolId":"q"},"priority":9}', BatchJobReplaceOptions)
    assert accepted(jobs.replaced(STORED, options)) == accept(
        displayName="shown", priority=9, poolInfo={"poolId": "q"}
    )
