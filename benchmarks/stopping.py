"""How long an orderly stop takes: many tasks that will not end, and a pool that is far from complete."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from batchite.testing import RunningService, running_service
from batchite.testing.service import stop
from benchmarks import operations, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.operations import WorkloadError
from benchmarks.scale import Scale

SLOTS = 4
STUBBORN = "/bin/sh -c \"trap '' TERM; while :; do sleep 1; done\""
"""It has to be killed, three seconds after it was asked to end."""
BEGINNING_SECONDS = 3.0
"""How long a large pool has been under way."""
GOAL_SECONDS = 8.0


def measure(scale: Scale) -> Measured:
    nodes, wanted = scale.stopped_nodes, scale.wanted_nodes
    starts = references.interpreter_seconds(scale.repeats, at_once=nodes)
    reference = f"{nodes} × python -c '' at once"
    stubborn = [_stop_full(nodes) for _ in range(scale.repeats)]
    beginning = [_stop_beginning(wanted) for _ in range(scale.repeats)]
    deleted = [_delete_beginning(wanted) for _ in range(scale.repeats)]
    what = f"stop, {nodes} nodes × {SLOTS} tasks that ignore SIGTERM"
    rows = [
        Row(what, "s", stubborn, reference, starts, GOAL_SECONDS),
        Row(f"stop, {wanted:,} nodes wanted for 3 s", "s", beginning, reference, starts, GOAL_SECONDS),
        Row(f"delete, {wanted:,} nodes wanted for 3 s", "s", deleted, reference, starts, GOAL_SECONDS),
    ]
    return Measured(rows, ["A stop is over when nothing of the service, its nodes and tasks runs any more."])


def _stop_full(nodes: int) -> float:
    with _service(nodes) as (service, client):
        operations.ask_for_pool(client, "pool", nodes=nodes, slots=SLOTS)
        operations.wait_until_idle(client, "pool", nodes)
        operations.create_job(client, "job", "pool")
        operations.add(client, "job", operations.collections(nodes * SLOTS, STUBBORN))
        while client.get("/jobs/job/taskcounts")["taskCounts"]["running"] < nodes * SLOTS:
            time.sleep(operations.POLL_SECONDS)
        return _seconds_to_stop(service)


def _stop_beginning(nodes: int) -> float:
    with _service(nodes) as (service, client):
        operations.ask_for_pool(client, "pool", nodes=nodes)
        time.sleep(BEGINNING_SECONDS)
        return _seconds_to_stop(service)


def _delete_beginning(nodes: int) -> float:
    with _service(nodes) as (_, client):
        operations.ask_for_pool(client, "pool", nodes=nodes)
        time.sleep(BEGINNING_SECONDS)
        began = time.monotonic()
        client.call("DELETE", "/pools/pool")
        while client.get("/pools")["value"]:
            time.sleep(operations.POLL_SECONDS)
        return time.monotonic() - began


@contextlib.contextmanager
def _service(nodes: int) -> Iterator[tuple[RunningService, Client]]:
    with (
        tempfile.TemporaryDirectory() as directory,
        running_service(Path(directory), arguments=["--max-nodes", str(nodes)]) as service,
        operations.connected(service) as client,
    ):
        yield service, client


def _seconds_to_stop(service: RunningService) -> float:
    began = time.monotonic()
    stop(service)
    taken = time.monotonic() - began
    if service.process.returncode != 0:
        raise WorkloadError(f"the stop ended with code {service.process.returncode}")
    left = [process for process in psutil.process_iter() if _belongs(process, str(service.data_dir))]
    if left:
        raise WorkloadError(f"{len(left)} processes go on after the stop: {left[:3]}")
    return taken


def _belongs(process: psutil.Process, data_dir: str) -> bool:
    try:
        told = [*process.cmdline(), *process.environ().values(), process.cwd()]
    except psutil.Error:
        return False
    return any(data_dir in text for text in told)
