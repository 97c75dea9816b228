"""The table of what is not honoured yet."""

from __future__ import annotations

import pytest

from batchite.wire.batch import codec, honoured
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.honoured import MODELS, TABLE, Owner
from batchite.wire.batch.models.jobs import BatchJobCreateOptions
from batchite.wire.batch.models.tasks import BatchTaskCreateOptions

MINIMAL: dict[Owner, dict[str, object]] = {
    "pool": {"id": "p", "vmSize": "Standard_D2s_v3"},
    "start task": {"commandLine": "true"},
    "job": {"id": "j", "poolInfo": {}},
    "task": {"id": "t", "commandLine": "true"},
}
MACHINE: dict[str, object] = {"imageReference": {}, "nodeAgentSKUId": "batch.node.ubuntu 22.04"}
VALUES: dict[str, object] = {
    "enableAutoScale": True,
    "usesTaskDependencies": True,
    "allowTaskPreemption": True,
    "applicationPackageReferences": [{"applicationId": "a"}],
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
    "jobManagerTask": {"id": "m", "commandLine": "true"},
    "jobPreparationTask": {"commandLine": "true"},
    "jobReleaseTask": {"commandLine": "true"},
    "autoPoolSpecification": {"poolLifetimeOption": "job"},
    "onTaskFailure": "performexitoptionsjobaction",
    "networkConfiguration": {"subnetId": "s"},
    "outputFiles": [
        {"filePattern": "*", "destination": {}, "uploadOptions": {"uploadCondition": "taskcompletion"}}
    ],
    "exitConditions": {},
    "taskIds": ["a"],
    "taskIdRanges": [{"start": 1, "end": 2}],
    "multiInstanceSettings": {"coordinationCommandLine": "true"},
    "autoScaleEvaluationInterval": "PT5M",
}


def request_with(owner: Owner, path: str) -> bytes:
    """A minimal request in which the property of this path has a value."""
    name, _, rest = path.partition(".")
    return codec.encode({**MINIMAL[owner], **nest(name, rest)})


def nest(name: str, rest: str) -> dict[str, object]:
    if not rest:
        return {name: VALUES.get(name, "text")}
    inner = nest(*rest.partition(".")[::2])
    if name == "virtualMachineConfiguration":
        inner = {**MACHINE, **inner}
    return {name.removesuffix("[]"): [inner] if name.endswith("[]") else inner}


REFUSED = [entry for entry in TABLE if entry.treatment == "refused"]


@pytest.mark.parametrize("entry", REFUSED, ids=lambda entry: f"{entry.owner}:{entry.path}")
def test_what_the_table_refuses_is_refused_by_name(entry: honoured.Entry) -> None:
    model = codec.decode(request_with(entry.owner, entry.path), MODELS[entry.owner])
    with pytest.raises(BatchError) as caught:
        honoured.check(entry.owner, model, "here.")
    name = "here." + entry.path.replace("[]", "[0]")
    assert caught.value.code == "UnsupportedProperty"
    assert dict(caught.value.values)["PropertyName"] == name
    assert entry.note in caught.value.message
    assert "hidden-word" not in caught.value.message


@pytest.mark.parametrize("owner", MODELS)
def test_a_minimal_request_is_not_refused(owner: Owner) -> None:
    honoured.check(owner, codec.decode(codec.encode(MINIMAL[owner]), MODELS[owner]))


def test_values_that_ask_for_nothing_are_welcome() -> None:
    job = b'{"id":"j","poolInfo":{},"usesTaskDependencies":false,"onTaskFailure":"NoAction"}'
    honoured.check("job", codec.decode(job, BatchJobCreateOptions))
    task = b'{"id":"t","commandLine":"x","dependsOn":{"taskIds":[]},"outputFiles":[],"resourceFiles":[]}'
    honoured.check("task", codec.decode(task, BatchTaskCreateOptions))


def test_every_entry_is_told_once_and_says_what_happens() -> None:
    assert len({(entry.owner, entry.path) for entry in TABLE}) == len(TABLE)
    assert all(entry.note for entry in TABLE)
