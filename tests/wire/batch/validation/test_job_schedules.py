"""Job schedules to add and to change: rules and defaults, of which most are those of jobs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.job_schedules import (
    BatchJobScheduleCreateOptions,
    BatchJobScheduleReplaceOptions,
    BatchJobScheduleUpdateOptions,
)
from batchite.wire.batch.models.jobs import BatchJobCreateOptions, BatchJobUpdateOptions
from batchite.wire.batch.validation import job_schedules, jobs

SPECIFICATION: dict[str, Any] = {"poolInfo": {"poolId": "p"}}
AUTO: dict[str, Any] = {
    "poolLifetimeOption": "jobschedule",
    "pool": {
        "vmSize": "standard_d1_v2",
        "virtualMachineConfiguration": {
            "imageReference": {
                "publisher": "canonical",
                "offer": "0001-com-ubuntu-server-jammy",
                "sku": "22_04-lts",
            },
            "nodeAgentSKUId": "batch.node.ubuntu 22.04",
        },
    },
}


def accept(**properties: object) -> BatchJobScheduleCreateOptions:
    body = {"id": "s", "schedule": {}, "jobSpecification": SPECIFICATION, **properties}
    return job_schedules.accept(codec.decode(json.dumps(body).encode(), BatchJobScheduleCreateOptions))


def shown(options: BatchJobScheduleCreateOptions) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(codec.encode(options))
    return found


def patch(before: BatchJobScheduleCreateOptions, **properties: object) -> BatchJobScheduleCreateOptions:
    body = json.dumps(properties).encode()
    return job_schedules.patched(before, codec.decode(body, BatchJobScheduleUpdateOptions))


def replace(before: BatchJobScheduleCreateOptions, **properties: object) -> BatchJobScheduleCreateOptions:
    body = json.dumps({"jobSpecification": SPECIFICATION, **properties}).encode()
    return job_schedules.replaced(before, codec.decode(body, BatchJobScheduleReplaceOptions))


def test_jobs_of_a_schedule_get_the_defaults_of_jobs() -> None:
    body = json.dumps({"id": "j", **SPECIFICATION}).encode()
    job = json.loads(codec.encode(jobs.accept(codec.decode(body, BatchJobCreateOptions))))
    del job["id"]
    assert shown(accept()) == {"id": "s", "schedule": {}, "jobSpecification": job}


def test_what_is_given_is_kept() -> None:
    given = {
        "displayName": "x",
        "schedule": {
            "doNotRunUntil": "2026-01-01T00:00:00Z",
            "doNotRunAfter": "2026-01-02T00:00:00Z",
            "startWindow": "PT1M",
            "recurrenceInterval": "PT1H",
        },
        "metadata": [{"name": "a", "value": ""}],
    }
    assert {**shown(accept()), **given} == shown(accept(**given))


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"id": "a:job-1"}, "id"),
        ({"displayName": "x" * 1025}, "displayName"),
        ({"schedule": {"startWindow": "PT59S"}}, "schedule.startWindow"),
        ({"schedule": {"recurrenceInterval": "PT0S"}}, "schedule.recurrenceInterval"),
        (
            {
                "schedule": {
                    "doNotRunUntil": "2026-01-02T00:00:00Z",
                    "doNotRunAfter": "2026-01-02T00:00:00Z",
                }
            },
            "schedule.doNotRunAfter",
        ),
        ({"metadata": [{"name": "", "value": ""}]}, "metadata[0].name"),
        ({"jobSpecification": {"poolInfo": {}}}, "jobSpecification.poolInfo.poolId"),
        ({"jobSpecification": {**SPECIFICATION, "priority": 1001}}, "jobSpecification.priority"),
        ({"jobSpecification": {**SPECIFICATION, "maxParallelTasks": 0}}, "jobSpecification.maxParallelTasks"),
        (
            {"jobSpecification": {**SPECIFICATION, "constraints": {"maxTaskRetryCount": -2}}},
            "jobSpecification.constraints.maxTaskRetryCount",
        ),
        (
            {"jobSpecification": {"poolInfo": {"autoPoolSpecification": {**AUTO, "pool": None}}}},
            "jobSpecification.poolInfo.autoPoolSpecification.pool",
        ),
    ],
)
def test_what_breaks_a_rule_is_refused_by_its_name(properties: dict[str, Any], name: str) -> None:
    with pytest.raises(BatchError) as refused:
        accept(**properties)
    assert ("PropertyName", name) in refused.value.values
    if properties.keys() <= {"schedule", "jobSpecification", "metadata"}:
        before = accept()
        with pytest.raises(BatchError) as refused:
            patch(before, **properties)
        assert ("PropertyName", name) in refused.value.values


def test_what_a_patch_does_not_name_stays() -> None:
    before = accept(schedule={"startWindow": "PT5M"}, metadata=[{"name": "a", "value": "b"}])
    after = patch(before, jobSpecification={**SPECIFICATION, "priority": 5})
    assert shown(after)["jobSpecification"]["priority"] == 5
    assert (after.schedule, after.metadata) == (before.schedule, before.metadata)
    assert patch(before) == before


def test_what_a_replacement_does_not_name_goes() -> None:
    before = accept(displayName="x", schedule={"startWindow": "PT5M"}, metadata=[{"name": "a", "value": "b"}])
    assert shown(replace(before)) == shown(accept(displayName="x"))


def test_jobs_of_a_schedule_may_share_a_pool_and_other_jobs_may_not() -> None:
    info = {"autoPoolSpecification": AUTO}
    found = accept(jobSpecification={"poolInfo": info}).job_specification
    body = json.dumps({"id": "j", "poolInfo": info}).encode()
    with pytest.raises(BatchError) as refused:
        jobs.accept(codec.decode(body, BatchJobCreateOptions))
    assert ("PropertyName", "poolInfo.autoPoolSpecification.poolLifetimeOption") in refused.value.values
    job = BatchJobCreateOptions(
        id="s:job-1", **{name: getattr(found, name) for name in found.__struct_fields__}
    )
    same = json.dumps({"priority": 3, "poolInfo": info}).encode()
    assert jobs.patched(job, codec.decode(same, BatchJobUpdateOptions)).priority == 3
    other = json.dumps({"poolInfo": {"autoPoolSpecification": {**AUTO, "keepAlive": True}}}).encode()
    with pytest.raises(BatchError) as refused:
        jobs.patched(job, codec.decode(other, BatchJobUpdateOptions))
    assert ("PropertyName", "poolInfo.autoPoolSpecification") in refused.value.values
