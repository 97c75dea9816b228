"""Jobs that bring their pool with them, as clients see them; what owners do is `tests/dispatch`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import sqlalchemy as sa
from azure.batch import models
from tests.batch.service import IMAGE, VERSION, Answer, Api

from batchite.scheduling.room import Limits
from batchite.store.batch import schema
from batchite.wire.batch.versions import NEWEST, OLDER

POOL = {"vmSize": "Standard_D2s_v3", "virtualMachineConfiguration": IMAGE, "targetDedicatedNodes": 2}
GUID = r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"


def auto(**more: object) -> dict[str, Any]:
    return {"autoPoolSpecification": {"poolLifetimeOption": "job", "pool": POOL, **more}}


async def add(api: Api, job_id: str = "job", **more: object) -> Answer:
    return await api.post("/jobs", {"id": job_id, "poolInfo": auto(**more)})


async def pool_of(api: Api, job_id: str = "job") -> str:
    pool_id: str = (await api.get(f"/jobs/{job_id}")).json["executionInfo"]["poolId"]
    return pool_id


async def patch(api: Api, **properties: object) -> Answer:
    return await api.raw("PATCH", f"/jobs/job?{VERSION}", properties)


async def put(api: Api, **properties: object) -> Answer:
    return await api.raw("PUT", f"/jobs/job?{VERSION}", {"poolInfo": auto(), **properties})


async def test_a_job_with_its_pool_by_the_synchronous_client(api: Api) -> None:
    def program() -> tuple[models.BatchJob, models.BatchPool]:
        machine = models.VirtualMachineConfiguration(
            image_reference=models.BatchVmImageReference(
                publisher="canonical", offer="0001-com-ubuntu-server-jammy", sku="22_04-lts"
            ),
            node_agent_sku_id="batch.node.ubuntu 22.04",
        )
        specification = models.BatchPoolSpecification(
            vm_size="Standard_D2s_v3",
            virtual_machine_configuration=machine,
            target_low_priority_nodes=3,
            start_task=models.BatchStartTask(command_line="prepare"),
            metadata=[models.BatchMetadataItem(name="a", value="b")],
        )
        spec = models.BatchAutoPoolSpecification(
            auto_pool_id_prefix="Nightly_", pool_lifetime_option="job", pool=specification
        )
        info = models.BatchPoolInfo(auto_pool_specification=spec)
        with api.client() as client:
            client.create_job(models.BatchJobCreateOptions(id="job", pool_info=info))
            job = client.get_job("job")
            assert job.execution_info is not None
            assert job.execution_info.pool_id is not None
            return job, client.get_pool(job.execution_info.pool_id)

    job, pool = await asyncio.to_thread(program)
    assert job.state == "active"
    assert re.fullmatch(f"Nightly_{GUID}", pool.id)
    assert (pool.allocation_state, pool.target_low_priority_nodes) == ("resizing", 3)
    assert pool.start_task is not None
    assert pool.start_task.command_line == "prepare"
    assert pool.metadata is not None
    assert pool.metadata[0].value == "b"
    shown = job.pool_info.auto_pool_specification
    assert job.pool_info.pool_id is None
    assert shown is not None
    assert (shown.auto_pool_id_prefix, shown.keep_alive) == ("Nightly_", False)
    assert shown.pool is not None
    assert shown.pool.task_scheduling_policy is not None
    assert shown.pool.task_scheduling_policy.node_fill_type == "Spread"
    assert api.owner.woken == [f"devbatch/{pool.id.lower()}"]


@pytest.mark.parametrize("version", [*OLDER, NEWEST])
async def test_in_every_version(api: Api, version: str) -> None:
    slots, targets = (
        "maxTasksPerNode" if version < "2020-09-01" else "taskSlotsPerNode",
        "targetDedicated" if version < "2017-05-01" else "targetDedicatedNodes",
    )
    pool = {"vmSize": "standard_d2_v3", "virtualMachineConfiguration": IMAGE, slots: 2, targets: 3}
    body = {"id": "job", "poolInfo": auto(pool=pool)}
    added = await api.raw("POST", f"/jobs?api-version={version}", body)
    assert added.status == 201, added.body
    shown = (await api.raw("GET", f"/jobs/job?api-version={version}")).json
    spec = shown["poolInfo"]["autoPoolSpecification"]
    assert (spec["keepAlive"], spec["pool"][slots], spec["pool"][targets]) == (False, 2, 3)
    made = shown["executionInfo"]["poolId"]
    assert re.fullmatch(GUID, made)
    assert (await api.raw("GET", f"/pools/{made}?api-version={version}")).json[targets] == 3
    (listed,) = (await api.raw("GET", f"/jobs?$select=poolInfo&api-version={version}")).json["value"]
    assert listed["poolInfo"] == shown["poolInfo"]
    wrong = {"id": "other", "poolInfo": auto(pool={**pool, slots: 5000})}
    refused = await api.raw("POST", f"/jobs?api-version={version}", wrong)
    assert refused.error == (400, "InvalidPropertyValue")
    assert f"poolInfo.autoPoolSpecification.pool.{slots}" in refused.message


@pytest.mark.parametrize("version", [*OLDER, NEWEST])
async def test_what_a_client_was_shown_it_may_send_back(api: Api, version: str) -> None:
    service = {"cloudServiceConfiguration": {"osFamily": "4"}}
    machine = service if version <= "2024-02-01.19.0" else {"virtualMachineConfiguration": IMAGE}
    start_task = {"commandLine": "c", "resourceFiles": []}
    pool: dict[str, Any] = {"vmSize": "small", "startTask": start_task, **machine}
    if version >= "2017-01-01":
        pool["userAccounts"] = [{"name": "somebody", "password": "hidden-word"}]
    body = {"id": "job", "poolInfo": auto(pool=pool)}
    assert (await api.raw("POST", f"/jobs?api-version={version}", body)).status == 201
    for verb in ("PUT", "PATCH"):
        shown = (await api.raw("GET", f"/jobs/job?api-version={version}")).json["poolInfo"]
        assert "hidden-word" not in str(shown)
        shown["autoPoolSpecification"]["keepAlive"] = True
        changed = await api.raw(verb, f"/jobs/job?api-version={version}", {"poolInfo": shown})
        assert changed.status == 200, changed.body
        found = (await api.raw("GET", f"/jobs/job?api-version={version}")).json
        assert found["poolInfo"] == shown


@pytest.mark.parametrize(
    ("info", "error", "name"),
    [
        ({}, "MissingRequiredProperty", "poolInfo.poolId"),
        ({"poolId": "p", **auto()}, "InvalidPropertyValue", "poolInfo.poolId"),
        (auto(pool=None), "MissingRequiredProperty", ".pool"),
        (auto(poolLifetimeOption="jobschedule"), "InvalidPropertyValue", ".poolLifetimeOption"),
        (auto(poolLifetimeOption="task"), "InvalidPropertyValue", ".poolLifetimeOption"),
        ({"autoPoolSpecification": {"pool": POOL}}, "MissingRequiredProperty", ".poolLifetimeOption"),
        (auto(autoPoolIdPrefix="a" * 21), "InvalidPropertyValue", ".autoPoolIdPrefix"),
        (auto(autoPoolIdPrefix="a b"), "InvalidPropertyValue", ".autoPoolIdPrefix"),
        (auto(autoPoolIdPrefix="Ä"), "InvalidPropertyValue", ".autoPoolIdPrefix"),
        (auto(keepAlive="perhaps"), "InvalidRequestBody", ".keepAlive"),
        (auto(pool={**POOL, "id": "p"}), "InvalidRequestBody", ".pool.id"),
        (auto(pool={**POOL, "vmSize": "huge"}), "InvalidPropertyValue", ".pool.vmSize"),
        (auto(pool={**POOL, "resizeTimeout": "PT1M"}), "InvalidPropertyValue", ".pool.resizeTimeout"),
        (auto(pool={**POOL, "targetDedicatedNodes": -1}), "InvalidPropertyValue",
         ".pool.targetDedicatedNodes"),
        (auto(pool={**POOL, "taskSlotsPerNode": 9}), "InvalidPropertyValue", ".pool.taskSlotsPerNode"),
        (auto(pool={**POOL, "metadata": [{"name": "", "value": ""}]}), "EmptyMetadataKey",
         ".pool.metadata[0].name"),
        (auto(pool={**POOL, "userAccounts": [{"name": "n"}]}), "MissingRequiredProperty",
         ".pool.userAccounts[0].password"),
        (auto(pool={**POOL, "startTask": {"commandLine": ""}}), "InvalidPropertyValue",
         ".pool.startTask.commandLine"),
        (auto(pool={"vmSize": "Standard_D2s_v3"}), "MissingRequiredProperty",
         ".pool.virtualMachineConfiguration"),
        (auto(pool={**POOL, "virtualMachineConfiguration": {**IMAGE, "nodeAgentSKUId": "x"}}),
         "InvalidPropertyValue", ".pool.virtualMachineConfiguration.nodeAgentSKUId"),
    ],
)  # fmt: skip
async def test_bad_input_changes_nothing(api: Api, info: object, error: str, name: str) -> None:
    answer = await api.post("/jobs", {"id": "job", "poolInfo": info})
    assert answer.error == (400, error), answer.message
    where = name if name.startswith("poolInfo") else f"poolInfo.autoPoolSpecification{name}"
    assert {"key": "PropertyName", "value": where} in answer.json["values"]
    stored = await api.content()
    assert (stored["jobs"], stored["pools"], stored["events"], stored["feed"]) == ([], [], [], [])


async def test_an_id_that_is_taken_makes_no_pool(api: Api) -> None:
    await api.add_job()
    assert (await add(api, "JOB")).error == (409, "JobExists")
    assert (await api.get("/pools")).json["value"] == []


async def test_both_are_told_in_one_row_of_the_feed(api: Api) -> None:
    await add(api)
    pool_id = await pool_of(api)
    told = (await api.get("/-/events?cursor=begin")).json["events"]
    assert [(one["kind"], one["state"], one["poolId"]) for one in told] == [
        ("job", "active", pool_id),
        ("pool", "active", pool_id),
    ]
    assert len((await api.content())["feed"]) == 1


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(1, None), "The account's core quota of 1 leaves no room for a single node"),
        (Limits(None, 0), "This service has as many nodes as its setting max_nodes allows (0)"),
    ],
)
async def test_a_job_whose_pool_finds_no_room_is_over(api: Api, limits: Limits, said: str) -> None:
    api.owner.limited = limits
    assert (await add(api)).status == 201
    job = (await api.get("/jobs/job")).json
    assert (job["state"], job["previousState"]) == ("completed", "active")
    execution = job["executionInfo"]
    assert execution["endTime"] == execution["startTime"] == job["creationTime"]
    assert "poolId" not in execution
    error = execution["schedulingError"]
    assert (error["category"], error["code"]) == ("usererror", "AutoPoolCreationFailedWithQuotaReached")
    assert error["message"].startswith(said)
    assert error["message"].endswith("add the job again.")
    assert (await api.get("/pools")).json["value"] == []
    assert (await api.add_task("t")).error == (409, "JobCompleted")
    assert (await api.post("/jobs/job/terminate")).error == (409, "JobCompleted")
    told = (await api.get("/-/events?cursor=begin")).json["events"]
    assert [(one["state"], one.get("schedulingError")) for one in told] == [
        ("active", None),
        ("completed", "AutoPoolCreationFailedWithQuotaReached"),
    ]
    explained = (await api.get("/-/explain/jobs/job")).json
    assert explained["reasons"][0]["code"] == "JobUnscheduled"
    assert said in explained["sentence"]
    assert (await api.delete("/jobs/job")).status == 202


async def test_a_pool_that_finds_room_for_some_of_its_nodes_is_made(api: Api) -> None:
    api.owner.limited = Limits(2, None)
    await add(api)
    assert (await api.get("/jobs/job")).json["state"] == "active"


async def test_a_pool_without_nodes_takes_no_room(api: Api) -> None:
    api.owner.limited = Limits(0, 0)
    await add(api, pool={**POOL, "targetDedicatedNodes": 0})
    assert (await api.get(f"/pools/{await pool_of(api)}")).json["allocationState"] == "steady"


SCALED = {"vmSize": "Standard_D2s_v3", "virtualMachineConfiguration": IMAGE, "enableAutoScale": True}


async def test_a_pool_that_is_scaled_by_a_formula(api: Api) -> None:
    assert (await add(api, pool={**SCALED, "autoScaleFormula": "$TargetDedicatedNodes=1"})).status == 201
    pool = (await api.get(f"/pools/{await pool_of(api)}")).json
    assert (pool["enableAutoScale"], pool["allocationState"]) == (True, "steady")
    assert pool["autoScaleFormula"] == "$TargetDedicatedNodes=1"
    assert pool["autoScaleEvaluationInterval"] == "PT15M"
    shown = (await api.get("/jobs/job")).json["poolInfo"]
    assert shown["autoPoolSpecification"]["pool"]["autoScaleFormula"] == "$TargetDedicatedNodes=1"
    assert (await patch(api, poolInfo=shown)).status == 200


async def test_a_formula_that_is_none(api: Api) -> None:
    assert (await add(api, pool={**SCALED, "autoScaleFormula": "$Targets = ("})).status == 201
    job = (await api.get("/jobs/job")).json
    error = job["executionInfo"]["schedulingError"]
    assert (job["state"], error["category"]) == ("completed", "usererror")
    assert error["code"] == "InvalidAutoScaleFormulaInAutoPool"
    assert error["message"].endswith(". It is that of the job's own pool: mend it and add the job again.")
    assert (await api.get("/pools")).json["value"] == []


@pytest.mark.parametrize(
    ("more", "error", "name"),
    [
        ({}, "MissingRequiredProperty", "autoScaleFormula"),
        ({"autoScaleFormula": "1", "targetDedicatedNodes": 1}, "InvalidAutoScalingSettings",
         "targetDedicatedNodes"),
        ({"autoScaleFormula": "1", "autoScaleEvaluationInterval": "PT1S"}, "InvalidPropertyValue",
         "autoScaleEvaluationInterval"),
        ({"enableAutoScale": False, "autoScaleFormula": "1"}, "InvalidAutoScalingSettings",
         "autoScaleFormula"),
    ],
)  # fmt: skip
async def test_settings_of_autoscale_that_do_not_go_together(
    api: Api, more: dict[str, Any], error: str, name: str
) -> None:
    answer = await add(api, pool={**SCALED, **more})
    assert answer.error == (400, error)
    where = f"poolInfo.autoPoolSpecification.pool.{name}"
    assert {"key": "PropertyName", "value": where} in answer.json["values"]


async def test_an_id_that_another_pool_has(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batchite.batch.jobs.actions.uuid4", lambda: "taken")
    await api.add_pool("taken")
    assert (await add(api)).status == 201
    error = (await api.get("/jobs/job")).json["executionInfo"]["schedulingError"]
    assert (error["category"], error["code"]) == ("usererror", "InvalidAutoPoolSettings")
    assert len((await api.get("/pools")).json["value"]) == 1


async def test_only_whether_the_pool_stays_can_be_changed(api: Api) -> None:
    async def kept() -> list[bool | None]:
        query = sa.select(schema.pools.c.keep_alive)
        return await api.database.read(lambda connection: list(connection.execute(query).scalars()))

    await add(api, autoPoolIdPrefix="x")
    (created,) = [(await api.get("/jobs/job")).json["poolInfo"]]
    assert await kept() == [False]
    assert (await patch(api, poolInfo=auto(keepAlive=True, autoPoolIdPrefix="x"))).status == 200
    assert await kept() == [True]
    shown = (await api.get("/jobs/job")).json["poolInfo"]["autoPoolSpecification"]
    assert shown == {**created["autoPoolSpecification"], "keepAlive": True}
    short = {"autoPoolSpecification": {"poolLifetimeOption": "job", "keepAlive": False}}
    assert (await patch(api, poolInfo=short)).status == 200
    assert await kept() == [False]
    assert (await patch(api, priority=7)).status == 200
    assert await kept() == [False]
    assert (await api.get("/jobs/job")).json["poolInfo"] == created
    assert (await put(api, poolInfo=auto(keepAlive=True), priority=3)).status == 200
    assert await kept() == [True]


@pytest.mark.parametrize("change", [patch, put])
async def test_another_pool_is_refused(api: Api, change: Callable[..., Awaitable[Answer]]) -> None:
    await add(api, autoPoolIdPrefix="x")
    before = await api.content()
    larger = auto(pool={**POOL, "targetDedicatedNodes": 3})
    for info in (larger, auto(autoPoolIdPrefix="y")):
        answer = await change(api, poolInfo=info)
        assert answer.error == (400, "InvalidPropertyValue")
        assert "can only change in keepAlive" in answer.message
    moved = await change(api, poolInfo={"poolId": await pool_of(api)})
    assert moved.error == (409, "OperationInvalidForCurrentState")
    assert await api.content() == before


async def test_a_job_in_a_named_pool_gets_none_of_its_own(api: Api) -> None:
    await api.add_job()
    answer = await patch(api, poolInfo=auto())
    assert answer.error == (409, "OperationInvalidForCurrentState")
    assert "poolInfo.autoPoolSpecification cannot take the place" in answer.message


async def test_unmet_conditions_leave_the_pool_as_it_is(api: Api) -> None:
    await add(api)
    before = await api.content()
    kept = {"poolInfo": auto(keepAlive=True)}
    answer = await api.raw("PATCH", f"/jobs/job?{VERSION}", kept, {"If-Match": "0x0"})
    assert answer.error == (412, "ConditionNotMet")
    assert await api.content() == before


async def test_jobs_are_found_by_their_pool(api: Api) -> None:
    await add(api)
    query = f"$filter=executionInfo/poolId%20eq%20'{(await pool_of(api)).lower()}'"
    assert [job["id"] for job in (await api.get(f"/jobs?{query}")).json["value"]] == ["job"]
