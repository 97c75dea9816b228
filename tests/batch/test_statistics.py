"""Statistics of jobs and tasks as clients ask for them: what they show, when, and in which versions."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from azure.batch import models
from tests.batch.service import Answer, Api

from batchite.store.batch import schema
from batchite.wire.batch.versions import NEWEST, OLDER
from batchite.wire.ticks import TICKS_PER_SECOND, Timestamp

LAST_WITH_LIFETIME = "2022-10-01.16.0"
SECOND = TICKS_PER_SECOND
BLOCKS_OF_A_GIB = 2**21
SUMS = {
    "succeeded": 2,
    "gone_succeeded": 1,
    "failed": 1,
    "retries": 4,
    "wall_time": 90 * SECOND,
    "wait_time": 5 * SECOND,
    "user_time": 30 * SECOND,
    "kernel_time": 2 * SECOND,
    "blocks_read": BLOCKS_OF_A_GIB // 2,
    "blocks_written": 3,
}
SHOWN = {
    "numSucceededTasks": "3",
    "numFailedTasks": "1",
    "numTaskRetries": "4",
    "wallClockTime": "PT1M30S",
    "waitTime": "PT5S",
    "userCPUTime": "PT30S",
    "kernelCPUTime": "PT2S",
    "readIOps": str(BLOCKS_OF_A_GIB // 2),
    "writeIOps": "3",
    "readIOGiB": 0.5,
    "writeIOGiB": 3 * 512 / 2**30,
}
OF_TASK = {"wall_time": 90 * SECOND, "user_time": 30 * SECOND, "blocks_written": 3}


async def ask(api: Api, version: str, target: str) -> Answer:
    joint = "&" if "?" in target else "?"
    return await api.raw("GET", f"{target}{joint}api-version={version}")


@pytest.fixture
async def used(api: Api) -> Api:
    """With a job of a task that needs two slots, which is counted as if there had been more."""
    await api.add_job("Job")
    await api.add_task("Task", requiredSlots=2)
    await api.update(schema.task_counts, active=0, **SUMS)
    (task,) = (await api.content())["tasks"]
    created = next(
        value for value, column in zip(task, schema.tasks.c, strict=True) if column.name == "created"
    )
    assert isinstance(created, int)
    began = created + 5 * SECOND
    await api.update(
        schema.tasks, state="completed", started=began, ended=began + 90 * SECOND, result="success", **OF_TASK
    )
    return api


async def test_with_the_synchronous_client(used: Api) -> None:
    def program() -> tuple[models.BatchJob, models.BatchTask, list[models.BatchJob]]:
        with used.client() as client:
            assert client.get_job("job").job_statistics is None, "only who asks is told"
            job = client.get_job("job", expand=["stats"])
            task = client.get_task("job", "task", expand=["stats"])
            return job, task, list(client.list_jobs(expand=["stats"], select=["id", "stats"]))

    before = datetime.now(UTC) - timedelta(minutes=1)
    job, task, listed = await asyncio.to_thread(program)
    of_job, of_task = job.job_statistics, task.task_statistics
    assert of_job is not None
    counted = (of_job.succeeded_tasks_count, of_job.failed_tasks_count, of_job.task_retries_count)
    assert counted == (3, 1, 4)
    assert of_job.wall_clock_time == timedelta(seconds=90)
    assert (of_job.read_io_gib, of_job.read_iops) == (0.5, BLOCKS_OF_A_GIB // 2)
    assert of_job.start_time == job.creation_time
    assert before < of_job.last_update_time <= datetime.now(UTC)
    assert listed[0].job_statistics is not None
    assert listed[0].job_statistics.user_cpu_time == timedelta(seconds=30)
    assert (listed[0].id, listed[0].state) == ("Job", None)
    assert of_task is not None
    assert (of_task.wall_clock_time, of_task.wait_time) == (timedelta(seconds=90), timedelta(seconds=5))
    assert (of_task.write_iops, of_task.start_time) == (3, task.creation_time)


async def test_with_the_asynchronous_client(used: Api) -> None:
    async with used.async_client() as client:
        listed = [task async for task in client.list_tasks("job", expand=["stats"])]
        stats = listed[0].task_statistics
        assert stats is not None
        assert (stats.user_cpu_time, stats.kernel_cpu_time) == (timedelta(seconds=30), timedelta(0))


@pytest.mark.parametrize("version", [*OLDER, NEWEST])
async def test_every_version_has_them(used: Api, version: str) -> None:
    job = (await ask(used, version, "/jobs/job?$expand=stats")).json
    assert SHOWN.items() <= job["stats"].items()
    assert job["stats"]["url"] == f"{used.url}/jobs/Job?$expand=stats"
    assert (job["stats"]["startTime"], "stats" in (await ask(used, version, "/jobs/job")).json) == (
        job["creationTime"],
        False,
    )
    listed = (await ask(used, version, "/jobs/job/tasks?$select=stats")).json["value"]
    assert [one["stats"]["wallClockTime"] for one in listed] == ["PT1M30S"]


@pytest.mark.parametrize("version", [*OLDER, NEWEST])
async def test_the_lifetime_of_all_jobs(used: Api, version: str) -> None:
    answer = await ask(used, version, "/lifetimejobstats")
    if version > LAST_WITH_LIFETIME:
        assert answer.error == (404, "ResourceNotFound")
        return
    assert SHOWN.items() <= answer.json.items()
    assert answer.json["url"] == f"{used.url}/lifetimejobstats"
    assert answer.json["startTime"] == (await used.get("/jobs/job")).json["creationTime"]
    assert {"ETag", "Last-Modified"} <= answer.headers.keys()


async def test_nothing_has_been_used(api: Api) -> None:
    await api.add_job()
    await api.add_task("t")
    for target in ("/jobs/job", "/jobs/job/tasks/t"):
        stats = (await api.get(f"{target}?$expand=stats")).json["stats"]
        assert {stats[name] for name in ("wallClockTime", "waitTime", "userCPUTime")} == {"PT0S"}
    fresh = (await ask(api, LAST_WITH_LIFETIME, "/lifetimejobstats")).json
    assert (fresh["wallClockTime"], fresh["numSucceededTasks"]) == ("PT0S", "0")


async def test_what_runs_is_counted_as_far_as_it_has_come(used: Api) -> None:
    await used.add_task("other", requiredSlots=2)
    started = sa.update(schema.tasks).where(schema.tasks.c.id == "other")
    since = Timestamp.from_datetime(datetime.now(UTC) - timedelta(hours=1)).ticks
    await used.database.write(lambda c: c.execute(started.values(state="running", started=since)))

    def hours(stats: Any) -> bool:
        return str(stats["wallClockTime"]).startswith("PT1H")

    assert hours((await used.get("/jobs/job/tasks/other?$expand=stats")).json["stats"])
    assert hours((await used.get("/jobs/job?$expand=stats")).json["stats"])
    assert hours((await ask(used, LAST_WITH_LIFETIME, "/lifetimejobstats")).json)
    ours = (await used.raw("GET", "/-/jobs/job/stats")).json
    assert hours(ours)
    assert ours["slotTime"].startswith("PT2H")


async def test_what_ours_has_more(used: Api) -> None:
    ours = (await used.raw("GET", "/-/jobs/job/stats")).json
    assert SHOWN.items() <= ours.items()
    assert (ours["jobId"], ours["slotTime"]) == ("Job", "PT3M")


@pytest.mark.parametrize(
    ("target", "error"),
    [
        ("/jobs/job?$expand=tasks", (400, "InvalidQueryParameterValue")),
        ("/jobs/job/tasks?$expand=stats,more", (400, "InvalidQueryParameterValue")),
        ("/jobs/job?$select=stats,sats", (400, "InvalidQueryParameterValue")),
        ("/jobs/other?$expand=stats", (404, "JobNotFound")),
        ("/lifetimejobstats?$expand=stats", (400, "UnsupportedQueryParameter")),
    ],
)
async def test_refusals(used: Api, target: str, error: tuple[int, str]) -> None:
    assert (await ask(used, LAST_WITH_LIFETIME, target)).error == error


async def test_refusals_of_ours(used: Api) -> None:
    assert (await used.raw("GET", "/-/jobs/other/stats")).error == (404, "JobNotFound")
    assert (await used.raw("GET", "/-/jobs/job/stats", signed=False)).status == 403
    assert (await used.raw("GET", "/-/jobs/job/stats?x=1")).error == (400, "UnsupportedQueryParameter")
