"""Preparation and release tasks of jobs: rules and defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.wire.batch.validation.test_jobs import accept

from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.validation.job_tasks import check_id

COMMAND: dict[str, Any] = {"commandLine": "true"}
FILE = {"httpUrl": f"http://h/{'x' * 200}", "filePath": "f"}


POOL_USER = {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}}


def test_they_get_the_documented_defaults() -> None:
    job: Any = accept(
        jobPreparationTask=COMMAND, jobReleaseTask=COMMAND, constraints={"maxTaskRetryCount": 4}
    )
    assert job["jobPreparationTask"] == {
        "id": "jobpreparation",
        "commandLine": "true",
        "constraints": {
            "maxWallClockTime": "P10675199DT2H48M5.4775807S",
            "retentionTime": "P7D",
            "maxTaskRetryCount": 4,
        },
        "waitForSuccess": True,
        "rerunOnNodeRebootAfterSuccess": True,
        "userIdentity": POOL_USER,
    }
    assert job["jobReleaseTask"] == {
        "id": "jobrelease",
        "commandLine": "true",
        "maxWallClockTime": "PT15M",
        "retentionTime": "P7D",
        "userIdentity": POOL_USER,
    }


def test_what_is_given_is_kept() -> None:
    preparation = {
        "id": "P",
        "commandLine": "true",
        "constraints": {"maxWallClockTime": "PT1H", "retentionTime": "P1D", "maxTaskRetryCount": -1},
        "waitForSuccess": False,
        "rerunOnNodeRebootAfterSuccess": False,
        "userIdentity": {"username": "u"},
        "environmentSettings": [{"name": "A", "value": "b"}],
    }
    release = {
        "id": "R",
        "commandLine": "true",
        "maxWallClockTime": "PT1M",
        "retentionTime": "PT0S",
        "userIdentity": {"username": "u"},
    }
    job = accept(jobPreparationTask=preparation, jobReleaseTask=release)
    assert (job["jobPreparationTask"], job["jobReleaseTask"]) == (preparation, release)


@pytest.mark.parametrize(
    ("preparation", "release", "name"),
    [
        ({"commandLine": " "}, None, "jobPreparationTask.commandLine"),
        ({**COMMAND, "id": "a b"}, None, "jobPreparationTask.id"),
        ({**COMMAND, "id": "x" * 65}, None, "jobPreparationTask.id"),
        (
            {**COMMAND, "constraints": {"maxTaskRetryCount": -2}},
            None,
            "jobPreparationTask.constraints.maxTaskRetryCount",
        ),
        (
            {**COMMAND, "environmentSettings": [{"name": "a=b"}]},
            None,
            "jobPreparationTask.environmentSettings[0].name",
        ),
        (
            {**COMMAND, "resourceFiles": [{"httpUrl": "http://h/f", "filePath": "../f"}]},
            None,
            "jobPreparationTask.resourceFiles[0].filePath",
        ),
        (None, COMMAND, "jobReleaseTask"),
        (COMMAND, {**COMMAND, "maxWallClockTime": "PT15M0.0000001S"}, "jobReleaseTask.maxWallClockTime"),
        (COMMAND, {**COMMAND, "maxWallClockTime": "PT0S"}, "jobReleaseTask.maxWallClockTime"),
        (COMMAND, {**COMMAND, "retentionTime": "-PT1S"}, "jobReleaseTask.retentionTime"),
        (COMMAND, {**COMMAND, "id": "JobPreparation"}, "jobReleaseTask.id"),
        ({**COMMAND, "id": "jobrelease"}, COMMAND, "jobReleaseTask.id"),
    ],
)
def test_rules_are_enforced_by_name(preparation: Any, release: Any, name: str) -> None:
    given = {"jobPreparationTask": preparation, "jobReleaseTask": release}
    with pytest.raises(BatchError) as caught:
        accept(**{key: value for key, value in given.items() if value is not None})
    assert (caught.value.code, caught.value.status) == ("InvalidPropertyValue", 400)
    assert dict(caught.value.values)["PropertyName"] == name


@pytest.mark.parametrize("where", ["jobPreparationTask", "jobReleaseTask"])
def test_a_list_of_files_may_not_be_too_large(where: str) -> None:
    most = 32_768 // (len(json.dumps(FILE, separators=(",", ":"))) + 1)
    given = {"jobPreparationTask": COMMAND, where: {**COMMAND, "resourceFiles": [FILE] * most}}
    accept(**given)
    given[where]["resourceFiles"].append(FILE)
    with pytest.raises(BatchError) as caught:
        accept(**given)
    assert (caught.value.code, caught.value.status) == ("RequestEntityTooLarge", 413)
    assert f"{where}.resourceFiles" in caught.value.message


@pytest.mark.parametrize(
    ("id", "code"),
    [("prepare", "TaskIdSameAsJobPreparationTask"), ("RELEASE", "TaskIdSameAsJobReleaseTask")],
)
def test_a_task_may_not_have_the_id_of_either(id: str, code: str) -> None:
    with pytest.raises(BatchError) as caught:
        check_id(id, "Prepare", "Release")
    assert (caught.value.code, caught.value.status) == (code, 409)
    check_id(id, "", "")
    check_id("other", "Prepare", "Release")
