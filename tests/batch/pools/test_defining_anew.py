"""Pools that are defined anew: PATCH, updateproperties, and what may change only while there are no nodes."""

from typing import Any

import pytest
from azure.batch import models
from azure.core import MatchConditions
from azure.core.exceptions import HttpResponseError, ResourceExistsError
from tests.batch.service import IMAGE, VERSION, Answer, Api

from batchite.resources.rules import PoolRules, StartTaskRules, encode
from batchite.store.batch import schema

START = {"commandLine": "/bin/true"}
OF_EMPTY_POOLS: dict[str, Any] = {
    "displayName": "Anna's",
    "vmSize": "standard_d4s_v3",
    "enableInterNodeCommunication": True,
    "virtualMachineConfiguration": {**IMAGE, "licenseType": "Windows_Server"},
    "taskSlotsPerNode": 4,
    "taskSchedulingPolicy": {"nodeFillType": "Pack", "jobDefaultOrder": "creationtime"},
    "networkConfiguration": {"subnetId": "/subscriptions/s/subnets/n"},
    "userAccounts": [{"name": "anna", "password": "hidden-word"}],
    "upgradePolicy": {"mode": "manual"},
}
"""Properties with new values."""


async def patch(api: Api, body: object, pool: str = "pool", version: str = VERSION, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.raw("PATCH", f"/pools/{pool}?{version}", body, named)


async def steady(api: Api, **properties: Any) -> dict[str, Any]:
    """Add the pool, which has come to rest; returns what it shows."""
    await api.add_pool(**properties)
    await api.update(schema.pools, allocation_state="steady")
    return await shown(api)


async def shown(api: Api) -> dict[str, Any]:
    pool: dict[str, Any] = (await api.get("/pools/pool")).json
    return pool


CHANGING = {"eTag", "lastModified"}


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    names = (before.keys() | after.keys()) - CHANGING
    return {name: after.get(name) for name in names if before.get(name) != after.get(name)}


async def test_only_what_is_given_changes(api: Api) -> None:
    before = await steady(api, metadata=[{"name": "a", "value": "b"}], startTask=START, displayName="x")
    answer = await patch(api, {"metadata": [{"name": "c", "value": "d"}], "startTask": None})
    assert (answer.status, answer.body) == (200, b"")
    after = await shown(api)
    assert differences(before, after) == {"metadata": [{"name": "c", "value": "d"}]}
    assert answer.headers["ETag"] == after["eTag"] != before["eTag"]
    assert answer.headers["DataServiceId"] == after["url"]
    assert after["lastModified"] > before["lastModified"]
    assert api.owner.woken == ["devbatch/pool"] * 2


async def test_a_start_task_is_replaced_as_a_whole_and_gets_its_defaults(api: Api) -> None:
    await steady(api, startTask={**START, "maxTaskRetryCount": 3, "waitForSuccess": False})
    await patch(api, {"startTask": {"commandLine": "other"}})
    assert (await shown(api))["startTask"] == {
        "commandLine": "other",
        "userIdentity": {"autoUser": {"scope": "task", "elevationLevel": "nonadmin"}},
        "maxTaskRetryCount": 0,
        "waitForSuccess": True,
    }


async def test_nodes_show_what_they_booted_with(api: Api) -> None:
    await steady(api, startTask=START)
    own = encode(StartTaskRules(b'{"commandLine":"of then"}'))
    await api.add_node("old", booted=5, boot_heard=5, start_task=own)
    await api.add_node("without", booted=5, boot_heard=5)
    await api.add_node("new", state="creating")
    await patch(api, {"startTask": {"commandLine": "of now"}})
    nodes = {node["id"]: node for node in (await api.get("/pools/pool/nodes")).json["value"]}
    assert nodes["old"]["startTask"] == {"commandLine": "of then"}
    assert "startTask" not in nodes["without"]
    assert nodes["new"]["startTask"]["commandLine"] == "of now"


@pytest.mark.parametrize("name", OF_EMPTY_POOLS)
async def test_what_changes_only_while_there_are_no_nodes(api: Api, name: str) -> None:
    before = await steady(api)
    await api.add_node("node")
    stored = await api.content()
    answer = await patch(api, {name: OF_EMPTY_POOLS[name]})
    assert answer.error == (409, "OperationInvalidForCurrentState")
    assert name in answer.message
    assert "it has 1" in answer.message
    assert await api.content() == stored
    await api.database.write(lambda connection: connection.execute(schema.nodes.delete()))
    assert (await patch(api, {name: OF_EMPTY_POOLS[name]})).status == 200
    assert set(differences(before, await shown(api))) == {name}


async def test_all_of_it_changes_at_once_and_the_scheduler_knows(api: Api) -> None:
    await steady(api)
    body = {**OF_EMPTY_POOLS, "startTask": START, "metadata": [{"name": "a", "value": "b"}]}
    assert (await patch(api, body)).status == 200
    after = await shown(api)
    assert (after["vmSize"], after["taskSlotsPerNode"]) == ("standard_d4s_v3", 4)
    row = (await api.content())["pools"][0]
    stored = dict(zip(schema.pools.c.keys(), row, strict=True))
    assert (stored["vm_size"], stored["node_cores"], stored["inter_node"]) == ("standard_d4s_v3", 4, True)
    rules = PoolRules.of(definition(stored))
    assert stored["rules"] == encode(rules)
    assert (rules.slots_per_node, rules.fill, rules.oldest_job_first) == (4, "pack", True)
    assert [user.name for user in rules.users] == ["anna"]
    assert b"hidden-word" not in stored["definition"] + stored["rules"]


def definition(stored: dict[str, Any]) -> models.BatchPoolCreateOptions:
    from batchite.wire.batch import codec
    from batchite.wire.batch.models.pools import BatchPoolCreateOptions

    decoded: Any = codec.decode(stored["definition"], BatchPoolCreateOptions)
    return decoded


async def test_a_pool_whose_nodes_are_about_to_come_is_not_empty(api: Api) -> None:
    await api.add_pool(targetDedicatedNodes=1)
    answer = await patch(api, {"taskSlotsPerNode": 2})
    assert answer.error == (409, "PoolBeingResized")
    assert (await patch(api, {"metadata": []})).status == 200


async def test_accounts_stay_without_their_passwords(api: Api) -> None:
    await steady(api, userAccounts=[{"name": "anna", "password": "hidden-word", "elevationLevel": "admin"}])
    assert (await patch(api, {"taskSlotsPerNode": 2})).status == 200
    assert (await shown(api))["userAccounts"] == [{"name": "anna", "elevationLevel": "admin"}]
    refused = await patch(api, {"userAccounts": [{"name": "anna"}]})
    assert refused.error == (400, "MissingRequiredProperty")
    assert "userAccounts[0].password" in refused.message


async def test_slots_and_size_are_held_to_each_other(api: Api) -> None:
    await steady(api, vmSize="standard_d4s_v3", taskSlotsPerNode=16)
    answer = await patch(api, {"vmSize": "standard_d2s_v3"})
    assert answer.error == (400, "InvalidPropertyValue")
    assert "taskSlotsPerNode" in answer.message
    assert (await patch(api, {"vmSize": "standard_d2s_v3", "taskSlotsPerNode": 8})).status == 200


async def test_a_pool_goes_on_being_scaled_by_its_formula(api: Api) -> None:
    formula = "$TargetDedicatedNodes = 0;"
    given = {"enableAutoScale": True, "autoScaleFormula": formula, "autoScaleEvaluationInterval": "PT5M"}
    before = await steady(api, **given)
    assert (await patch(api, {"startTask": START, "taskSlotsPerNode": 2})).status == 200
    assert (await replace(api, {})).status == 204
    after = await shown(api)
    assert differences(before, after) == {"taskSlotsPerNode": 2}
    assert given.items() <= after.items()


async def replace(api: Api, body: object, version: str = VERSION) -> Answer:
    return await api.raw("POST", f"/pools/pool/updateproperties?{version}", body)


async def test_properties_are_replaced_in_full(api: Api) -> None:
    given = {"metadata": [{"name": "a", "value": "b"}], "startTask": START, "displayName": "x"}
    before = await steady(api, **given)
    answer = await replace(api, {"metadata": [{"name": "c", "value": "d"}]})
    assert (answer.status, answer.body) == (204, b"")
    after = await shown(api)
    assert differences(before, after) == {"metadata": [{"name": "c", "value": "d"}], "startTask": None}
    assert answer.headers["ETag"] == after["eTag"] != before["eTag"]
    assert answer.headers["DataServiceId"] == f"{after['url']}/updateproperties"
    assert (await replace(api, {})).status == 204
    assert differences(before, await shown(api)) == {"metadata": None, "startTask": None}


async def test_replacing_properties_takes_no_conditions(api: Api) -> None:
    await steady(api)
    answer = await api.raw("POST", f"/pools/pool/updateproperties?{VERSION}", {}, {"If-Match": "*"})
    assert answer.error == (400, "UnsupportedHeader")


LONG_AGO = "Mon, 01 Jan 2001 00:00:00 GMT"
FAR_OFF = "Mon, 01 Jan 2057 00:00:00 GMT"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("If-Match", "{etag}", "0x1"),
        ("If-None-Match", "0x1", "{etag}"),
        ("If-Modified-Since", LONG_AGO, FAR_OFF),
        ("If-Unmodified-Since", FAR_OFF, LONG_AGO),
    ],
)
async def test_every_condition_is_kept(api: Api, name: str, good: str, bad: str) -> None:
    etag = (await steady(api))["eTag"]
    good, bad = good.format(etag=etag), bad.format(etag=etag)
    stored = await api.content()
    is_seen_already = name in ("If-None-Match", "If-Modified-Since")
    for verb in ("GET", "HEAD"):
        assert (await api.raw(verb, f"/pools/pool?{VERSION}", headers={name: good})).status == 200
        unmet = await api.raw(verb, f"/pools/pool?{VERSION}", headers={name: bad})
        assert unmet.status == (304 if is_seen_already else 412)
    for verb, body in (("PATCH", {"metadata": []}), ("PATCH", {"taskSlotsPerNode": 2}), ("DELETE", None)):
        refused = await api.raw(verb, f"/pools/pool?{VERSION}", body, {name: bad})
        assert refused.error == (412, "ConditionNotMet")
    assert await api.content() == stored
    assert (await patch(api, {"metadata": []}, **{name: good})).status == 200
    etag = (await shown(api))["eTag"]
    again = etag if name == "If-Match" else good
    assert (await api.raw("DELETE", f"/pools/pool?{VERSION}", headers={name: again})).status == 202


