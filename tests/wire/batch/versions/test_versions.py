"""The versions that were: which properties each had, and what it said otherwise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.wire.batch.test_models import MODELS

from batchite.wire.batch import codec
from batchite.wire.batch.errors import PropertyError
from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.containers import BatchContainerConfiguration
from batchite.wire.batch.models.counts import BatchTaskCountsResult
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.pools import BatchPool, BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTask, BatchTaskCreateOptions, BatchTaskGroup
from batchite.wire.batch.validation.pools import accept
from batchite.wire.batch.versions import NEWEST, OLDER, REGISTRY, clients
from batchite.wire.ticks import INFINITE

LIFETIMES: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "lifetimes.json").read_text(encoding="utf-8")
)
"""By model and property from which version to which it was there, as Microsoft's clients of the time have it;
what is not told has always been there."""
TEXTS = [*OLDER, NEWEST]


def lives(lifetime: str, version: str) -> bool:
    """Whether a version lies in one of the spans, such as `from A to B, from C`."""
    for span in lifetime.split(", "):
        first, _, last = span.removeprefix("from ").partition("to ")
        if (first.strip() or TEXTS[0]) <= version <= (last.strip() or NEWEST):
            return True
    return False


def known(model: type[Model], version: str) -> Iterator[str]:
    told = LIFETIMES.get(model.__name__, {})
    yield from (name for name, lifetime in told.items() if lives(lifetime, version))
    yield from (one.name for one in shapes.properties(model) if one.name not in told)


@pytest.mark.parametrize("text", TEXTS)
def test_each_model_has_the_properties_that_it_had(text: str) -> None:
    version = REGISTRY.resolve(text)
    compared = [model for model in MODELS if set(known(model, text))]
    wrong = {
        model.__name__: version.names(model) ^ set(known(model, text))
        for model in compared
        if version.names(model) != set(known(model, text))
    }
    assert not wrong
    assert len(compared) > 40


def test_each_version_is_the_one_of_a_client() -> None:
    assert list(clients.RELEASES) == TEXTS


def test_spans_of_versions_are_read_rightly() -> None:
    span = "from 2017-01-01.4.0 to 2018-08-01.7.0, from 2021-06-01.14.0"
    assert [text for text in TEXTS if not lives(span, text)] == [
        *TEXTS[: TEXTS.index("2017-01-01.4.0")],
        *TEXTS[TEXTS.index("2018-12-01.8.0") : TEXTS.index("2021-06-01.14.0")],
    ]
    assert lives("to 2018-08-01.7.0", TEXTS[0])
    assert not lives("to 2018-08-01.7.0", NEWEST)


def lifted(text: str, model: type[Model], body: dict[str, Any]) -> Any:
    REGISTRY.resolve(text).lift(model, body)
    return body


def lowered(text: str, model: type[Model], body: dict[str, Any]) -> Any:
    REGISTRY.resolve(text).lower(model, body)
    return body


TASK = {"id": "t", "commandLine": "c"}


def test_2016_elevated_tasks() -> None:
    for elevated, level in ((True, "admin"), (False, "nonadmin")):
        identity = {"autoUser": {"elevationLevel": level}}
        old, new = {**TASK, "runElevated": elevated}, {**TASK, "userIdentity": identity}
        assert lifted("2016-07-01.3.1", BatchTaskCreateOptions, dict(old)) == new
        assert lowered("2016-07-01.3.1", BatchTask, dict(new)) == old
    with pytest.raises(PropertyError, match='runElevated is "yes": it must be true or false') as caught:
        lifted("2016-07-01.3.1", BatchTaskGroup, {"value": [TASK, {**TASK, "runElevated": "yes"}]})
    assert caught.value.name == "value[1].runElevated"
    with pytest.raises(PropertyError, match="runElevated: no property of this name"):
        lifted("2017-01-01.4.0", BatchTaskCreateOptions, {**TASK, "runElevated": True})


def test_2016_pools() -> None:
    body = {
        "id": "p", "vmSize": "STANDARD_A1", "targetDedicated": 2, "maxTasksPerNode": 4,
        "startTask": {"commandLine": "c", "runElevated": True,
                      "resourceFiles": [{"blobSource": "http://h/f", "filePath": "f"}]},
    }  # fmt: skip
    pool = codec.convert(lifted("2016-07-01.3.1", BatchPoolCreateOptions, body), BatchPoolCreateOptions)
    assert (pool.target_dedicated_nodes, pool.task_slots_per_node) == (2, 4)
    start = pool.start_task
    assert start
    assert start.wait_for_success is False
    assert start.user_identity == codec.convert(
        {"autoUser": {"elevationLevel": "admin"}}, type(start.user_identity)
    )
    assert start.resource_files
    assert start.resource_files[0].http_url == "http://h/f"


def test_2016_answers() -> None:
    errors = ({"code": "A"}, {"code": "B"})
    pool = {"targetDedicatedNodes": 2, "currentDedicatedNodes": 1, "currentLowPriorityNodes": 0,
            "taskSlotsPerNode": 4, "resizeErrors": errors}  # fmt: skip
    assert lowered("2016-07-01.3.1", BatchPool, pool) == {
        "targetDedicated": 2, "currentDedicated": 1, "maxTasksPerNode": 4,
        "resizeError": {"code": "A"},
    }  # fmt: skip


def test_2016_tasks_that_failed() -> None:
    for code, error in (("FailureExitCode", None), ("BlobNotFound", {"code": "BlobNotFound"})):
        info = {"retryCount": 0, "result": "failure", "failureInfo": {"code": code}}
        shown = lowered("2017-01-01.4.0", BatchTask, {"id": "t", "executionInfo": info})["executionInfo"]
        assert shown.get("schedulingError") == error
        assert set(shown) <= {"retryCount", "schedulingError"}


@pytest.mark.parametrize("text", ["2016-07-01.3.1", "2018-08-01.7.0"])
def test_files_came_from_blobs_only(text: str) -> None:
    body = {**TASK, "resourceFiles": [{"httpUrl": "http://h/f", "filePath": "f"}]}
    with pytest.raises(PropertyError, match=r"Did you mean blobSource\?|no property"):
        lifted(text, BatchTaskCreateOptions, body)
    with pytest.raises(PropertyError) as caught:
        lifted(text, BatchTaskCreateOptions, {**TASK, "resourceFiles": [{"blobSource": "http://h/f"}]})
    assert caught.value.name == "resourceFiles[0].filePath"


def test_files_of_tasks_were_kept_for_ever() -> None:
    constraints = {"maxTaskRetryCount": 1}
    body = lifted("2018-08-01.7.0", BatchTaskCreateOptions, {**TASK, "constraints": dict(constraints)})
    assert body["constraints"]["retentionTime"] == str(INFINITE)
    body = lifted("2018-12-01.8.0", BatchTaskCreateOptions, {**TASK, "constraints": dict(constraints)})
    assert body["constraints"] == constraints


def test_start_tasks_were_not_waited_for() -> None:
    for text, waits in (("2019-06-01.9.0", False), ("2019-08-01.10.0", None)):
        body = {"id": "p", "vmSize": "s", "startTask": {"commandLine": "c"}}
        assert lifted(text, BatchPoolCreateOptions, body)["startTask"].get("waitForSuccess") is waits


def test_task_counts_were_flat() -> None:
    counts = {"active": 1, "running": 2, "completed": 3, "succeeded": 2, "failed": 1}
    newest = {"taskCounts": counts, "taskSlotCounts": counts}
    assert lowered("2020-03-01.11.0", BatchTaskCountsResult, dict(newest)) == counts
    assert lowered("2018-03-01.6.1", BatchTaskCountsResult, dict(newest)) == {
        **counts,
        "validationStatus": "validated",
    }
    assert lowered("2020-09-01.12.0", BatchTaskCountsResult, dict(newest)) == newest


def test_containers_were_of_docker() -> None:
    body = lifted("2018-03-01.6.1", BatchContainerConfiguration, {"type": "docker"})
    assert body == {"type": "dockerCompatible"}


def test_pools_of_cloud_services_are_pools_of_windows() -> None:
    pool = {"id": "p", "vmSize": "s"}
    for version, asked, shown in (
        ("2019-08-01.10.0", {"osVersion": "v2"}, {"osVersion": "v2"}),
        ("2019-08-01.10.0", {}, {"osVersion": "*"}),
        ("2016-07-01.3.1", {"targetOSVersion": "v2"}, {"targetOSVersion": "v2", "currentOSVersion": "v2"}),
    ):
        body = {**pool, "cloudServiceConfiguration": {"osFamily": "4", **asked}}
        lift = lifted(version, BatchPoolCreateOptions, body)
        options = codec.decode(json.dumps(lift).encode(), BatchPoolCreateOptions)
        machine = accept(msgspec.structs.replace(options, vm_size="small")).virtual_machine_configuration
        assert machine
        assert machine.node_agent_sku_id == "batch.node.windows amd64"
        answer = lowered(version, BatchPool, lift)
        assert answer["cloudServiceConfiguration"] == {"osFamily": "4", **shown}
        assert "virtualMachineConfiguration" not in answer


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"cloudServiceConfiguration": {"osFamily": "7"}}, "osFamily must be one of 2, 3, 4, 5, 6"),
        ({"cloudServiceConfiguration": {"osFamily": 4}}, "as text"),
        ({"cloudServiceConfiguration": {"osFamily": ["4"]}}, "as text"),
        ({"cloudServiceConfiguration": "4"}, "osFamily must be one of"),
        ({"cloudServiceConfiguration": {"osFamily": "4", "osVersion": 1}}, "osVersion must be text"),
        (
            {"cloudServiceConfiguration": {"osFamily": "4"}, "virtualMachineConfiguration": {}},
            "goes without virtualMachineConfiguration",
        ),
    ],
)
def test_cloud_services_that_are_none(more: dict[str, Any], why: str) -> None:
    with pytest.raises(PropertyError, match=why) as caught:
        lifted("2019-08-01.10.0", BatchPoolCreateOptions, {"id": "p", "vmSize": "s", **more})
    assert caught.value.name == "cloudServiceConfiguration"


def test_other_pools_show_their_machines() -> None:
    machine = {"imageReference": {"publisher": "p", "offer": "o", "sku": "4"}, "nodeAgentSKUId": "n"}
    body = {"id": "p", "virtualMachineConfiguration": machine}
    assert lowered("2016-07-01.3.1", BatchPool, dict(body)).keys() >= {"virtualMachineConfiguration"}
    assert lowered("2016-07-01.3.1", BatchPool, {"id": "p"})["id"] == "p"


def test_pools_with_certificates_are_refused() -> None:
    pool = {"id": "p", "vmSize": "s"}
    for name, value in (
        ("certificateReferences", [{"thumbprint": "t", "thumbprintAlgorithm": "sha1"}]),
        ("applicationLicenses", ["maya"]),
    ):
        with pytest.raises(PropertyError) as caught:
            lifted("2019-08-01.10.0", BatchPoolCreateOptions, {**pool, name: value})
        assert (caught.value.code, caught.value.name) == ("UnsupportedProperty", name)
    welcome = {"certificateReferences": [], "cloudServiceConfiguration": None, "applicationLicenses": []}
    assert lifted("2019-08-01.10.0", BatchPoolCreateOptions, {**pool, **welcome}) == pool


def test_disks_of_old_pools() -> None:
    machine = {"imageReference": {"publisher": "p", "offer": "o", "sku": "s"}, "nodeAgentSKUId": "n"}
    own = {"id": "p", "virtualMachineConfiguration": {**machine, "osDisk": {"imageUris": ["http://h/d"]}}}
    with pytest.raises(PropertyError, match="images of one's own do not run here") as caught:
        lifted("2017-05-01.5.0", BatchPoolCreateOptions, own)
    assert caught.value.name == "virtualMachineConfiguration.osDisk"
    cached = {"id": "p", "virtualMachineConfiguration": {**machine, "osDisk": {"caching": "none"}}}
    body = lifted("2018-08-01.7.0", BatchPoolCreateOptions, cached)
    assert body["virtualMachineConfiguration"] == machine
