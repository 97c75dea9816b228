"""Everything that is said of a pool is kept and shown again, but for secrets."""

import copy
import json
from typing import Any

import msgspec
import pytest
from azure.batch import models
from tests.batch.pools.whole import MACHINE, PAST, POOL
from tests.batch.service import VERSION, Api
from tests.batch.whole import SECRET, for_the_client, lowered, unsaid, without_secrets

from batchite.store.batch import schema
from batchite.wire.batch import codec
from batchite.wire.batch.models.images import BatchVmImageReference
from batchite.wire.batch.models.pools import BatchPool, BatchPoolCreateOptions
from batchite.wire.batch.versions import NEWEST, OLDER, REGISTRY

ALTERNATIVES = {
    "virtualMachineConfiguration.imageReference.virtualMachineImageId",
    "virtualMachineConfiguration.imageReference.sharedGalleryImageId",
    "virtualMachineConfiguration.imageReference.communityGalleryImageId",
    "startTask.userIdentity.autoUser",
    "startTask.resourceFiles.storageContainerUrl",
    "startTask.resourceFiles.blobPrefix",
    "startTask.resourceFiles.autoStorageContainerName",
}
"""What goes instead of something that is said."""


def test_the_pool_says_everything() -> None:
    left_out = unsaid(BatchPoolCreateOptions, [POOL])
    assert {name for name in left_out if not name.endswith(OF_NEIGHBOURS)} == ALTERNATIVES


OF_NEIGHBOURS = ("autoScaleFormula", "autoScaleEvaluationInterval")


async def test_all_of_it_comes_back(api: Api) -> None:
    assert (await api.post("/pools", POOL)).status == 201
    shown = (await api.get("/pools/whole")).json
    assert {name: shown.get(name) for name in POOL} == without_secrets(POOL)
    listed = (await api.get("/pools")).json["value"][0]
    assert listed == {name: value for name, value in shown.items() if name != "odata.metadata"}


async def test_secrets_are_not_stored(api: Api) -> None:
    await api.post("/pools", POOL)
    assert SECRET not in str(await api.content())


async def test_all_of_it_comes_back_to_the_official_client(api: Api) -> None:
    body = for_the_client(POOL)
    async with api.async_client() as client:
        await client.create_pool(models.BatchPoolCreateOptions(copy.deepcopy(body)))
        pool = await client.get_pool("whole")
    sent = without_secrets(body)
    assert {name: pool.as_dict().get(name) for name in sent} == sent
    assert pool.user_accounts is not None
    assert (pool.user_accounts[0].name, pool.user_accounts[0].elevation_level) == ("anna", "admin")


async def test_all_of_it_comes_back_in_every_version(api: Api) -> None:
    for version in (*OLDER, NEWEST):
        id = f"of-{version}".replace(".", "-")
        whole = {**POOL, **({} if version == NEWEST else PAST), "id": id}
        body = lowered(BatchPoolCreateOptions, whole, version)
        assert set(body) <= REGISTRY.resolve(version).names(BatchPoolCreateOptions)
        added = await api.raw("POST", f"/pools?api-version={version}", body)
        assert added.status == 201, (version, added.body)
        shown = (await api.raw("GET", f"/pools/{id}?api-version={version}")).json
        assert {name: shown.get(name) for name in body} == without_secrets(body), version


async def test_a_disk_of_2017_comes_back(api: Api) -> None:
    machine = {"osDisk": {"imageUris": ["https://h/d.vhd"]}, "nodeAgentSKUId": "batch.node.debian 8"}
    pool = {"id": "p", "vmSize": "small", "virtualMachineConfiguration": machine}
    assert (await api.raw("POST", "/pools?api-version=2017-05-01.5.0", pool)).status == 201
    shown = (await api.raw("GET", "/pools/p?api-version=2017-05-01.5.0")).json
    assert shown["virtualMachineConfiguration"] == machine


IMAGES: list[dict[str, str]] = [
    {"virtualMachineImageId": "/subscriptions/s/images/i"},
    {"sharedGalleryImageId": "/sharedGalleries/g/images/i/versions/latest"},
    {"communityGalleryImageId": "/communityGalleries/g/images/i/versions/1.0.0"},
]


@pytest.mark.parametrize("image", IMAGES)
async def test_images_of_ones_own_are_taken_by_their_node_agent(api: Api, image: dict[str, str]) -> None:
    for agent, urn in (
        ("batch.node.debian 12", "debian:debian-12:12:latest"),
        ("batch.node.windows amd64", "microsoftwindowsserver:windowsserver:2022-datacenter:latest"),
    ):
        machine = {"imageReference": image, "nodeAgentSKUId": agent}
        await api.add_pool(
            agent.split()[0].replace(".", "") + agent.split()[1], virtualMachineConfiguration=machine
        )
        row = dict(zip(schema.pools.c.keys(), (await api.content())["pools"][-1], strict=True))
        assert msgspec.msgpack.decode(row["rules"])["image"] == urn
        assert (await api.get(f"/pools/{row['id']}")).json["virtualMachineConfiguration"] == machine


