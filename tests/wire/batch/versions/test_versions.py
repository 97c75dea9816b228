"""The versions that were: which properties each had, and what it said otherwise."""

from __future__ import annotations

import copy
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
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.models.pools import BatchPool, BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTask, BatchTaskCreateOptions, BatchTaskGroup
from batchite.wire.batch.validation.pools import accept
from batchite.wire.batch.versions import NEWEST, OLDER, REGISTRY, clients
from batchite.wire.batch.versions.registry import Version
from batchite.wire.ticks import INFINITE

LIFETIMES: dict[str, dict[str, str]] = json.loads(
    (Path(__file__).parent / "lifetimes.json").read_text(encoding="utf-8")
)
"""By model and property from which version to which it was there, as Microsoft's clients of the time have it;
what is not told has always been there."""
TEXTS = [*OLDER, NEWEST]
OWN_NAMES = {"formerOSDisk": "osDisk"}
"""How models call a property whose name another has in newer versions."""


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
    yield from (one.name for one in shapes.properties(model) if one.name not in told | OWN_NAMES.keys())


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
        ("2018-12-01.8.0", {"osVersion": "v2"}, {"osVersion": "v2"}),
        ("2018-08-01.7.0", {"targetOSVersion": "v2"}, {"targetOSVersion": "v2", "currentOSVersion": "v2"}),
        ("2016-07-01.3.1", {"currentOSVersion": "v1"}, {"targetOSVersion": "*", "currentOSVersion": "*"}),
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
    ("service", "code", "name", "why"),
    [
        ({"osFamily": "7"}, "InvalidPropertyValue", ".osFamily", "must be one of 2, 3, 4, 5, 6"),
        ({"osFamily": 4}, "InvalidRequestBody", ".osFamily", "must be text, not a whole number"),
        ({"osFamily": ["4"]}, "InvalidRequestBody", ".osFamily", "must be text"),
        ({}, "MissingRequiredProperty", ".osFamily", "osFamily is required"),
        ("4", "InvalidRequestBody", "", "must be an object"),
        ({"osFamily": "4", "osVersion": 1}, "InvalidRequestBody", ".osVersion", "must be text"),
        ({"osFamily": "4", "osVersions": "1"}, "InvalidRequestBody", ".osVersions", "Did you mean osVersion"),
        ({"osFamily": "4", "targetOSVersion": "1"}, "InvalidRequestBody", ".targetOSVersion", "no property"),
    ],
)
def test_cloud_services_that_are_none(service: object, code: str, name: str, why: str) -> None:
    own = {"cloudServiceConfiguration": service}
    pool = {"vmSize": "s", **own}
    auto = {"autoPoolSpecification": {"poolLifetimeOption": "job", "pool": pool}}
    for model, where, body in (
        (BatchPoolCreateOptions, "", {"id": "p", **pool}),
        (BatchJobCreateOptions, "poolInfo.autoPoolSpecification.pool.", {"id": "j", "poolInfo": auto}),
    ):
        with pytest.raises(PropertyError, match=why) as caught:
            lifted("2019-08-01.10.0", model, copy.deepcopy(body))
        assert caught.value.code == code
        assert caught.value.name == f"{where}cloudServiceConfiguration{name}"


def test_cloud_services_of_another_version() -> None:
    service = {"osFamily": "4", "osVersion": "1"}
    with pytest.raises(PropertyError, match="Did you mean targetOSVersion") as caught:
        lifted(
            "2018-08-01.7.0",
            BatchPoolCreateOptions,
            {"id": "p", "vmSize": "s", "cloudServiceConfiguration": service},
        )
    assert caught.value.name == "cloudServiceConfiguration.osVersion"


def test_a_pool_is_of_a_cloud_service_or_of_an_image() -> None:
    both = {"cloudServiceConfiguration": {"osFamily": "4"}, "virtualMachineConfiguration": {}}
    with pytest.raises(PropertyError, match="together with virtualMachineConfiguration"):
        lifted("2019-08-01.10.0", BatchPoolCreateOptions, {"id": "p", "vmSize": "s", **both})


def test_other_pools_show_their_machines() -> None:
    machine = {"imageReference": {"publisher": "p", "offer": "o", "sku": "4"}, "nodeAgentSKUId": "n"}
    body = {"id": "p", "virtualMachineConfiguration": machine}
    assert lowered("2016-07-01.3.1", BatchPool, dict(body)).keys() >= {"virtualMachineConfiguration"}
    assert lowered("2016-07-01.3.1", BatchPool, {"id": "p"})["id"] == "p"


CERTIFICATES = [{"thumbprint": "t", "thumbprintAlgorithm": "sha1", "visibility": ["Task"]}]


