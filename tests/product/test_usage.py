"""What a job used adds up to what its tasks used, whoever was killed meanwhile."""

from __future__ import annotations

import random
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure.batch import BatchClient, models
from azure.core.credentials import AzureNamedKeyCredential
from azure.core.rest import HttpRequest
from tests.product.survival.house import House, end_all_of
from tests.service.house import make_task, pool_options, sh, until

from batchite.wire.ticks import Duration, Timestamp

CLOSE = timedelta(seconds=1)
CORES = 2
"""of a node"""
SLOTS = (1, 2, 1, 3)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    house = House(tmp_path)
    yield house
    house.stop(signal.SIGTERM)
    end_all_of(tmp_path)


def client_of(house: House) -> BatchClient:
    service = house.service
    credential = AzureNamedKeyCredential(service.batch_account, service.batch_key)
    return BatchClient(service.batch_url, credential, retry_total=20)


def add(batch: BatchClient, word: str) -> None:
    for number, slots in enumerate(SLOTS):
        command = sh(f"sleep 0.{3 + number}; exit {number % 2}")
        batch.create_task("job", make_task(command, task_id=f"{word}{number}", required_slots=slots))


def wait(batch: BatchClient, count: int) -> list[models.BatchTask]:
    """So many or more, since several may end between two looks."""

    def over() -> list[models.BatchTask]:
        return list(batch.list_tasks("job", filter="state eq 'completed'", expand=["stats"]))

    return until(over, lambda tasks: len(tasks) >= count, f"{count} tasks are over", 90.0)


def ours(batch: BatchClient) -> Any:
    answer = batch.send_request(HttpRequest("GET", "/-/jobs/job/stats"))
    answer.raise_for_status()
    return answer.json()


def check(batch: BatchClient, tasks: list[models.BatchTask]) -> None:
    """Σ (end - start) × slots over the tasks is what the job says."""
    job = batch.get_job("job", expand=["stats"]).job_statistics
    assert job is not None
    wall = slot = processor = timedelta(0)
    for task in tasks:
        info, used = task.execution_info, task.task_statistics
        assert info is not None
        assert info.start_time is not None
        assert info.end_time is not None
        assert used is not None
        wall += info.end_time - info.start_time
        slot += (info.end_time - info.start_time) * (task.required_slots or 1)
        processor += used.user_cpu_time + used.kernel_cpu_time
    told = ours(batch)
    assert abs(job.wall_clock_time - wall) < CLOSE
    assert abs(timedelta(seconds=Duration.parse(told["slotTime"]).seconds) - slot) < CLOSE
    assert slot > wall > timedelta(0)
    assert abs(job.user_cpu_time + job.kernel_cpu_time - processor) < CLOSE
    succeeded = sum(task.execution_info.result == "success" for task in tasks if task.execution_info)
    assert (job.succeeded_tasks_count, job.failed_tasks_count) == (succeeded, len(tasks) - succeeded)
    assert job.task_retries_count == 0


@pytest.mark.endurance
def test_sums_are_exact_after_kills(house: House) -> None:
    """Of the Batch process while tasks run; then of all that runs, nodes with what they run included."""
    batch = client_of(house)
    batch.create_pool(pool_options("pool", 1, slots=4))
    batch.create_job(models.BatchJobCreateOptions(id="job", pool_info=models.BatchPoolInfo(pool_id="pool")))
    add(batch, "quiet")
    before = wait(batch, 4)
    check(batch, before)
    add(batch, "killed")
    wait(batch, 5)
    house.kill_batch()
    house.wait_until_healthy()
    after = wait(batch, 8)
    check(batch, after)
    add(batch, "lost")
    wait(batch, 9)
    dice = random.Random(1)  # noqa: S311 - which one goes first
    house.kill_agent(dice)
    house.kill_services(dice)
    house.start_again()
    check(client_of(house), wait(client_of(house), 12))
    check_pool(house)


def check_pool(house: House) -> None:
    """Its core time is that of its nodes, those that are gone included, and stays when it goes."""
    batch = client_of(house)

    def used() -> timedelta:
        shown = batch.get_pool("pool", expand=["stats"]).pool_statistics
        assert shown is not None
        assert shown.usage_statistics is not None
        return shown.usage_statistics.dedicated_core_time

    house.kill_batch()
    house.wait_until_healthy()
    before = used()
    assert before > timedelta(0)
    (there,) = metered(batch)
    assert there["poolId"] == "pool"
    assert before - CORES * CLOSE < timedelta(hours=there["dedicatedCoreHours"]) < used() + CORES * CLOSE
    batch.begin_delete_pool("pool").result()
    (gone,) = metered(batch)
    assert timedelta(hours=gone["totalCoreHours"]) >= before - CLOSE
    end = Timestamp.from_datetime(datetime.now(UTC)).ticks + 1
    assert metered(batch, f"?endtime={Timestamp(end)}&starttime={Timestamp(end - 1)}") == []


def metered(batch: BatchClient, query: str = "") -> Any:
    answer = batch.send_request(HttpRequest("GET", f"/-/usage/pools{query}"))
    answer.raise_for_status()
    return answer.json()["value"]