def machine(**changes: object) -> dict[str, Any]:
    return {"virtualMachineConfiguration": {**MACHINE, **changes}}


def disks(*luns: int, size: int = 1) -> dict[str, Any]:
    return machine(dataDisks=[{"lun": lun, "diskSizeGB": size} for lun in luns])


def extension(**changes: str) -> dict[str, str]:
    return {"name": "n", "publisher": "p", "type": "t", **changes}


def account(**changes: object) -> dict[str, Any]:
    return {"userAccounts": [{"name": "anna", "password": SECRET, **changes}]}


def rolling(**percent: int) -> dict[str, Any]:
    return {"upgradePolicy": {"mode": "rolling", "rollingUpgradePolicy": percent}}


_OF_MACHINES = "virtualMachineConfiguration"


@pytest.mark.parametrize(
    ("properties", "code", "name"),
    [
        (disks(64), "InvalidPropertyValue", f"{_OF_MACHINES}.dataDisks[0].lun"),
        (disks(1, 1), "InvalidPropertyValue", f"{_OF_MACHINES}.dataDisks"),
        (disks(0, size=0), "InvalidPropertyValue", f"{_OF_MACHINES}.dataDisks[0].diskSizeGB"),
        (machine(osDisk={"diskSizeGB": 0}), "InvalidPropertyValue", f"{_OF_MACHINES}.osDisk.diskSizeGB"),
        (machine(osDisk={"caching": "fast"}), "InvalidPropertyValue", f"{_OF_MACHINES}.osDisk.caching"),
        (machine(extensions=[extension(name="")]), "InvalidPropertyValue",
         f"{_OF_MACHINES}.extensions[0].name"),
        (machine(extensions=[extension(), extension(name="N")]), "InvalidPropertyValue",
         f"{_OF_MACHINES}.extensions"),
        (machine(extensions=[{"name": "n"}]), "MissingRequiredProperty",
         f"{_OF_MACHINES}.extensions[0].publisher"),
        (machine(extensions=[{**extension(), "protectedSettings": SECRET}]), "InvalidRequestBody",
         f"{_OF_MACHINES}.extensions[0].protectedSettings"),
        (machine(diskEncryptionConfiguration={"targets": ["osdisk"]}), "InvalidPropertyValue",
         f"{_OF_MACHINES}.diskEncryptionConfiguration.targets"),
        (machine(serviceArtifactReference={"id": ""}), "InvalidPropertyValue",
         f"{_OF_MACHINES}.serviceArtifactReference.id"),
        (machine(imageReference={**IMAGES[0], "publisher": "p"}), "InvalidPropertyValue",
         f"{_OF_MACHINES}.imageReference"),
        (machine(imageReference={**IMAGES[0], **IMAGES[1]}), "InvalidPropertyValue",
         f"{_OF_MACHINES}.imageReference"),
        (machine(imageReference=IMAGES[0], nodeAgentSKUId="none"), "InvalidPropertyValue",
         f"{_OF_MACHINES}.nodeAgentSKUId"),
        (machine(imageReference={}), "InvalidPropertyValue", f"{_OF_MACHINES}.imageReference"),
        ({"networkConfiguration": {"subnetId": ""}}, "InvalidPropertyValue", "networkConfiguration.subnetId"),
        ({"networkConfiguration": {"subnetId": {}}}, "InvalidRequestBody", "networkConfiguration.subnetId"),
        (rolling(maxBatchInstancePercent=4), "InvalidPropertyValue",
         "upgradePolicy.rollingUpgradePolicy.maxBatchInstancePercent"),
        (rolling(maxBatchInstancePercent=21, maxUnhealthyInstancePercent=20), "InvalidPropertyValue",
         "upgradePolicy.rollingUpgradePolicy.maxBatchInstancePercent"),
        ({"upgradePolicy": {}}, "MissingRequiredProperty", "upgradePolicy.mode"),
        (account(name=""), "InvalidPropertyValue", "userAccounts[0].name"),
        (account(name="x" * 21), "InvalidPropertyValue", "userAccounts[0].name"),
        (account(name="a\nb"), "InvalidPropertyValue", "userAccounts[0].name"),
        (account(name="Root"), "InvalidPropertyValue", "userAccounts[0].name"),
        (account(name="_azbatch"), "InvalidPropertyValue", "userAccounts[0].name"),
        (account(password=""), "MissingRequiredProperty", "userAccounts[0].password"),
        (account(password=None), "MissingRequiredProperty", "userAccounts[0].password"),
        (account(password=[SECRET]), "InvalidRequestBody", "userAccounts[0].password"),
        (account(password=None, Password=SECRET), "InvalidRequestBody", "userAccounts[0].Password"),
        ({"userAccounts": account()["userAccounts"][0]}, "InvalidRequestBody", "userAccounts"),
        (machine(extensions={**extension(), "protectedSettings": {"a": SECRET}}), "InvalidRequestBody",
         f"{_OF_MACHINES}.extensions"),
        (account(elevationLevel="high"), "InvalidPropertyValue", "userAccounts[0].elevationLevel"),
        (account(linuxUserConfiguration={"uid": 5}), "MissingRequiredProperty",
         "userAccounts[0].linuxUserConfiguration.gid"),
        (account(linuxUserConfiguration={"uid": 0, "gid": 0}), "InvalidPropertyValue",
         "userAccounts[0].linuxUserConfiguration.uid"),
        (account(linuxUserConfiguration={"sshPrivateKey": {"key": SECRET}}), "InvalidRequestBody",
         "userAccounts[0].linuxUserConfiguration.sshPrivateKey"),
        ({"userAccounts": account()["userAccounts"] + account(name="Anna")["userAccounts"]},
         "InvalidPropertyValue", "userAccounts"),
        ({"startTask": {"commandLine": "c", "userIdentity": {"username": " "}}}, "InvalidPropertyValue",
         "startTask.userIdentity.username"),
        ({"resourceTags": {}}, "InvalidRequestBody", "resourceTags"),
    ],
)  # fmt: skip
async def test_bad_values_are_refused_by_name(
    api: Api, properties: dict[str, Any], code: str, name: str
) -> None:
    answer = await api.post("/pools", {**POOL, **properties})
    assert answer.error == (400, code), answer.message
    assert {"key": "PropertyName", "value": name} in answer.json["values"]
    assert SECRET not in answer.body.decode()
    assert all(not rows for rows in (await api.content()).values())


