"""Tasks per second end to end: `/bin/true`, added through the API, durable, outputs kept."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import operations, processes, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.processes import Processes
from benchmarks.references import Run
from benchmarks.scale import Scale

NODES = 2
SLOTS = 8
"""Task slots of each node: on two cores 4 to 32 differ by less than the noise."""
POOL = "throughput"
GOAL = 0.35
"""Of the rate of the C loop."""
SAMPLE = 50
"""Tasks whose output files are looked at."""
REMARK = (
    f"`/bin/true` runs on {NODES} nodes of {SLOTS} task slots, from the first request that adds tasks "
    f"(collections of {operations.COLLECTION}, one connection) until the counts say that all have "
    "succeeded. Adding is included, making the pool is not. Every task has its directory with stdout.txt "
    f"and stderr.txt, checked through the API for {SAMPLE} tasks of every repeat. Processor time is that of "
    "both services, the supervisor, the agents and the tasks; unlike the rates it hardly changes when "
    "other programs keep the machine busy. The C loop has as many processes in flight as there are cores."
)


def measure(scale: Scale) -> Measured:
    """Each repeat lies between two runs of the C loop, so that a busy moment slows both."""
    ours: list[Run] = []
    xargs: list[float] = []
    with tempfile.TemporaryDirectory() as directory, operations.fresh_service() as (service, client):
        spawn = references.compiled("spawn", Path(directory))
        operations.ask_for_pool(client, POOL, nodes=NODES, slots=SLOTS)
        operations.wait_until_idle(client, POOL, NODES)
        found = processes.find(service)
        run(client, found, "warm-up", scale.run_tasks // 20)
        loop = [references.spawn_run(spawn, scale.run_tasks)]
        for repeat in range(scale.repeats):
            ours.append(run(client, found, f"run{repeat}", scale.run_tasks))
            loop.append(references.spawn_run(spawn, scale.run_tasks))
            xargs.append(references.xargs_rate(scale.run_tasks))
    return Measured(_rows(scale.run_tasks, ours, loop, xargs), [REMARK])


def run(client: Client, found: Processes, job_id: str, count: int) -> Run:
    """One job of so many tasks."""
    operations.create_job(client, job_id, POOL)
    bodies = operations.collections(count, "/bin/true")
    cpu_before, began = found.cpu_seconds, time.monotonic()
    operations.add(client, job_id, bodies)
    operations.wait_until_completed(client, job_id, count)
    elapsed, cpu = time.monotonic() - began, found.cpu_seconds - cpu_before
    for number in range(0, count, max(1, count // SAMPLE)):
        for name in ("stdout.txt", "stderr.txt"):
            client.call("HEAD", f"/jobs/{job_id}/tasks/{operations.task_id(number)}/files/{name}")
    return Run(count / elapsed, 1000 * cpu / count)


def _rows(count: int, ours: Sequence[Run], loop: Sequence[Run], xargs: Sequence[float]) -> list[Row]:
    what, unit = f"{count:,} × /bin/true end to end", "tasks/s"
    rates = [run.rate for run in ours]
    return [
        Row(
            what,
            unit,
            rates,
            "C loop of posix_spawn",
            [run.rate for run in loop],
            GOAL,
            goal_of_ratio=True,
            higher_is_better=True,
        ),
        Row(what, unit, rates, "xargs -P 2", xargs),
        Row(
            "processor time of one /bin/true",
            "ms",
            [run.cpu for run in ours],
            "C loop of posix_spawn",
            [run.cpu for run in loop],
        ),
    ]
