"""A job with very many tasks: the service's memory, the first page of a filtered list, the counts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from batchite.testing import RunningService
from benchmarks import operations, processes, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

REQUESTS = 20
"""How often each question is asked."""
FILTERS = {
    "by state": "state eq 'active'",
    "by id": "startswith(id,'task00000')",
    "by time, none found": "creationTime lt DateTime'2020-01-01T00:00:00Z'",
    "by exit code, none found": "executionInfo/exitCode gt 0",
}


def memory(scale: Scale) -> Measured:
    """Resident memory of each process at rest, and of the Batch service with tasks queued."""
    with _node_at_work() as (service, client):
        found = processes.find(service)
        parts = (found.supervisor, found.batch, found.blob, found.agents[0])
        supervisor, batch, blob, agent = (processes.megabytes(part) for part in parts)
        _queue(client, scale.stored_tasks)
        queued = processes.megabytes(found.batch)
    plain = [references.interpreter_bytes() / processes.MEGABYTE]
    floor = "python without imports"
    rows = [
        Row("memory at rest: supervisor", "MB", [supervisor], floor, plain),
        Row("memory at rest: Batch service", "MB", [batch], floor, plain),
        Row("memory at rest: Blob service", "MB", [blob], floor, plain),
        Row("memory at rest: both services", "MB", [batch + blob], floor, plain, 150.0),
        Row("memory at rest: agent of a node", "MB", [agent], floor, plain),
        Row(
            f"memory of the Batch service, {scale.stored_tasks:,} tasks queued",
            "MB",
            [queued],
            "the same without them",
            [batch],
            300.0,
        ),
    ]
    remark = (
        "Memory is what is resident, shared pages included. The queued tasks wait behind one that sleeps "
        "on a pool of one node with one slot, so the scheduler knows of all of them."
    )
    return Measured(rows, [remark])


def listing(scale: Scale) -> Measured:
    """The first page of filtered lists, and exact counts."""
    with _node_at_work() as (_, client):
        _queue(client, scale.stored_tasks)
        floor = _asked(lambda: client.get("/jobs/stored", select="id"))
        pages = {name: _asked(partial(_page, client, text)) for name, text in FILTERS.items()}
        counts = _asked(lambda: client.get("/jobs/stored/taskcounts"))
    reference = "getting one job"
    rows = [
        Row(f"first page {name}, {scale.stored_tasks:,} tasks", "ms", taken, reference, floor, 50.0)
        for name, taken in pages.items()
    ]
    rows.append(Row(f"task counts, {scale.stored_tasks:,} tasks", "ms", counts, reference, floor, 50.0))
    return Measured(rows, [f"Each list and the counts are asked for {REQUESTS} times, for 100 tasks a page."])


@contextmanager
def _node_at_work() -> Iterator[tuple[RunningService, Client]]:
    """A service with a job whose only task so far keeps the only slot."""
    with operations.fresh_service() as (service, client):
        operations.ask_for_pool(client, "stored", nodes=1)
        operations.wait_until_idle(client, "stored", 1)
        operations.create_job(client, "stored", "stored")
        client.post("/jobs/stored/tasks", {"id": "first", "commandLine": "/bin/sleep 3600"})
        deadline = time.monotonic() + operations.PATIENCE_SECONDS
        while client.get("/jobs/stored/taskcounts")["taskCounts"]["running"] != 1:
            if time.monotonic() > deadline:
                raise operations.WorkloadError("the first task did not start")
            time.sleep(operations.POLL_SECONDS)
        yield service, client


def _queue(client: Client, count: int) -> None:
    operations.add(client, "stored", operations.collections(count, "/bin/true"))
    counts = client.get("/jobs/stored/taskcounts")["taskCounts"]
    if counts["active"] != count:
        raise operations.WorkloadError(f"not all tasks are queued: {counts}")


def _page(client: Client, text: str) -> None:
    client.call("GET", "/jobs/stored/tasks", {"$filter": text, "maxresults": "100"})


def _asked(ask: Callable[[], object]) -> list[float]:
    """Milliseconds of each request."""
    taken = []
    for _ in range(REQUESTS):
        began = time.monotonic()
        ask()
        taken.append(1000 * (time.monotonic() - began))
    return taken
