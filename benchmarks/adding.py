"""How fast tasks are added, every one of them on disk before it is acknowledged."""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from batchite.testing import RunningService
from benchmarks import operations, references
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

GOAL = 15_000.0


def measure(scale: Scale) -> Measured:
    results: dict[int, list[float]] = {1: [], 4: []}
    bare: list[float] = []
    with tempfile.TemporaryDirectory() as directory, operations.fresh_service() as (service, client):
        for repeat in range(scale.repeats):
            for connections, rates in results.items():
                job_id = f"add{connections}-{repeat}"
                operations.create_job(client, job_id, "no-such-pool")
                rates.append(_add(service, job_id, scale.add_tasks, connections))
                counts = client.get(f"/jobs/{job_id}/taskcounts")["taskCounts"]
                if counts["active"] != scale.add_tasks:
                    raise operations.WorkloadError(f"{job_id}: {counts}")
            path = Path(directory) / f"bare{repeat}.db"
            bare.append(references.insert_rate(path, scale.add_tasks, operations.COLLECTION))
    rows = [
        Row(
            f"adding tasks, {connections} connection{'s' if connections > 1 else ''}",
            "tasks/s",
            rates,
            "bare SQLite, synced as often",
            bare,
            GOAL,
            higher_is_better=True,
        )
        for connections, rates in results.items()
    ]
    remark = (
        f"{scale.add_tasks:,} tasks are added in collections of {operations.COLLECTION} to a job whose pool "
        "does not exist, so nothing else is going on. The reference puts rows of two columns and one index "
        "into SQLite from one thread, with a synced commit for each 100."
    )
    return Measured(rows, [remark])


def _add(service: RunningService, job_id: str, count: int, connections: int) -> float:
    """Tasks per second, the bodies dealt to `connections` threads."""
    bodies = operations.collections(count, "/bin/true")
    threads = [
        threading.Thread(target=_send, args=(service, job_id, bodies[number::connections]))
        for number in range(connections)
    ]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (time.monotonic() - began)


def _send(service: RunningService, job_id: str, bodies: Sequence[bytes]) -> None:
    with operations.connected(service) as client:
        operations.add(client, job_id, bodies)
