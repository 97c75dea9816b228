"""What every measurement does with the API: pools, jobs, tasks, and waiting for them."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Sequence

from batchite.testing import RunningService, running_service
from benchmarks.client import Client

COLLECTION = 100
"""Tasks in one request: the most that the API takes."""
POLL_SECONDS = 0.02
PATIENCE_SECONDS = 600.0

UBUNTU = {
    "imageReference": {
        "publisher": "canonical",
        "offer": "0001-com-ubuntu-server-jammy",
        "sku": "22_04-lts",
    },
    "nodeAgentSKUId": "batch.node.ubuntu 22.04",
}


class WorkloadError(Exception):
    """Something to be measured did not happen as it should; figures of it would be worthless."""


@contextlib.contextmanager
def connected(service: RunningService) -> Iterator[Client]:
    client = Client(service)
    try:
        yield client
    finally:
        client.close()


@contextlib.contextmanager
def fresh_service() -> Iterator[tuple[RunningService, Client]]:
    """Services of their own on free ports in a temporary directory, and a connection to Batch."""
    with running_service() as service, connected(service) as client:
        yield service, client


def ask_for_pool(client: Client, pool_id: str, *, nodes: int, slots: int = 1) -> None:
    client.post(
        "/pools",
        {
            "id": pool_id,
            "vmSize": "standard_d8s_v3",
            "targetDedicatedNodes": nodes,
            "taskSlotsPerNode": slots,
            "virtualMachineConfiguration": UBUNTU,
        },
    )


def wait_until_idle(client: Client, pool_id: str, nodes: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while idle(client, pool_id) < nodes:
        if time.monotonic() > deadline:
            raise WorkloadError(f"the nodes of {pool_id} did not get idle")
        time.sleep(POLL_SECONDS)


def idle(client: Client, pool_id: str) -> int:
    return [node["state"] for node in client.get(f"/pools/{pool_id}/nodes")["value"]].count("idle")


def wait_until_steady(client: Client, pool_id: str, nodes: int) -> None:
    """With so many dedicated nodes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        pool = client.get(f"/pools/{pool_id}")
        if (pool["allocationState"], pool["currentDedicatedNodes"]) == ("steady", nodes):
            return
        if time.monotonic() > deadline:
            raise WorkloadError(f"{pool_id} did not come to {nodes} nodes: {pool}")
        time.sleep(POLL_SECONDS)


def create_job(client: Client, job_id: str, pool_id: str) -> None:
    client.post("/jobs", {"id": job_id, "poolInfo": {"poolId": pool_id}})


def task_id(number: int) -> str:
    return f"task{number:07}"


def collections(count: int, command: str, first: int = 0) -> list[bytes]:
    """The bodies of the requests that add `count` tasks, made beforehand so that only sending is timed."""
    bodies = []
    for start in range(first, first + count, COLLECTION):
        numbers = range(start, min(start + COLLECTION, first + count))
        tasks = [{"id": task_id(number), "commandLine": command} for number in numbers]
        bodies.append(json.dumps({"value": tasks}).encode())
    return bodies


def add(client: Client, job_id: str, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        answer = client.call("POST", f"/jobs/{job_id}/addtaskcollection", body=body)
        refused = [result for result in answer["value"] if result["status"] != "success"]
        if refused:
            raise WorkloadError(f"a task was not added: {refused[0]}")


def wait_until_completed(client: Client, job_id: str, count: int, poll_seconds: float = 0.05) -> None:
    """Returns once all `count` tasks of the job have ended well. Raises WorkloadError."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        counts = client.get(f"/jobs/{job_id}/taskcounts")["taskCounts"]
        if counts["failed"]:
            raise WorkloadError(f"{counts['failed']} tasks of {job_id} have failed")
        if counts["succeeded"] == count:
            return
        if time.monotonic() > deadline:
            raise WorkloadError(f"{job_id} did not end: {counts}")
        time.sleep(poll_seconds)
