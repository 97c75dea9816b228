"""Job schedules at work: which jobs they make, when, and when they are over."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest
from tests.batch.job_schedules.conftest import Clock, World, at, at_work, specification

from batchite.dispatch import job_schedules
from batchite.dispatch.ownership import LEASE
from batchite.dispatch.reactors import account
from batchite.store.database import Database

HOURLY = {"recurrenceInterval": "PT1H"}


def about(text: str | None, minutes: float) -> bool:
    """A time so long after the beginning, but for the ticks that the clock goes on by itself."""
    return text is not None and text[:23] == at(minutes)[:19] + text[19:23]


async def test_the_first_job_is_made_at_once(world: World) -> None:
    await world.add(schedule=HOURLY)
    found = await world.get()
    assert (found["state"], found["executionInfo"]["recentJob"]["id"]) == ("active", "nightly:job-1")
    assert about(found["executionInfo"]["nextRunTime"], 60)
    job = (await world.api.get("/jobs/nightly:job-1")).json
    assert found["executionInfo"]["recentJob"]["url"] == job["url"]
    assert (job["state"], job["executionInfo"]["poolId"]) == ("active", "pool")
    assert (await world.api.get("/jobs/nightly%3Ajob-1")).status == 200


async def test_an_empty_schedule_is_one_job_and_over_with_it(world: World) -> None:
    await world.add()
    found = await world.get()
    assert "nextRunTime" not in found["executionInfo"]
    assert await world.jobs() == {"job-1": "active"}
    await world.pass_(100_000)
    assert await world.jobs() == {"job-1": "active"}
    await world.end_job(1)
    found = await world.get()
    assert (found["state"], found["previousState"]) == ("completed", "active")
    assert about(found["executionInfo"]["endTime"], 100_000)
    assert found["executionInfo"]["recentJob"]["id"] == "nightly:job-1"


async def test_a_schedule_that_begins_later(world: World) -> None:
    await world.add(schedule={"doNotRunUntil": at(90)})
    assert (await world.get())["executionInfo"] == {"nextRunTime": at(90)}
    await world.pass_(89)
    assert await world.jobs() == {}
    await world.pass_(1)
    assert await world.jobs() == {"job-1": "active"}


async def test_at_most_one_job_is_active_and_the_next_waits_for_it(world: World) -> None:
    await world.add(schedule=HOURLY)
    await world.pass_(70)
    assert await world.jobs() == {"job-1": "active"}
    assert about((await world.get())["executionInfo"]["nextRunTime"], 60)
    await world.end_job(1)
    assert await world.jobs() == {"job-1": "completed", "job-2": "active"}
    assert about((await world.get())["executionInfo"]["nextRunTime"], 120)


async def test_a_run_whose_window_is_over_is_skipped(world: World) -> None:
    await world.add(schedule={**HOURLY, "startWindow": "PT10M"})
    await world.pass_(65)
    assert about((await world.get())["executionInfo"]["nextRunTime"], 60)
    await world.pass_(5)
    assert about((await world.get())["executionInfo"]["nextRunTime"], 120)
    await world.end_job(1)
    assert await world.jobs() == {"job-1": "completed"}
    await world.pass_(50)
    assert await world.jobs() == {"job-1": "completed", "job-2": "active"}


async def test_after_the_last_moment_no_job_is_made_and_the_schedule_is_over_with_its_job(
    world: World,
) -> None:
    await world.add(schedule={**HOURLY, "doNotRunAfter": at(90)})
    await world.end_job(1)
    await world.pass_(60)
    assert await world.jobs() == {"job-1": "completed", "job-2": "active"}
    found = await world.get()
    assert (found["state"], found["executionInfo"].get("nextRunTime")) == ("active", None)
    await world.pass_(40)
    assert (await world.get())["state"] == "active"
    await world.end_job(2)
    assert (await world.get())["state"] == "completed"


async def test_a_schedule_without_an_active_job_is_over_at_its_last_moment(world: World) -> None:
    await world.add(schedule={**HOURLY, "doNotRunAfter": at(30)})
    await world.end_job(1)
    assert (await world.get())["state"] == "active"
    await world.pass_(30)
    assert (await world.get())["state"] == "completed"


async def test_a_disabled_schedule_makes_no_job_and_keeps_the_one_it_has(world: World) -> None:
    await world.add(schedule={**HOURLY, "startWindow": "PT10M"})
    assert (await world.have("disable")).status == 204
    assert await world.jobs() == {"job-1": "active"}
    await world.end_job(1)
    await world.pass_(75)
    assert await world.jobs() == {"job-1": "completed"}
    assert (await world.have("enable")).status == 204
    assert await world.jobs() == {"job-1": "completed"}
    await world.pass_(45)
    assert await world.jobs() == {"job-1": "completed", "job-2": "active"}


async def test_a_schedule_that_is_enabled_within_a_run_makes_its_job(world: World) -> None:
    await world.add(schedule=HOURLY)
    await world.have("disable")
    await world.end_job(1)
    await world.pass_(200)
    await world.have("enable")
    assert await world.jobs() == {"job-1": "completed", "job-2": "active"}
    assert about((await world.get())["executionInfo"]["nextRunTime"], 240)


async def test_terminating_ends_the_job_and_then_the_schedule(world: World) -> None:
    await world.add(schedule=HOURLY)
    assert (await world.have("terminate")).status == 202
    found = await world.get()
    assert (found["state"], found["previousState"]) == ("completed", "terminating")
    assert "nextRunTime" not in found["executionInfo"]
    job = (await world.api.get("/jobs/nightly:job-1")).json
    assert (job["state"], job["executionInfo"]["terminateReason"]) == ("completed", "TerminateJobSchedule")
    await world.pass_(200)
    assert await world.jobs() == {"job-1": "completed"}


async def test_a_schedule_that_is_terminated_before_it_has_begun(world: World) -> None:
    await world.add(schedule={"doNotRunUntil": at(90)})
    await world.have("terminate")
    assert (await world.get())["state"] == "completed"


async def test_deleting_takes_jobs_and_tasks_along(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few at a time."""
    monkeypatch.setattr(job_schedules, "DELETED_AT_ONCE", 1)
    await world.add(schedule=HOURLY)
    await world.end_job(1)
    await world.pass_(60)
    assert (await world.api.add_task("t", "nightly:job-2")).status == 201
    assert (await world.api.delete("/jobschedules/nightly")).status == 202
    await world.gone("/jobschedules/nightly")
    content = await world.api.content()
    left = {name for name, rows in content.items() if rows}
    assert left <= {"feed", "past_jobs", "alembic_version", "shards"}


