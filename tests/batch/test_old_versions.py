"""The API as clients of older versions meet it."""

from typing import Any

import pytest
import sqlalchemy as sa
from tests.batch.service import IMAGE, Answer, Api

from batchite.store.batch import schema
from batchite.wire.batch.versions import NEWEST, OLDER
from batchite.wire.ticks import INFINITE

FIRST = "2016-07-01.3.1"


async def ask(api: Api, version: str, verb: str, target: str, body: object = None) -> Answer:
    joint = "&" if "?" in target else "?"
    return await api.raw(verb, f"{target}{joint}api-version={version}", body)


@pytest.mark.parametrize("version", [*OLDER, NEWEST, "2031-01-01"])
async def test_every_version_is_served(api: Api, version: str) -> None:
    pool = {"id": "p", "vmSize": "standard_d2_v3", "virtualMachineConfiguration": IMAGE}
    slots, targets = (
        "maxTasksPerNode" if version < "2020-09-01" else "taskSlotsPerNode",
        "targetDedicated" if version < "2017-05-01" else "targetDedicatedNodes",
    )
    added = await ask(api, version, "POST", "/pools", {**pool, slots: 2, targets: 3})
    assert added.status == 201, added.body
    shown = (await ask(api, version, "GET", "/pools/p")).json
    assert (shown["id"], shown[slots], shown[targets]) == ("p", 2, 3)
    listed = (await ask(api, version, "GET", f"/pools?$select=id,{slots}")).json
    assert listed["value"] == [{"id": "p", slots: 2}]


async def test_2016_a_pool_in_the_words_of_then(api: Api) -> None:
    start = {
        "commandLine": "c",
        "runElevated": True,
        "resourceFiles": [{"blobSource": "http://h/f", "filePath": "f"}],
    }
    pool = {"id": "p", "vmSize": "STANDARD_A1", "virtualMachineConfiguration": IMAGE, "startTask": start}
    await ask(api, FIRST, "POST", "/pools", {**pool, "targetDedicated": 1})
    shown = (await ask(api, FIRST, "GET", "/pools/p")).json
    assert shown["startTask"] == {**start, "maxTaskRetryCount": 0, "waitForSuccess": False}
    newest = (await api.get("/pools/p")).json["startTask"]
    assert newest["userIdentity"] == {"autoUser": {"scope": "pool", "elevationLevel": "admin"}}
    assert newest["resourceFiles"] == [{"httpUrl": "http://h/f", "filePath": "f"}]


async def test_2016_a_task_in_the_words_of_then(api: Api) -> None:
    await api.add_job("j")
    task = {"id": "t", "commandLine": "c", "constraints": {"maxTaskRetryCount": 2}}
    for one in (task, {"id": "u", "commandLine": "c"}):
        assert (await ask(api, FIRST, "POST", "/jobs/j/tasks", one)).status == 201
    shown = (await ask(api, FIRST, "GET", "/jobs/j/tasks/t")).json
    assert shown["runElevated"] is False
    assert shown["constraints"]["maxTaskRetryCount"] == 2
    other = (await ask(api, FIRST, "GET", "/jobs/j/tasks/u")).json
    for one in (shown, other):
        assert one["constraints"]["retentionTime"] == str(INFINITE)
        assert not {"userIdentity", "requiredSlots"} & set(one)
    assert (await api.get("/jobs/j/tasks/t")).json["constraints"]["retentionTime"] == str(INFINITE)


async def test_refusals_are_in_the_words_of_then(api: Api) -> None:
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"taskSlotsPerNode": 2}, "InvalidRequestBody", "taskSlotsPerNode"),
        ({"maxTasksPerNode": 5000}, "InvalidPropertyValue", "maxTasksPerNode"),
        ({"maxTasksPerNode": "many"}, "InvalidRequestBody", "maxTasksPerNode"),
        ({"targetDedicated": -1}, "InvalidPropertyValue", "targetDedicated"),
        ({"certificateReferences": [{}]}, "MissingRequiredProperty", "certificateReferences[0].thumbprint"),
        ({"certificateReferences": [{"thumbprint": "t", "thumbprintAlgorithm": "md5"}]},
         "InvalidPropertyValue", "certificateReferences[0].thumbprintAlgorithm"),
        ({"startTask": {"commandLine": "c", "resourceFiles": [{}]}}, "MissingRequiredProperty",
         "startTask.resourceFiles[0].blobSource"),
        ({"startTask": {"commandLine": "c", "resourceFiles": [{"blobSource": "f", "filePath": "f"}]}},
         "InvalidPropertyValue", "startTask.resourceFiles[0].blobSource"),
        ({"startTask": {"commandLine": "c", "runElevated": 7}}, "InvalidRequestBody",
         "startTask.runElevated"),
    ]  # fmt: skip
    pool = {"id": "p", "vmSize": "standard_d2_v3", "virtualMachineConfiguration": IMAGE}
    for body, code, name in cases:
        answer = await ask(api, FIRST, "POST", "/pools", {**pool, **body})
        assert answer.error == (400, code), answer.message
        assert {"key": "PropertyName", "value": name} in answer.json["values"]