async def test_an_unmet_condition_is_told_before_nodes_are(api: Api) -> None:
    await steady(api)
    await api.add_node("node")
    assert (await patch(api, {"taskSlotsPerNode": 2}, If_Match="0x1")).error == (412, "ConditionNotMet")


@pytest.mark.parametrize("action", ["patch", "updateproperties"])
async def test_pools_that_cannot_be_changed(api: Api, action: str) -> None:
    change = patch if action == "patch" else replace
    assert (await change(api, {"metadata": []})).error == (404, "PoolNotFound")
    await steady(api)
    assert (await api.delete("/pools/pool")).status == 202
    stored = await api.content()
    for body in ({"metadata": []}, {"startTask": START}):
        assert (await change(api, body)).error == (409, "PoolBeingDeleted")
    assert await api.content() == stored


@pytest.mark.parametrize(
    ("version", "body", "error", "name"),
    [
        ("2025-06-01", {"vmSize": "huge"}, "InvalidPropertyValue", "vmSize"),
        ("2025-06-01", {"taskSlotsPerNode": 9}, "InvalidPropertyValue", "taskSlotsPerNode"),
        ("2025-06-01", {"metadata": {}}, "InvalidRequestBody", "metadata"),
        ("2025-06-01", {"metadata": [{"name": "", "value": "x"}]}, "EmptyMetadataKey", "metadata[0].name"),
        ("2025-06-01", {"id": "other"}, "InvalidRequestBody", "id"),
        ("2025-06-01", {"targetDedicatedNodes": 3}, "InvalidRequestBody", "targetDedicatedNodes"),
        ("2025-06-01", {"startTask": {}}, "MissingRequiredProperty", "startTask.commandLine"),
        ("2025-06-01", {"startTask": {"commandLine": " "}}, "InvalidPropertyValue", "startTask.commandLine"),
        ("2025-06-01", {"mountConfiguration": [{}]}, "UnsupportedProperty", "mountConfiguration"),
        ("2025-06-01", {"resourceTags": {"a": "b"}}, "InvalidRequestBody", "resourceTags"),
        ("2024-02-01.19.0", {"displayName": "x"}, "InvalidRequestBody", "displayName"),
        ("2024-02-01.19.0", {"taskSlotsPerNode": 2}, "InvalidRequestBody", "taskSlotsPerNode"),
        ("2021-06-01.14.0", {"targetNodeCommunicationMode": "classic"}, "InvalidRequestBody",
         "targetNodeCommunicationMode"),
    ],
)  # fmt: skip
async def test_bad_changes_change_nothing(
    api: Api, version: str, body: dict[str, Any], error: str, name: str
) -> None:
    await steady(api)
    stored = await api.content()
    answer = await patch(api, body, version=f"api-version={version}")
    assert answer.error == (400, error), answer.message
    assert {"key": "PropertyName", "value": name} in answer.json["values"]
    assert await api.content() == stored


