"""Tasks to add: rules and defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions, BatchTaskGroup
from batchite.wire.batch.validation import tasks
from batchite.wire.batch.validation.tasks import OfJob

FILE = {"httpUrl": "https://host/c/b?sig=x", "filePath": "b"}


def accepted(options: object) -> Any:
    """As a client reads it."""
    return json.loads(codec.encode(options))


def accept(job_retries: int = 0, **properties: Any) -> dict[str, object]:
    body = json.dumps({"id": "t", "commandLine": "true", **properties}).encode()
    found: dict[str, object] = accepted(
        tasks.accept(codec.decode(body, BatchTaskCreateOptions), OfJob(job_retries), "value[3].")
    )
    return found


def test_a_minimal_task_gets_the_documented_defaults() -> None:
    assert accept(job_retries=3) == {
        "id": "t",
        "commandLine": "true",
        "constraints": {
            "maxWallClockTime": "P10675199DT2H48M5.4775807S",
            "retentionTime": "P7D",
            "maxTaskRetryCount": 3,
        },
        "requiredSlots": 1,
        "userIdentity": {"autoUser": {"scope": "pool", "elevationLevel": "nonadmin"}},
    }


def test_constraints_without_a_retry_count_mean_none() -> None:
    constraints = accept(job_retries=3, constraints={"maxWallClockTime": "PT1M", "retentionTime": "PT0S"})
    assert constraints["constraints"] == {
        "maxWallClockTime": "PT1M",
        "retentionTime": "PT0S",
        "maxTaskRetryCount": 0,
    }


def test_null_means_absent() -> None:
    nulls: dict[str, Any] = {
        "displayName": None,
        "constraints": None,
        "requiredSlots": None,
        "resourceFiles": None,
    }
    assert accept(**nulls, userIdentity={"autoUser": {"scope": None}}) == accept()
    assert accept(resourceFiles=[{**FILE, "fileMode": None}])["resourceFiles"] == [FILE]


def test_what_is_given_is_kept() -> None:
    given: dict[str, Any] = {
        "displayName": "x",
        "resourceFiles": [
            FILE,
            {"storageContainerUrl": "http://h/a/c?sig=x", "blobPrefix": "in/", "filePath": "d/e"},
        ],
        "environmentSettings": [{"name": "A", "value": "=1"}, {"name": "B"}],
        "affinityInfo": {"affinityId": "TVM:x"},
        "requiredSlots": 4,
        "constraints": {"maxWallClockTime": "PT1M", "retentionTime": "P1D", "maxTaskRetryCount": -1},
        "userIdentity": {"autoUser": {"scope": "task", "elevationLevel": "admin"}},
    }
    assert accept(**given) == {"id": "t", "commandLine": "true", **given}


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"id": ""}, "id"),
        ({"id": "a b"}, "id"),
        ({"id": "a/../b"}, "id"),
        ({"id": "x" * 65}, "id"),
        ({"id": "é"}, "id"),
        ({"id": "a\n"}, "id"),
        ({"displayName": "x" * 1025}, "displayName"),
        ({"commandLine": " "}, "commandLine"),
        ({"commandLine": "a\0b"}, "commandLine"),
        ({"environmentSettings": [{"name": "A=B"}]}, "environmentSettings[0].name"),
        ({"environmentSettings": [{"name": ""}]}, "environmentSettings[0].name"),
        ({"environmentSettings": [{"name": "A", "value": "\0"}]}, "environmentSettings[0].value"),
        ({"requiredSlots": 0}, "requiredSlots"),
        ({"requiredSlots": 257}, "requiredSlots"),
        ({"constraints": {"maxTaskRetryCount": -2}}, "constraints.maxTaskRetryCount"),
        ({"constraints": {"maxWallClockTime": "PT0S"}}, "constraints.maxWallClockTime"),
        ({"constraints": {"retentionTime": "-PT1S"}}, "constraints.retentionTime"),
        ({"userIdentity": {"username": "u", "autoUser": {}}}, "userIdentity.username"),
        ({"resourceFiles": [{}]}, "resourceFiles[0]"),
        ({"resourceFiles": [FILE, {**FILE, "storageContainerUrl": "http://h/c"}]}, "resourceFiles[1]"),
        ({"resourceFiles": [{**FILE, "httpUrl": "file:///etc/passwd"}]}, "resourceFiles[0].httpUrl"),
        ({"resourceFiles": [{**FILE, "httpUrl": "/relative"}]}, "resourceFiles[0].httpUrl"),
        ({"resourceFiles": [{**FILE, "httpUrl": "http://[x"}]}, "resourceFiles[0].httpUrl"),
        ({"resourceFiles": [{**FILE, "httpUrl": "http://host:99999/x"}]}, "resourceFiles[0].httpUrl"),
        ({"resourceFiles": [{**FILE, "httpUrl": "http://\u2100.x/x"}]}, "resourceFiles[0].httpUrl"),
        ({"resourceFiles": [{**FILE, "httpUrl": "http://host/a\0b"}]}, "resourceFiles[0].httpUrl"),
        ({"resourceFiles": [{**FILE, "filePath": "a/"}]}, "resourceFiles[0].filePath"),
        ({"resourceFiles": [{**FILE, "filePath": "a/."}]}, "resourceFiles[0].filePath"),
        ({"resourceFiles": [{**FILE, "fileMode": "rwx"}]}, "resourceFiles[0].fileMode"),
        ({"resourceFiles": [{**FILE, "blobPrefix": "x"}]}, "resourceFiles[0].blobPrefix"),
    ],
)
def test_rules_are_enforced_by_name(properties: dict[str, Any], name: str) -> None:
    with pytest.raises(BatchError) as caught:
        accept(**properties)
    assert (caught.value.status, caught.value.code) == (400, "InvalidPropertyValue")
    assert dict(caught.value.values)["PropertyName"] == f"value[3].{name}"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../x", "a/../../x", "a\\..\\..\\x", "..", "\\x", "C:\\x", "c:x", "a\0"]
)
def test_a_file_cannot_leave_the_working_directory(path: str) -> None:
    with pytest.raises(BatchError) as caught:
        accept(resourceFiles=[{**FILE, "filePath": path}])
    assert dict(caught.value.values)["PropertyName"] == "value[3].resourceFiles[0].filePath"


@pytest.mark.parametrize("path", ["a", "a/b/c.txt", "..a/b..", "a b/ü"])
def test_a_file_may_lie_anywhere_inside(path: str) -> None:
    assert accept(resourceFiles=[{**FILE, "filePath": path}])


def test_a_single_file_needs_a_path() -> None:
    with pytest.raises(BatchError) as caught:
        accept(resourceFiles=[{"httpUrl": "http://h/c/b"}])
    assert caught.value.code == "MissingRequiredProperty"
    assert accept(resourceFiles=[{"storageContainerUrl": "http://h/c"}])


@pytest.mark.parametrize(("count", "fits"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_collection_has_1_to_100_tasks(count: int, fits: bool) -> None:
    one = BatchTaskCreateOptions(id="t", command_line="true")
    try:
        tasks.check_group(BatchTaskGroup(value=(one,) * count))
        accepted = True
    except BatchError:
        accepted = False
    assert accepted is fits
