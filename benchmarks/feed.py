"""What readers of the feed cost, and how soon they hear of a change."""

from __future__ import annotations

import threading
import time
from typing import Any, NamedTuple

from batchite.testing import RunningService
from benchmarks import operations, processes
from benchmarks.client import Client
from benchmarks.figures import Measured, Row, percentile
from benchmarks.scale import Scale

READERS = 10
POOL = "feed"
GOAL_MEGABYTES = 20.0
SAMPLES = 100
_PATH = "/-/events"
REMARK = (
    f"{READERS} readers, a connection each, ask again and again for events and wait for them, and hear of "
    "every change of every task that is added and run meanwhile; the reference is another service with the "
    "same work and nobody who reads. A single change is heard by one reader who waits: from the request that "
    "adds a task until the answer with its event is there."
)


class Cost(NamedTuple):
    megabytes: float
    milliseconds: float
    """of the processor, for each task"""


def measure(scale: Scale) -> Measured:
    alone = [_work(scale, 0) for _ in range(scale.repeats)]
    read = [_work(scale, READERS) for _ in range(scale.repeats)]
    heard, asked = _heard()
    before = [cost.megabytes for cost in alone]
    rows = [
        Row(
            f"memory that {READERS} readers of the feed add",
            "MB",
            [cost.megabytes - base for cost, base in zip(read, before, strict=True)],
            "the Batch service without them",
            before,
            GOAL_MEGABYTES,
        ),
        Row(
            f"processor time of the Batch service for a task, {READERS} readers",
            "ms",
            [cost.milliseconds for cost in read],
            "without them",
            [cost.milliseconds for cost in alone],
        ),
        Row("added → heard by a reader, p50", "ms", [percentile(heard, 50)], "getting one job", asked),
        Row("added → heard by a reader, p99", "ms", [percentile(heard, 99)], "getting one job", asked),
    ]
    return Measured(rows, [REMARK])


def _work(scale: Scale, readers: int) -> Cost:
    """Tasks that are added and run while so many read."""
    with operations.fresh_service() as (service, client):
        operations.ask_for_pool(client, POOL, nodes=2, slots=8)
        operations.wait_until_idle(client, POOL, 2)
        operations.create_job(client, "job", POOL)
        batch = processes.find(service).batch
        before = processes.cpu_seconds(batch)
        following = [_begin(service, scale.run_tasks) for _ in range(readers)]
        operations.add(client, "job", operations.collections(scale.run_tasks, "/bin/true"))
        operations.wait_until_completed(client, "job", scale.run_tasks)
        for thread in following:
            thread.join(operations.PATIENCE_SECONDS)
            if thread.is_alive():
                raise operations.WorkloadError("a reader did not hear of every task")
        spent = processes.cpu_seconds(batch) - before
        return Cost(processes.megabytes(batch), 1000 * spent / scale.run_tasks)


def _begin(service: RunningService, tasks: int) -> threading.Thread:
    client = Client(service)
    cursor = _events(client)["cursor"]
    thread = threading.Thread(target=_hear, args=(client, cursor, tasks), daemon=True)
    thread.start()
    return thread


def _hear(client: Client, cursor: str, tasks: int) -> None:
    completed = 0
    while completed < tasks:
        found = _events(client, cursor=cursor, wait="30", kinds="task")
        completed += sum(event["state"] == "completed" for event in found["events"])
        cursor = found["cursor"]
    client.close()


def _events(client: Client, **query: str) -> Any:
    return client.call("GET", _PATH, query)


def _heard() -> tuple[list[float], list[float]]:
    """Milliseconds from adding a task to hearing of it, and of a request that reads one job."""
    with operations.fresh_service() as (service, client), operations.connected(service) as other:
        operations.create_job(client, "job", "no-such-pool")
        cursor = _events(other)["cursor"]
        began: list[float] = []
        taken: list[float] = []
        asked: list[float] = []
        for number in range(SAMPLES):
            adding = threading.Thread(target=_add, args=(client, number, began))
            adding.start()
            found = _events(other, cursor=cursor, wait="30")
            taken.append(1000 * (time.monotonic() - began[-1]))
            cursor = found["cursor"]
            adding.join()
            start = time.monotonic()
            client.get("/jobs/job")
            asked.append(1000 * (time.monotonic() - start))
    return taken, asked


def _add(client: Client, number: int, began: list[float]) -> None:
    time.sleep(0.05)  # so that the other waits by then
    began.append(time.monotonic())
    client.post("/jobs/job/tasks", {"id": operations.task_id(number), "commandLine": "/bin/true"})
