"""Pools to add: rules and defaults."""

from __future__ import annotations

import json
from typing import Any

import pytest

from batchite.wire.batch import codec
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.validation import pools

IMAGE = {"publisher": "canonical", "offer": "0001-com-ubuntu-server-jammy", "sku": "22_04-lts"}
MACHINE = {"imageReference": IMAGE, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}
MINIMAL = {"id": "p", "vmSize": "Standard_D2s_v3", "virtualMachineConfiguration": MACHINE}


def accepted(options: object) -> Any:
    """As a client reads it."""
    return json.loads(codec.encode(options))


def accept(**properties: object) -> dict[str, object]:
    body = json.dumps({**MINIMAL, **properties}).encode()
    found: dict[str, object] = accepted(pools.accept(codec.decode(body, BatchPoolCreateOptions)))
    return found


def test_a_minimal_pool_gets_the_documented_defaults() -> None:
    assert accept() == {
        "id": "p",
        "vmSize": "Standard_D2s_v3",
        "virtualMachineConfiguration": {**MACHINE, "imageReference": {**IMAGE, "version": "latest"}},
        "resizeTimeout": "PT15M",
        "targetDedicatedNodes": 0,
        "targetLowPriorityNodes": 0,
        "enableAutoScale": False,
        "enableInterNodeCommunication": False,
        "taskSlotsPerNode": 1,
        "taskSchedulingPolicy": {"jobDefaultOrder": "none", "nodeFillType": "Spread"},
    }


def test_a_start_task_gets_its_defaults() -> None:
    assert accept(startTask={"commandLine": "true"})["startTask"] == {
        "commandLine": "true",
        "userIdentity": {"autoUser": {"scope": "task", "elevationLevel": "nonadmin"}},
        "maxTaskRetryCount": 0,
        "waitForSuccess": True,
    }
    start_task = {"commandLine": "true", "waitForSuccess": False, "maxTaskRetryCount": -1}
    found = accept(startTask=start_task)["startTask"]
    assert isinstance(found, dict)
    assert start_task.items() <= found.items()


def test_slots_go_up_to_four_per_core() -> None:
    assert accept(taskSlotsPerNode=8)["taskSlotsPerNode"] == 8
    assert accept(vmSize="Standard_HB120rs_v3", taskSlotsPerNode=256)["taskSlotsPerNode"] == 256


@pytest.mark.parametrize(
    ("properties", "name"),
    [
        ({"id": "p:1"}, "id"),
        ({"vmSize": "huge"}, "vmSize"),
        ({"targetDedicatedNodes": -1}, "targetDedicatedNodes"),
        ({"targetLowPriorityNodes": -1}, "targetLowPriorityNodes"),
        ({"resizeTimeout": "PT4M59S"}, "resizeTimeout"),
        ({"taskSlotsPerNode": 0}, "taskSlotsPerNode"),
        ({"taskSlotsPerNode": 9}, "taskSlotsPerNode"),
        ({"vmSize": "Standard_HB120rs_v3", "taskSlotsPerNode": 257}, "taskSlotsPerNode"),
        ({"startTask": {"commandLine": ""}}, "startTask.commandLine"),
        ({"startTask": {"commandLine": "x", "maxTaskRetryCount": -2}}, "startTask.maxTaskRetryCount"),
        ({"startTask": {"commandLine": "x" * 33_000}}, "startTask"),
        (
            {
                "startTask": {
                    "commandLine": "x",
                    "resourceFiles": [{"httpUrl": "http://h/b", "filePath": "../b"}],
                }
            },
            "startTask.resourceFiles[0].filePath",
        ),
        (
            {
                "virtualMachineConfiguration": {
                    **MACHINE,
                    "imageReference": {**IMAGE, "sku": "2022-datacenter"},
                }
            },
            "virtualMachineConfiguration.imageReference",
        ),
        (
            {"virtualMachineConfiguration": {**MACHINE, "nodeAgentSKUId": "batch.node.debian 12"}},
            "virtualMachineConfiguration.nodeAgentSKUId",
        ),
    ],
)
def test_rules_are_enforced_by_name(properties: dict[str, object], name: str) -> None:
    with pytest.raises(BatchError) as caught:
        accept(**properties)
    assert (caught.value.status, caught.value.code) == (400, "InvalidPropertyValue")
    assert dict(caught.value.values)["PropertyName"] == name


def test_metadata_needs_names() -> None:
    with pytest.raises(BatchError, match="EmptyMetadataKey"):
        accept(metadata=[{"name": "", "value": "x"}])


def test_a_pool_needs_its_machines() -> None:
    with pytest.raises(BatchError, match="MissingRequiredProperty"):
        accept(virtualMachineConfiguration=None)


def test_a_list_of_files_may_not_be_too_large() -> None:
    files = [{"httpUrl": "http://h/f", "filePath": "x" * 100}] * 300
    with pytest.raises(BatchError, match=r"startTask\.resourceFiles has \d+ characters") as caught:
        accept(startTask={"commandLine": "x", "resourceFiles": files})
    assert (caught.value.code, caught.value.status) == ("RequestEntityTooLarge", 413)


def test_what_is_not_honoured_is_refused() -> None:
    with pytest.raises(BatchError, match="UnsupportedProperty"):
        accept(mountConfiguration=[{}])
    file = {"httpUrl": "http://h/f", "filePath": "f", "identityReference": {"resourceId": "/i"}}
    with pytest.raises(BatchError, match=r"startTask\.resourceFiles\[0\]\.identityReference"):
        accept(startTask={"commandLine": "x", "resourceFiles": [file]})
