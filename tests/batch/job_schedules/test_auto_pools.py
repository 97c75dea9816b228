"""Pools that schedules bring with them: one for each job, or one that all of them share."""

from __future__ import annotations

from typing import Any

from tests.batch.job_schedules.conftest import Clock, World, at_work
from tests.batch.service import IMAGE

from batchite.store.database import Database

HOURLY = {"recurrenceInterval": "PT1H"}
POOL = {"vmSize": "Standard_D2s_v3", "virtualMachineConfiguration": IMAGE}


def bringing(lifetime: str, *, keep_alive: bool = False, **pool: object) -> dict[str, Any]:
    auto = {"poolLifetimeOption": lifetime, "keepAlive": keep_alive, "pool": {**POOL, **pool}}
    return {"poolInfo": {"autoPoolSpecification": {"autoPoolIdPrefix": "mine-", **auto}}}


async def pools(world: World) -> list[str]:
    return [pool["id"] for pool in (await world.api.get("/pools")).json["value"]]


async def pool_of(world: World, number: int) -> str:
    job = (await world.api.get(f"/jobs/nightly:job-{number}")).json
    found: str = job["executionInfo"]["poolId"]
    return found


async def test_a_pool_for_each_job(world: World) -> None:
    await world.add(schedule=HOURLY, jobSpecification=bringing("job"))
    (first,) = await pools(world)
    assert first == await pool_of(world, 1)
    await world.end_job(1)
    assert await pools(world) == []
    await world.pass_(60)
    (second,) = await pools(world)
    assert second not in (first, "")


async def test_a_pool_that_all_jobs_share_goes_with_the_schedule(world: World) -> None:
    await world.add(schedule=HOURLY, jobSpecification=bringing("jobschedule"))
    (shared,) = await pools(world)
    await world.end_job(1)
    await world.pass_(60)
    assert await pools(world) == [shared] == [await pool_of(world, 2)]
    await world.have("terminate")
    assert (await world.get())["state"] == "completed"
    assert await pools(world) == []


async def test_a_shared_pool_goes_when_the_schedule_is_deleted(world: World) -> None:
    await world.add(schedule=HOURLY, jobSpecification=bringing("jobschedule"))
    assert (await world.api.delete("/jobschedules/nightly")).status == 202
    await world.gone("/jobschedules/nightly")
    await world.settle()
    assert await pools(world) == []


async def test_a_shared_pool_that_is_to_stay_stays(world: World) -> None:
    await world.add(schedule=HOURLY, jobSpecification=bringing("jobschedule", keep_alive=True))
    (shared,) = await pools(world)
    await world.have("terminate")
    assert await pools(world) == [shared]


async def test_a_shared_pool_that_somebody_has_deleted_is_made_anew_for_the_next_job(world: World) -> None:
    await world.add(schedule=HOURLY, jobSpecification=bringing("jobschedule"))
    (first,) = await pools(world)
    assert (await world.api.delete(f"/pools/{first}")).status == 202
    await world.gone(f"/pools/{first}")
    await world.end_job(1)
    await world.pass_(60)
    (second,) = await pools(world)
    assert second == await pool_of(world, 2) != first


async def test_another_pool_is_for_jobs_to_come(world: World) -> None:
    await world.add(schedule=HOURLY, jobSpecification=bringing("jobschedule"))
    (first,) = await pools(world)
    await world.patch({"jobSpecification": bringing("jobschedule", taskSlotsPerNode=3)})
    assert await pools(world) == [first]
    await world.end_job(1)
    await world.pass_(60)
    (second,) = await pools(world)
    assert second == await pool_of(world, 2) != first
    await world.patch({"jobSpecification": {"poolInfo": {"poolId": "another"}}})
    await world.end_job(2)
    await world.pass_(60)
    assert (await pools(world), await pool_of(world, 3)) == ([], "another")


async def test_a_job_cannot_change_the_pool_that_its_schedule_shares(world: World) -> None:
    await world.add(schedule=HOURLY, jobSpecification=bringing("jobschedule"))
    async with world.api.async_client() as client:
        job = await client.get_job("nightly:job-1")
        job.priority = 5
        await client.replace_job("nightly:job-1", job)
        assert (await client.get_job("nightly:job-1")).priority == 5
    body = bringing("jobschedule", keep_alive=True)
    answer = await world.api.raw("PATCH", "/jobs/nightly:job-1?api-version=2025-06-01", body)
    assert answer.error == (400, "InvalidPropertyValue")


async def test_a_job_whose_pool_has_no_room_is_over_and_the_next_one_tries_again(database: Database) -> None:
    async with at_work(database, Clock(), quota=1) as world:
        body = bringing("jobschedule", targetDedicatedNodes=1)
        await world.add(schedule=HOURLY, jobSpecification=body)
        await world.add("once", jobSpecification=body)
        assert await world.jobs() == {"job-1": "completed"}
        job = (await world.api.get("/jobs/nightly:job-1")).json
        code = job["executionInfo"]["schedulingError"]["code"]
        assert code == "AutoPoolCreationFailedWithQuotaReached"
        assert (await world.get("once"))["state"] == "completed"
        await world.pass_(60)
        assert await world.jobs() == {"job-1": "completed", "job-2": "completed"}
        assert (await world.get())["state"] == "active"
