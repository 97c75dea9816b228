"""Why something does not happen, asked of the services at work."""

from __future__ import annotations

from typing import Any

import azure.batch
from azure.batch import models
from azure.core.rest import HttpRequest
from tests.service.house import SMALL_QUOTA, House, fresh, pool_options, sh, until


def explained(client: azure.batch.BatchClient, *path: str) -> Any:
    """By the official client's own way of sending what it does not know."""
    answer = client.send_request(HttpRequest("GET", "/".join(("/-/explain", *path))))
    answer.raise_for_status()
    return answer.json()


def codes(found: Any) -> list[str]:
    return [reason["code"] for reason in found["reasons"]]


def test_a_start_task_that_fails_everywhere(house: House) -> None:
    script = "echo preparing; echo no such package >&2; exit 7"
    start_task = models.BatchStartTask(command_line=sh(script))
    pool_id = house.add_pool(2, start_task=start_task)
    nodes = house.wait_for_nodes(pool_id, "starttaskfailed", 2)
    job_id = house.add_job(pool_id)
    task = house.add_task(job_id, "true")
    said = "2 nodes are unusable: the start task failed with exit code 7."
    assert explained(house.batch, "jobs", job_id, "tasks", task)["sentence"] == said
    assert explained(house.batch, "jobs", job_id)["sentence"] == said
    assert codes(explained(house.batch, "pools", pool_id)) == ["NodeStartTaskFailed", "PoolComplete"]
    found = explained(house.batch, "pools", pool_id, "nodes", nodes[0].id)
    assert found["startTaskOutput"] == {"stderr.txt": "no such package", "stdout.txt": "preparing"}
    stages = found["boot"]
    assert [stage["stage"] for stage in stages] == [
        "requested",
        "allocated",
        "agentUp",
        "startTaskStarted",
        "startTaskEnded",
    ]
    assert stages[-1]["error"]


def test_a_task_that_is_larger_than_every_node(house: House) -> None:
    pool_id = house.add_pool(1, slots=2)
    job_id = house.add_job(pool_id)
    task = house.add_task(job_id, "true", required_slots=3)
    house.wait_for_nodes(pool_id, "idle")
    found = explained(house.batch, "jobs", job_id, "tasks", task)
    assert codes(found) == ["NodeTooSmall"]
    assert (found["reasons"][0]["wanted"], found["reasons"][0]["slots"]) == (3, 2)


def test_a_queue(house: House) -> None:
    pool_id = house.add_pool(1)
    job_id = house.add_job(pool_id)
    first, _, last = (house.add_task(job_id, "sleep 100") for _ in range(3))
    house.wait_for_task(job_id, first, "running")
    assert codes(explained(house.batch, "jobs", job_id, "tasks", first)) == ["TaskRunning"]
    found = explained(house.batch, "jobs", job_id, "tasks", last)
    assert codes(found) == ["SlotsTaken", "TasksAhead"]
    assert found["reasons"][1]["tasks"] == 1
    assert codes(explained(house.batch, "jobs", job_id)) == ["SlotsTaken"]


def test_a_pool_beyond_its_accounts_quota(house: House) -> None:
    pool_id = fresh("pool")
    house.small.create_pool(pool_options(pool_id, SMALL_QUOTA))
    found = until(
        lambda: explained(house.small, "pools", pool_id),
        lambda found: "ResizeEnded" in codes(found),
        "the pool has what it gets",
    )
    assert {"ResizeEnded", "CoreQuotaReached"} <= set(codes(found))
    (refused,) = (reason for reason in found["reasons"] if reason["code"] == "CoreQuotaReached")
    assert (refused["quota"], refused["missing"]) == (SMALL_QUOTA, SMALL_QUOTA // 2)
    house.small.begin_delete_pool(pool_id, polling_interval=0.05).wait()