@pytest.mark.parametrize(
    ("name", "value", "last"),
    [
        ("certificateReferences", CERTIFICATES, "2024-07-01.20.0"),
        ("resourceTags", {"a": "b"}, "2024-07-01.20.0"),
        ("targetNodeCommunicationMode", "classic", "2024-07-01.20.0"),
        ("applicationLicenses", ["maya"], "2024-02-01.19.0"),
    ],
)
def test_what_went_is_kept_for_those_who_know_it(name: str, value: object, last: str) -> None:
    pool = {"id": "p", "vmSize": "s", name: value}
    body = lifted(last, BatchPoolCreateOptions, dict(pool))
    codec.convert(body, BatchPoolCreateOptions)
    assert lowered(last, BatchPool, dict(body)) == {**pool, **SHOWN_IN_2024}
    later = TEXTS[TEXTS.index(last) + 1]
    assert name not in lowered(later, BatchPool, dict(body))
    assert name not in REGISTRY.resolve(later).names(BatchPool)
    if later != NEWEST:
        with pytest.raises(PropertyError, match=f"{name}: no property of this name"):
            lifted(later, BatchPoolCreateOptions, dict(pool))


MANY = f"[{'9' * 5000}]"


def decoded(version: Version, body: dict[str, Any]) -> None:
    """As a body of a job is, by a client of the version."""
    if version.is_newest:
        codec.decode(json.dumps(body).encode(), BatchJobCreateOptions)
    version.lift(BatchJobCreateOptions, body)
    codec.convert(body, BatchJobCreateOptions)


@pytest.mark.parametrize(
    "name", ["", ".", "..", "`", "[1]", MANY, f"x` - at `${MANY}", " - at `$.poolInfo[5].a`"]
)
def test_a_name_that_nobody_gives_is_refused_at_every_version(name: str) -> None:
    """Also one that looks like what a decoder says of places."""
    for version in REGISTRY:
        for body in ({name: 1}, {"id": "j", "poolInfo": {name: {name: 1}}}, {"metadata": [{name: name}]}):
            with pytest.raises(PropertyError) as caught:
                decoded(version, body)
            said = version.respelled(caught.value, BatchJobCreateOptions)
            assert "no property of this name is known here" in said.message or "is required" in said.message


SHOWN_IN_2024 = {"currentNodeCommunicationMode": "simplified"}


def test_the_newest_knows_nothing_of_what_went() -> None:
    newest = REGISTRY.newest
    pool = codec.convert({"id": "p", "vmSize": "s", "resourceTags": {}}, BatchPoolCreateOptions)
    with pytest.raises(PropertyError, match="resourceTags: no property of this name") as caught:
        newest.check_hidden(pool)
    assert caught.value.code == "InvalidRequestBody"
    inner = {"pool": pool, "poolLifetimeOption": "job"}
    job = {"id": "j", "poolInfo": {"autoPoolSpecification": inner}}
    job_pool = codec.to_builtins(job)
    job_pool["poolInfo"]["autoPoolSpecification"]["pool"].pop("id")
    with pytest.raises(PropertyError) as caught:
        newest.check_hidden(codec.convert(job_pool, BatchJobCreateOptions))
    assert caught.value.name == "poolInfo.autoPoolSpecification.pool.resourceTags"
    assert codec.to_builtins(newest.shown(pool)) == {"id": "p", "vmSize": "s"}
    plain = codec.convert({"id": "p", "vmSize": "s"}, BatchPoolCreateOptions)
    newest.check_hidden(plain)
    assert newest.shown(plain) is plain


def test_disks_of_old_pools() -> None:
    machine = {"imageReference": {"publisher": "p", "offer": "o", "sku": "s"}, "nodeAgentSKUId": "n"}
    disk = {"imageUris": ["http://h/d"]}
    own = {"id": "p", "virtualMachineConfiguration": {"nodeAgentSKUId": "n", "osDisk": disk}}
    body = lifted("2017-05-01.5.0", BatchPoolCreateOptions, copy.deepcopy(own))
    assert body["virtualMachineConfiguration"] == {
        "imageReference": {}, "nodeAgentSKUId": "n", "formerOSDisk": disk,
    }  # fmt: skip
    assert lowered("2017-05-01.5.0", BatchPool, copy.deepcopy(body)) == own
    assert lowered("2019-06-01.9.0", BatchPool, copy.deepcopy(body))["virtualMachineConfiguration"] == {
        "imageReference": {}, "nodeAgentSKUId": "n",
    }  # fmt: skip
    cached = {"id": "p", "virtualMachineConfiguration": {**machine, "osDisk": {"caching": "none"}}}
    body = lifted("2018-08-01.7.0", BatchPoolCreateOptions, copy.deepcopy(cached))
    assert body["virtualMachineConfiguration"] == {**machine, "formerOSDisk": {"caching": "none"}}
    assert lowered("2018-08-01.7.0", BatchPool, body) == cached


def test_machines_of_2017_have_an_image_or_a_disk() -> None:
    for machine, missing in (
        ({"imageReference": {"publisher": "p", "sku": "s"}}, "imageReference.offer"),
        ({"osDisk": {"caching": "none"}}, "osDisk.imageUris"),
    ):
        pool = {"id": "p", "virtualMachineConfiguration": {**machine, "nodeAgentSKUId": "n"}}
        with pytest.raises(PropertyError) as caught:
            lifted("2017-05-01.5.0", BatchPoolCreateOptions, pool)
        assert caught.value.name == f"virtualMachineConfiguration.{missing}"