async def test_node_agents_were_listed_where_images_are_now(api: Api) -> None:
    listed = (await ask(api, "2018-12-01.8.0", "GET", "/nodeagentskus")).json
    skus = {sku["id"]: sku for sku in listed["value"]}
    assert skus["batch.node.ubuntu 14.04"]["osType"] == "linux"
    images = skus["batch.node.ubuntu 14.04"]["verifiedImageReferences"]
    assert images[0] == {
        "publisher": "Canonical",
        "offer": "UbuntuServer",
        "sku": "14.04.5-LTS",
        "version": "latest",
    }
    page = (await ask(api, "2018-12-01.8.0", "GET", "/nodeagentskus?maxresults=2")).json
    assert [sku["id"] for sku in page["value"]] == list(skus)[:2]
    assert "api-version=2018-12-01.8.0" in page["odata.nextLink"]
    one = "$filter=osType%20eq%20%27linux%27%20and%20id%20eq%20%27batch.node.debian%208%27"
    found = (await ask(api, "2018-12-01.8.0", "GET", f"/nodeagentskus?{one}")).json
    assert [sku["id"] for sku in found["value"]] == ["batch.node.debian 8"]
    for version in ("2019-06-01.9.0", NEWEST):
        answer = await ask(api, version, "GET", "/nodeagentskus")
        assert answer.error == (404, "ResourceNotFound")
        assert "it is one to 2018-12-01.8.0" in answer.message
    answer = await ask(api, "2018-12-01.8.0", "GET", "/supportedimages")
    assert answer.error == (404, "ResourceNotFound")
    assert "it is one from 2019-06-01.9.0" in answer.message


async def test_a_parameter_is_not_known_before_it_came(api: Api) -> None:
    await api.add_job("j")
    early = await ask(api, "2024-02-01.19.0", "DELETE", "/jobs/j?force=true")
    assert early.error == (400, "UnsupportedQueryParameter")
    assert (await ask(api, "2024-07-01.20.0", "DELETE", "/jobs/j?force=true")).status == 202


async def test_what_pools_showed_between(api: Api) -> None:
    await api.add_pool("p")
    assert (await ask(api, "2022-10-01.16.0", "GET", "/pools/p")).json[
        "currentNodeCommunicationMode"
    ] == "simplified"
    chosen = await ask(api, "2022-10-01.16.0", "GET", "/pools/p?$select=currentNodeCommunicationMode")
    assert chosen.json["currentNodeCommunicationMode"] == "simplified"
    for version in ("2022-01-01.15.0", NEWEST):
        assert "currentNodeCommunicationMode" not in (await ask(api, version, "GET", "/pools/p")).json


async def test_2016_files_of_jobs_of_a_schedule_are_kept_as_then(api: Api) -> None:
    manager = {"id": "m", "commandLine": "c", "killJobOnCompletion": True, "runExclusive": True}
    task = {"commandLine": "c"}
    spec = {
        "poolInfo": {"poolId": "p"},
        "jobManagerTask": manager,
        "jobPreparationTask": task,
        "jobReleaseTask": task,
    }
    body = {"schedule": {"doNotRunUntil": "2100-01-01T00:00:00Z"}, "jobSpecification": spec}
    assert (await ask(api, FIRST, "POST", "/jobschedules", {"id": "s", **body})).status == 201
    for verb in ("", "PUT", "PATCH"):
        if verb:
            assert (await ask(api, FIRST, verb, "/jobschedules/s", body)).status == 200
        found = (await api.get("/jobschedules/s")).json["jobSpecification"]
        kept = [
            found[name]["constraints"]["retentionTime"] for name in ("jobManagerTask", "jobPreparationTask")
        ]
        assert [*kept, found["jobReleaseTask"]["retentionTime"]] == [str(INFINITE)] * 3, verb


async def test_2016_a_prepared_job_in_the_words_of_then(api: Api) -> None:
    task = {"commandLine": "c", "runElevated": True}
    job = {"id": "j", "poolInfo": {"poolId": "p"}, "jobPreparationTask": task, "jobReleaseTask": task}
    assert (await ask(api, FIRST, "POST", "/jobs", job)).status == 201
    shown = (await ask(api, FIRST, "GET", "/jobs/j")).json
    assert {**shown["jobPreparationTask"], **task} == shown["jobPreparationTask"]
    assert shown["jobPreparationTask"]["constraints"]["retentionTime"] == str(INFINITE)
    newest = (await api.get("/jobs/j")).json["jobReleaseTask"]
    assert newest["retentionTime"] == str(INFINITE)
    assert newest["userIdentity"] == {"autoUser": {"scope": "pool", "elevationLevel": "admin"}}
    row = {"job_no": 1, "node_no": 1, "node_id": "n", "pool_id": "p", "standing": "barred", "reruns": True}
    failure = b'{"category":"usererror","code":"BlobNotFound","message":"m"}'
    run = {"state": "completed", "start": 1, "end": 2, "result": "failure", "failure": failure}
    run = {f"preparation_{name}": value for name, value in run.items()}
    await api.database.write(lambda c: c.execute(sa.insert(schema.job_nodes), {**row, **run}))
    target = "/jobs/j/jobpreparationandreleasetaskstatus"
    (one,) = (await ask(api, FIRST, "GET", target)).json["value"]
    info = one["jobPreparationTaskExecutionInfo"]
    assert info["schedulingError"]["code"] == "BlobNotFound"
    assert not {"result", "failureInfo"} & set(info)
    query = "$filter=jobPreparationTaskExecutionInfo/state%20eq%20'running'&$select=nodeId"
    assert (await ask(api, FIRST, "GET", f"{target}?{query}")).json["value"] == []
    (picked,) = (await api.get(f"{target}?$select=nodeId")).json["value"]
    assert picked == {"nodeId": "n"}
