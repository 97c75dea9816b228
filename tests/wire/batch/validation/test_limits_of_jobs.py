"""How far values of a job may go, whoever makes it: the last that is taken, and the first that is not."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from tests.wire.batch.validation import test_job_schedules, test_jobs

from batchite.wire.batch.errors import BatchError

COMMAND = {"commandLine": "true"}
AUTO_POOL = {"autoPoolSpecification": {**test_job_schedules.AUTO, "poolLifetimeOption": "job"}}
TASKS: dict[str, Any] = {
    "jobManagerTask": {"id": "manager", **COMMAND},
    "jobPreparationTask": COMMAND,
    "jobReleaseTask": COMMAND,
}
OUTPUT = {
    "filePattern": "*",
    "destination": {"container": {"containerUrl": "https://h/c"}},
    "uploadOptions": {"uploadCondition": "taskcompletion"},
}

OF_TASKS = (
    ("id", "x" * 64, "x" * 65),
    ("id", "a-Z_9", "a.Z"),
    ("commandLine", "c", " "),
    ("environmentSettings", [{"name": "A"}], [{"name": "A="}]),
    ("userIdentity.username", "u", " "),
    ("resourceFiles", [{"httpUrl": "http://h/f", "filePath": "d/f"}],
     [{"httpUrl": "http://h/f", "filePath": "../f"}]),
)  # fmt: skip
OF_CONSTRAINTS = (
    ("constraints.maxWallClockTime", "PT0.0000001S", "PT0S"),
    ("constraints.maxTaskRetryCount", -1, -2),
    ("constraints.retentionTime", "PT0S", "-PT0.0000001S"),
)
LIMITS: tuple[tuple[str, object, object], ...] = (
    ("displayName", "x" * 1024, "x" * 1025),
    ("priority", 1000, 1001),
    ("priority", -1000, -1001),
    ("maxParallelTasks", 1, 0),
    ("maxParallelTasks", -1, -2),
    *OF_CONSTRAINTS[:2],
    ("commonEnvironmentSettings", [{"name": "A"}], [{"name": ""}]),
    ("networkConfiguration.subnetId", "s", " "),
    ("poolInfo.poolId", "x" * 64, "x" * 65),
    ("poolInfo.autoPoolSpecification.autoPoolIdPrefix", "x" * 20, "x" * 21),
    *((f"{task}.{name}", last, beyond) for task in TASKS for name, last, beyond in OF_TASKS),
    *(
        (f"{task}.{name}", last, beyond)
        for task in ("jobManagerTask", "jobPreparationTask")
        for name, last, beyond in OF_CONSTRAINTS
    ),
    ("jobManagerTask.displayName", "x" * 1024, "x" * 1025),
    ("jobManagerTask.requiredSlots", 1, 0),
    ("jobManagerTask.requiredSlots", 1, 2),
    ("jobManagerTask.outputFiles", [OUTPUT], [{**OUTPUT, "filePattern": ""}]),
    ("jobReleaseTask.maxWallClockTime", "PT15M", "PT15M0.0000001S"),
    ("jobReleaseTask.maxWallClockTime", "PT0.0000001S", "PT0S"),
    ("jobReleaseTask.retentionTime", "PT0S", "-PT0.0000001S"),
)


def of(path: str, value: object) -> dict[str, Any]:
    """A job that says this, and no more than it has to."""
    *places, name = path.split(".")
    job: dict[str, Any] = {"poolInfo": copy.deepcopy(AUTO_POOL) if "autoPool" in path else {"poolId": "p"}}
    if places and places[0] in TASKS:
        job |= {task: dict(TASKS[task]) for task in ("jobPreparationTask", places[0])}
    holder = job
    for place in places:
        holder = holder.setdefault(place, {})
    holder[name] = value
    return job


def names(refusal: BatchError) -> str:
    assert (refusal.status, refusal.code) == (400, "InvalidPropertyValue")
    assert refusal.values[1][0] == "PropertyValue"
    return dict(refusal.values)["PropertyName"]


@pytest.mark.parametrize(("path", "last", "beyond"), LIMITS)
def test_the_limit_of_a_job(path: str, last: object, beyond: object) -> None:
    test_jobs.accept(**of(path, last))
    test_job_schedules.accept(jobSpecification=of(path, last))
    with pytest.raises(BatchError) as refused:
        test_jobs.accept(**of(path, beyond))
    assert names(refused.value).startswith(path)
    with pytest.raises(BatchError) as refused:
        test_job_schedules.accept(jobSpecification=of(path, beyond))
    assert names(refused.value).startswith(f"jobSpecification.{path}")