async def test_a_job_that_is_deleted_is_over_for_its_schedule(world: World) -> None:
    await world.add(schedule=HOURLY)
    await world.pass_(61)
    assert (await world.api.delete("/jobs/nightly:job-1")).status == 202
    await world.gone("/jobs/nightly:job-1")
    await world.settle()
    assert await world.jobs() == {"job-2": "active"}


async def test_as_many_as_are_due_at_once_make_their_jobs(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a commit takes fewer, in several."""
    monkeypatch.setattr(account, "MOST", 2)
    names = [f"s{number}" for number in range(5)]
    for name in names:
        await world.add(name, schedule={"doNotRunUntil": at(60)})
    await world.pass_(60)
    assert [await world.jobs(name) for name in names] == [{"job-1": "active"}] * 5
    await asyncio.gather(*(world.api.post(f"/jobschedules/{name}/terminate") for name in names))
    await world.settle()
    assert {(await world.get(name))["state"] for name in names} == {"completed"}


async def test_a_change_is_about_jobs_to_come(world: World) -> None:
    await world.add(schedule=HOURLY)
    assert (await world.patch({"jobSpecification": specification(priority=7)})).status == 200
    assert (await world.api.get("/jobs/nightly:job-1")).json["priority"] == 0
    await world.end_job(1)
    await world.pass_(60)
    assert (await world.api.get("/jobs/nightly:job-2")).json["priority"] == 7
    assert (await world.put({"schedule": HOURLY, "jobSpecification": specification()})).status == 200
    assert about((await world.get())["executionInfo"]["nextRunTime"], 120)


async def test_another_interval_counts_from_the_last_run(world: World) -> None:
    intervals: dict[str | None, float | None] = {"PT2H": 120, "PT20M": 20, None: None}
    for number in range(len(intervals)):
        await world.add(f"s{number}", schedule=HOURLY)
    await world.pass_(10)
    for number, (interval, expected) in enumerate(intervals.items()):
        schedule = {} if interval is None else {"recurrenceInterval": interval}
        await world.patch({"schedule": schedule}, f"s{number}")
        found = (await world.get(f"s{number}"))["executionInfo"].get("nextRunTime")
        assert found is None if expected is None else about(found, expected)


async def test_a_service_that_slept_through_runs_makes_one_job(database: Database) -> None:
    """By the run that counts when it is there again, and as its window says."""
    clock = Clock()
    async with at_work(database, clock) as world:
        await world.add("any", schedule=HOURLY)
        await world.add("soon", schedule={**HOURLY, "startWindow": "PT10M"})
        for schedule in ("any", "soon"):
            await world.end_job(1, schedule)
    clock.ticks += 600_000_000 * 330
    async with at_work(database, clock) as world:
        await world.settle()
        assert await world.jobs("any") == {"job-1": "completed", "job-2": "active"}
        assert await world.jobs("soon") == {"job-1": "completed"}
        for schedule in ("any", "soon"):
            assert about((await world.get(schedule))["executionInfo"]["nextRunTime"], 360)
        await world.pass_(30)
        assert await world.jobs("soon") == {"job-1": "completed", "job-2": "active"}


async def test_it_says_why_it_makes_no_job(world: World) -> None:
    async def said() -> tuple[str, str]:
        found = (await world.api.raw("GET", "/-/explain/jobschedules/NIGHTLY")).json
        assert (found["kind"], found["id"]) == ("schedule", "nightly")
        return found["reasons"][0]["code"], found["sentence"]

    await world.add(schedule={**HOURLY, "startWindow": "PT10M"})
    code, sentence = await said()
    assert code == "ScheduleJobActive"
    assert sentence.startswith("The job nightly:job-1 is active, and the next one is due at ")
    await world.pass_(65)
    code, sentence = await said()
    assert code == "ScheduleWaitsForJob"
    assert "waits for nightly:job-1" in sentence
    assert at(70)[:19] in sentence
    await world.pass_(5)
    await world.end_job(1)
    assert (await said())[0] == "ScheduleWaits"
    await world.have("disable")
    assert (await said())[0] == "ScheduleDisabled"
    await world.have("terminate")
    assert (await said())[1] == "The job schedule is completed; it has made 1 job."
    answer = await world.api.raw("GET", "/-/explain/jobschedules/other")
    assert answer.error == (404, "JobScheduleNotFound")


async def test_two_owners_of_one_database_make_each_job_once(database: Database) -> None:
    clock = Clock()
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(at_work(database, clock, lease=LEASE)) for _ in range(2)]
        await one.add(schedule=HOURLY)
        for number in range(1, 4):
            await two.end_job(number)
            clock.ticks += 600_000_000 * 60
            await two.dispatch.run_once()
            await one.settle()
        assert list(await two.jobs()) == ["job-1", "job-2", "job-3", "job-4"]