async def test_the_official_client_changes_pools(api: Api) -> None:
    await steady(api)
    async with api.async_client() as client:
        before = await client.get_pool("pool")
        unchanged = {"etag": before.etag, "match_condition": MatchConditions.IfNotModified}
        update = models.BatchPoolUpdateOptions(
            start_task=models.BatchStartTask(command_line="a"), task_slots_per_node=2
        )
        await client.update_pool("pool", update, **unchanged)
        with pytest.raises(HttpResponseError) as caught:
            await client.update_pool("pool", update, **unchanged)
        assert caught.value.status_code == 412
        pool = await client.get_pool("pool")
        assert pool.start_task is not None
        assert (pool.start_task.command_line, pool.task_slots_per_node) == ("a", 2)
        metadata = [models.BatchMetadataItem(name="a", value="b")]
        replacing = models.BatchPoolReplaceOptions(application_package_references=[], metadata=metadata)
        await client.replace_pool_properties("pool", replacing)
        pool = await client.get_pool("pool")
        assert pool.start_task is None
        assert [item.name for item in pool.metadata or ()] == ["a"]
        await client._delete_pool_internal("pool")
        with pytest.raises(ResourceExistsError, match="PoolBeingDeleted"):
            await client.update_pool("pool", models.BatchPoolUpdateOptions(metadata=[]))


