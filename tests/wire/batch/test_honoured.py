"""The table of what is not honoured yet."""

from __future__ import annotations

import pytest

from batchite.wire.batch import codec, honoured
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.honoured import OWNERS, TABLE, Met
from batchite.wire.batch.models import shapes
from batchite.wire.batch.models.fields import Model
from batchite.wire.batch.models.machines import BatchVmDiskSecurityProfile
from batchite.wire.batch.models.networks import BatchInboundNatPool
from batchite.wire.batch.models.pools import BatchPoolCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions
from batchite.wire.batch.models.transfers import ResourceFile

MINIMAL: dict[str, dict[str, object]] = {
    "pool": {"id": "p", "vmSize": "Standard_D2s_v3"},
    "start task": {"commandLine": "true"},
    "job": {"id": "j", "poolInfo": {}},
    "task": {"id": "t", "commandLine": "true"},
}
WITHIN: dict[str, dict[str, object]] = {
    "virtualMachineConfiguration": {"imageReference": {}, "nodeAgentSKUId": "batch.node.ubuntu 22.04"},
    "startTask": MINIMAL["start task"],
    "jobManagerTask": {"id": "m", "commandLine": "true"},
    "jobPreparationTask": MINIMAL["start task"],
    "jobReleaseTask": MINIMAL["start task"],
    "autoPoolSpecification": {"poolLifetimeOption": "job"},
    "pool": {"vmSize": "Standard_D2s_v3"},
    "outputFiles[]": {"filePattern": "*", "uploadOptions": {"uploadCondition": "taskcompletion"}},
    "container": {"containerUrl": "http://h/c"},
}
"""What else a model has to have, by the property that holds it."""
VALUES: dict[str, object] = {
    "enableAutoScale": True,
    "userAccounts": [{"name": "n", "password": "hidden-word"}],
    "mountConfiguration": [{}],
    "dynamicVNetAssignmentScope": "job",
    "inboundNATPools": [
        {
            "name": "n",
            "protocol": "tcp",
            "backendPort": 1,
            "frontendPortRangeStart": 1,
            "frontendPortRangeEnd": 2,
        }
    ],
    "windowsConfiguration": {},
    "containerConfiguration": {"type": "dockerCompatible"},
    "dataDisks": [{"lun": 0, "diskSizeGB": 1}],
    "extensions": [{"name": "n", "publisher": "p", "type": "t"}],
    "targets": ["osdisk"],
    "customerManagedKey": {},
    "securityProfile": {},
    "containerSettings": {"imageName": "i"},
    "identityReference": {},
    "networkConfiguration": {"subnetId": "s"},
    "exitConditions": {},
    "taskIds": ["a"],
    "taskIdRanges": [{"start": 1, "end": 2}],
    "multiInstanceSettings": {"coordinationCommandLine": "true"},
    "autoScaleEvaluationInterval": "PT5M",
    "retentionTime": "PT1H",
}


def request_with(owner: str, path: str) -> bytes:
    """A minimal request in which the property of this path has a value."""
    name, _, rest = path.partition(".")
    return codec.encode({**MINIMAL[owner], **nest(name, rest)})


def nest(name: str, rest: str) -> dict[str, object]:
    if not rest:
        return {name: VALUES.get(name, "text")}
    inner = {**WITHIN.get(name, {}), **nest(*rest.partition(".")[::2])}
    return {name.removesuffix("[]"): [inner] if name.endswith("[]") else inner}


REFUSED = [
    (owner, met)
    for owner, model in OWNERS.items()
    for met in honoured.within(model)
    if met.entry.treatment == "refused"
]


@pytest.mark.parametrize(("owner", "met"), REFUSED, ids=lambda one: one.path if isinstance(one, Met) else one)
def test_what_the_table_refuses_is_refused_by_name_wherever_it_lies(owner: str, met: Met) -> None:
    model = codec.decode(request_with(owner, met.path), OWNERS[owner])
    with pytest.raises(BatchError) as caught:
        honoured.check(model, "here.")
    name = "here." + met.path.replace("[]", "[0]")
    assert caught.value.code == "UnsupportedProperty"
    assert dict(caught.value.values)["PropertyName"] == name
    assert met.entry.note in caught.value.message
    assert "hidden-word" not in caught.value.message


def test_a_property_is_told_once_and_found_wherever_its_model_lies() -> None:
    paths = {met.path for met in honoured.within(BatchPoolCreateOptions) if met.model is ResourceFile}
    assert "startTask.resourceFiles[].identityReference" in paths
    entries = [entry for entry in TABLE if issubclass(ResourceFile, entry.model)]
    assert [entry.property for entry in entries] == ["identityReference"]


def test_every_item_of_a_list_is_looked_at() -> None:
    files = [
        {"httpUrl": "http://h/f", "filePath": "f"},
        {"storageContainerUrl": "http://h/c", "identityReference": {}},
    ]
    task = codec.encode({**MINIMAL["task"], "resourceFiles": files})
    with pytest.raises(BatchError, match=r"resourceFiles\[1\]\.identityReference: "):
        honoured.check(codec.decode(task, BatchTaskCreateOptions))


def test_what_lies_below_a_refused_property_is_not_told_apart() -> None:
    paths = {met.path for met in honoured.within(BatchTaskCreateOptions)}
    assert "multiInstanceSettings" in paths
    assert not [path for path in paths if path.startswith("multiInstanceSettings.")]


@pytest.mark.parametrize("owner", OWNERS)
def test_a_minimal_request_is_not_refused(owner: str) -> None:
    honoured.check(codec.decode(codec.encode(MINIMAL[owner]), OWNERS[owner]))


def test_values_that_ask_for_nothing_are_welcome() -> None:
    task = b'{"id":"t","commandLine":"x","dependsOn":{"taskIds":[]},"outputFiles":[],"resourceFiles":[]}'
    honoured.check(codec.decode(task, BatchTaskCreateOptions))


def test_every_entry_is_told_once_and_says_what_happens() -> None:
    assert len({(entry.model, entry.property) for entry in TABLE}) == len(TABLE)
    assert all(entry.note for entry in TABLE)


def test_every_entry_names_a_property_of_its_model_that_requests_can_have() -> None:
    assert all(entry.property in names(entry.model) for entry in TABLE)
    met = {met.entry for model in OWNERS.values() for met in honoured.within(model)}
    assert met == set(TABLE)


def names(model: type[Model]) -> set[str]:
    return {one.name for one in shapes.properties(model)}


def test_a_model_that_no_entry_is_about_has_none() -> None:
    assert list(honoured.of_model(BatchInboundNatPool)) == ["networkSecurityGroupRules"]
    assert honoured.of_model(BatchVmDiskSecurityProfile) == {}
