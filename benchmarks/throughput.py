"""Tasks per second end to end: `/bin/true`, added through the API, durable, outputs kept."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import operations, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.scale import Scale

NODES = 2
SLOTS = 8
"""Task slots of each node: as measured best on two cores; 4 to 16 differ by less than the noise."""
POOL = "throughput"
SAMPLE = 50
"""Tasks whose output files are looked at."""


def measure(scale: Scale) -> Measured:
    """Each repeat lies between two runs of the C loop, so that a busy moment slows both."""
    ours: list[float] = []
    xargs: list[float] = []
    with tempfile.TemporaryDirectory() as directory, operations.fresh_service() as (_, client):
        spawn = references.compiled("spawn", Path(directory))
        operations.ask_for_pool(client, POOL, nodes=NODES, slots=SLOTS)
        operations.wait_until_idle(client, POOL, NODES)
        run(client, "warm-up", scale.run_tasks // 20)
        loop = [references.spawn_rate(spawn, scale.run_tasks)]
        for repeat in range(scale.repeats):
            ours.append(run(client, f"run{repeat}", scale.run_tasks))
            loop.append(references.spawn_rate(spawn, scale.run_tasks))
            xargs.append(references.xargs_rate(scale.run_tasks))
    what = f"{scale.run_tasks:,} × /bin/true end to end"
    rows = [
        Row(
            what,
            "tasks/s",
            ours,
            "C loop of posix_spawn",
            loop,
            0.2,
            goal_of_ratio=True,
            higher_is_better=True,
        ),
        Row(what, "tasks/s", ours, "xargs -P 2", xargs),
    ]
    remark = (
        f"`/bin/true` runs on {NODES} nodes of {SLOTS} task slots, from the first request that adds tasks "
        f"(collections of {operations.COLLECTION}, one connection) until the counts say that all have "
        f"succeeded. Adding is included, making the pool is not. Every task has its directory with "
        f"stdout.txt and stderr.txt, checked through the API for {SAMPLE} tasks of every repeat."
    )
    return Measured(rows, [remark])


def run(client: Client, job_id: str, count: int) -> float:
    """Tasks per second of one job."""
    operations.create_job(client, job_id, POOL)
    bodies = operations.collections(count, "/bin/true")
    began = time.monotonic()
    operations.add(client, job_id, bodies)
    operations.wait_until_completed(client, job_id, count)
    rate = count / (time.monotonic() - began)
    for number in range(0, count, max(1, count // SAMPLE)):
        for name in ("stdout.txt", "stderr.txt"):
            client.call("HEAD", f"/jobs/{job_id}/tasks/{operations.task_id(number)}/files/{name}")
    return rate
