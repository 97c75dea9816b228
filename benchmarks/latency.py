"""From the request that adds a task to the start of its process, on a node that waits for work."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks import operations, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row, percentile
from benchmarks.scale import Scale

PAUSE_SECONDS = 0.02
"""Between a task's start and the next request, so that the node is idle again."""
POLL_SECONDS = 0.002


def measure(scale: Scale) -> Measured:
    with tempfile.TemporaryDirectory() as name, operations.fresh_service() as (_, client):
        directory = Path(name)
        stamp = references.compiled("stamp", directory)
        spawn = references.compiled("spawn", directory)
        operations.ask_for_pool(client, "latency", nodes=1)
        operations.wait_until_idle(client, "latency", 1)
        operations.create_job(client, "latency", "latency")
        sample(client, stamp, directory / "warm-up", "warm", 10)
        plain = _plain(spawn, stamp, directory / "plain", scale.latency_samples)
        ours = sample(client, stamp, directory / "ours", "task", scale.latency_samples)
        syncs = [1000 * seconds for seconds in references.sync_seconds(directory, scale.latency_samples)]
    half, most = [percentile(ours, 50)], [percentile(ours, 99)]
    rows = [
        Row(
            "added → process started, p50",
            "ms",
            half,
            "posix_spawn from C, p50",
            [percentile(plain, 50)],
            10.0,
        ),
        Row(
            "added → process started, p99",
            "ms",
            most,
            "posix_spawn from C, p99",
            [percentile(plain, 99)],
            50.0,
        ),
        Row("added → process started, p50", "ms", half, "one fdatasync, p50", [percentile(syncs, 50)]),
        Row("added → process started, p99", "ms", most, "one fdatasync, p99", [percentile(syncs, 99)]),
    ]
    remark = (
        f"{scale.latency_samples} tasks, one at a time, on one node without other work. The clock starts "
        "before the request is sent; the task is a small C program that notes the time as its first act. "
        "At least two syncs lie between: the task's, and that of the decision where it runs."
    )
    return Measured(rows, [remark])


def sample(client: Client, stamp: Path, file: Path, prefix: str, count: int) -> list[float]:
    """Milliseconds from request to start, for each of `count` tasks."""
    file.touch()
    sent: dict[str, int] = {}
    for number in range(count):
        name = f"{prefix}{number}"
        sent[name] = time.monotonic_ns()
        client.post("/jobs/latency/tasks", {"id": name, "commandLine": f"{stamp} {file}"})
        _wait_for_line(file, number + 1)
        time.sleep(PAUSE_SECONDS)
    started = dict(line.split() for line in file.read_text().splitlines())
    return [(int(started[name]) - at) / 1e6 for name, at in sent.items()]


def _wait_for_line(file: Path, count: int) -> None:
    deadline = time.monotonic() + operations.PATIENCE_SECONDS
    while file.read_bytes().count(b"\n") < count:
        if time.monotonic() > deadline:
            raise operations.WorkloadError("a task did not start")
        time.sleep(POLL_SECONDS)


def _plain(spawn: Path, stamp: Path, file: Path, count: int) -> list[float]:
    """The same, for the program started by a C loop."""
    began = references.spawn_times(spawn, count, str(stamp), str(file))[:-1]
    started = [int(line.split()[1]) for line in file.read_text().splitlines()]
    return [(start - before) / 1e6 for before, start in zip(began, started, strict=True)]