async def test_old_clients_change_what_they_know(api: Api) -> None:
    version = "api-version=2016-07-01.3.1"
    await steady(api)
    start = {"commandLine": "c", "runElevated": True,
             "resourceFiles": [{"blobSource": "http://h/f", "filePath": "f"}]}  # fmt: skip
    certificates = [{"thumbprint": "t", "thumbprintAlgorithm": "sha1"}]
    body = {"startTask": start, "certificateReferences": certificates}
    assert (await patch(api, body, version=version)).status == 200
    pool = (await api.raw("GET", f"/pools/pool?{version}")).json
    assert pool["certificateReferences"] == certificates
    assert pool["startTask"] == {**start, "maxTaskRetryCount": 0, "waitForSuccess": False}
    newest = await shown(api)
    assert newest["startTask"]["userIdentity"]["autoUser"]["elevationLevel"] == "admin"
    assert "certificateReferences" not in newest
    assert (await replace(api, {"metadata": [], "certificateReferences": []}, version)).status == 204
    pool = (await api.raw("GET", f"/pools/pool?{version}")).json
    assert (pool["metadata"], pool["certificateReferences"]) == ([], [])
    assert "startTask" not in pool
    assert (await replace(api, {}, version)).status == 204
    pool = (await api.raw("GET", f"/pools/pool?{version}")).json
    assert not {"startTask", "metadata", "certificateReferences"} & pool.keys()


SERVICE = {"id": "pool", "vmSize": "small", "cloudServiceConfiguration": {"osFamily": "4"}}
LAST = "api-version=2018-08-01.7.0"


async def test_a_cloud_service_gets_another_system(api: Api) -> None:
    assert (await api.raw("POST", f"/pools?{LAST}", SERVICE)).status == 201
    target = f"/pools/pool/upgradeos?{LAST}"
    answer = await api.raw("POST", target, {"targetOSVersion": "WA-GUEST-OS-4.45"})
    assert answer.status == 202
    pool = (await api.raw("GET", f"/pools/pool?{LAST}")).json
    assert pool["cloudServiceConfiguration"] == {
        "osFamily": "4",
        "targetOSVersion": "WA-GUEST-OS-4.45",
        "currentOSVersion": "WA-GUEST-OS-4.45",
    }
    assert answer.headers["ETag"] == pool["eTag"]
    stored = await api.content()
    again = await api.raw("POST", target, {"targetOSVersion": "WA-GUEST-OS-4.45"})
    assert again.error == (400, "PoolVersionEqualsUpgradeVersion")
    assert (await api.raw("POST", target, {})).error == (400, "MissingRequiredProperty")
    assert (await api.raw("POST", target, {"targetOSVersion": ""})).error == (400, "InvalidPropertyValue")
    unmet = await api.raw("POST", target, {"targetOSVersion": "*"}, {"If-Match": "0x1"})
    assert unmet.error == (412, "ConditionNotMet")
    assert await api.content() == stored


async def test_other_pools_have_no_versions_of_a_system(api: Api) -> None:
    target, body = f"/pools/pool/upgradeos?{LAST}", {"targetOSVersion": "*"}
    assert (await api.raw("POST", target, body)).error == (404, "PoolNotFound")
    await steady(api)
    answer = await api.raw("POST", target, body)
    assert answer.error == (400, "PoolNotEligibleForOSVersionUpgrade")
    later = await api.raw("POST", target.replace(LAST, VERSION), body)
    assert later.error == (404, "ResourceNotFound")