def test_numbers_of_accounts_are_each_ones_own() -> None:
    body = {**POOL, "userAccounts": [{**POOL["userAccounts"][0], "name": name} for name in "ab"]}
    from batchite.wire.batch.errors import BatchError
    from batchite.wire.batch.validation.pools import accept

    options = codec.decode(json.dumps(body).encode(), BatchPoolCreateOptions)
    with pytest.raises(BatchError, match=r"userAccounts is 1234: it must have each .*uid once"):
        accept(options)


@pytest.mark.parametrize(
    ("state", "nodes"),
    [
        ({"allocation_state": "steady"}, 0),
        ({"allocation_state": "resizing", "target_dedicated": 2}, 0),
        ({"allocation_state": "stopping", "target_dedicated": 2}, 1),
        ({"allocation_state": "steady", "resize_errors": b'[{"code":"AllocationFailed","message":"m"}]'}, 1),
        ({"state": "deleting", "allocation_state": "resizing"}, 1),
    ],
)
async def test_in_every_state_a_pool_is_what_the_client_knows(
    api: Api, state: dict[str, Any], nodes: int
) -> None:
    await api.post("/pools", POOL)
    await api.update(schema.pools, **state)
    for number in range(nodes):
        await api.add_node(f"n{number}", "whole", dedicated=False)
    answer = await api.get("/pools/whole")
    shown = answer.json
    shown.pop("odata.metadata")
    codec.convert(shown, BatchPool)
    required = {field.encode_name for field in msgspec.structs.fields(BatchPool) if field.required} | {
        "allocationState",
        "allocationStateTransitionTime",
        "targetDedicatedNodes",
    }
    assert required <= shown.keys()
    assert ("resizeErrors" in shown) == ("resize_errors" in state)
    assert shown["currentLowPriorityNodes"] == nodes
    known = {field._rest_name for field in models.BatchPool({})._attr_to_rest_field.values()}
    assert shown.keys() <= known
    head = await api.raw("HEAD", f"/pools/whole?{VERSION}")
    assert (head.status, head.body, head.headers["ETag"]) == (200, b"", shown["eTag"])


def test_an_image_that_says_nothing_is_no_image_of_ones_own() -> None:
    from batchite.wire.batch import images
    from batchite.wire.batch.models.machines import VirtualMachineConfiguration

    nothing = VirtualMachineConfiguration(image_reference=BatchVmImageReference(), node_agent_sku_id="x")
    assert not images.is_own(nothing)
