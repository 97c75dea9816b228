"""Tasks that wait for others: how fast they are released, and what a million of them take."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks import latency, operations, processes, references
from benchmarks.client import Client
from benchmarks.figures import Measured, Row, percentile
from benchmarks.scale import Scale

NODES = 2
SLOTS = 8
POOL = "dependencies"
PLAIN = "without dependencies"
CHAIN_LENGTH = 100
LAYER = 1000
ASKED = 100
"""Tasks that are added one by one to see what that takes."""


def chains(scale: Scale) -> Measured:
    """Chains beside each other, and layers of which each waits for all of the one before."""
    count = scale.dependent_tasks
    layer = min(LAYER, count // 5)
    with operations.fresh_service() as (_, client):
        operations.ask_for_pool(client, POOL, nodes=NODES, slots=SLOTS)
        operations.wait_until_idle(client, POOL, NODES)
        _rate(client, "warm-up", _plain(scale.run_tasks // 20))
        plain = [_rate(client, "plain-0", _plain(scale.run_tasks))]
        chained = _rate(client, "chains", _chains(count // CHAIN_LENGTH, CHAIN_LENGTH))
        plain.append(_rate(client, "plain-1", _plain(scale.run_tasks)))
        layered = _rate(client, "layers", _layers(count // layer, layer))
        plain.append(_rate(client, "plain-2", _plain(scale.run_tasks)))
    what = f"{count // CHAIN_LENGTH:,} chains of {CHAIN_LENGTH} × /bin/true"
    rows = [
        Row(what, "tasks/s", [chained], PLAIN, plain, 0.7, goal_of_ratio=True, higher_is_better=True),
        Row(
            f"{count // layer} layers of {layer:,} × /bin/true, joined by ranges",
            "tasks/s",
            [layered],
            PLAIN,
            plain,
            0.5,
            goal_of_ratio=True,
            higher_is_better=True,
        ),
    ]
    remark = (
        f"On {NODES} nodes of {SLOTS} task slots, from the first request that adds tasks until all have "
        f"succeeded, beside {scale.run_tasks:,} tasks that depend on nothing, before, between and after."
    )
    return Measured(rows, [remark])


def release(scale: Scale) -> Measured:
    """From the end of a task to the start of the one that waits for it."""
    with tempfile.TemporaryDirectory() as name, operations.fresh_service() as (_, client):
        directory = Path(name)
        stamp = references.compiled("stamp", directory)
        operations.ask_for_pool(client, "latency", nodes=1)
        operations.wait_until_idle(client, "latency", 1)
        operations.create_job(client, "latency", "latency")
        latency.sample(client, stamp, directory / "warm-up", "warm", 10)
        added = latency.sample(client, stamp, directory / "added", "task", scale.latency_samples)
        file = directory / "chain"
        rate = _rate(client, "chain", _chain(scale.chain_tasks, f"{stamp} {file}"), pool="latency")
        started = sorted(int(line.split()[1]) for line in file.read_text().splitlines())
    waited = [(after - before) / 1e6 for before, after in pairwise(started)]
    if len(started) != scale.chain_tasks:
        raise operations.WorkloadError(f"{len(started)} tasks of the chain ran")
    reference = "added → process started"
    rows = [
        Row(
            f"end of a task → start of the one that waits for it, p{percent}",
            "ms",
            [percentile(waited, percent)],
            f"{reference}, p{percent}",
            [percentile(added, percent)],
            1.0 if percent == 50 else None,
            goal_of_ratio=True,
        )
        for percent in (50, 99)
    ]
    alone = [1000 / percentile(added, 50)]
    rows.append(Row(f"a chain of {scale.chain_tasks:,}", "tasks/s", [rate], "added one by one", alone))
    remark = (
        f"A chain of {scale.chain_tasks:,} tasks on one node of one slot; each is a small C program that "
        "notes the time as its first act and ends, so its own run is counted, too."
    )
    return Measured(rows, [remark])


def memory(scale: Scale) -> Measured:
    """The Batch service with very many tasks that wait for others, and what one more takes then."""
    count = scale.waiting_tasks
    width = count // 10
    with operations.fresh_service() as (service, client):
        operations.ask_for_pool(client, POOL, nodes=1)
        operations.wait_until_idle(client, POOL, 1)
        found = processes.find(service)
        before = processes.megabytes(found.batch)
        _create(client, "many")
        _add(client, "many", _waiting(count))
        _check(client, "many", count)
        chained = processes.megabytes(found.batch)
        _create(client, "layers")
        ranges = {
            "plain": {},
            "narrow": _range(count + 1, count + 9),
            "wide": _range(count + 1, count + width),
        }
        plain, narrow, wide = _in_turn(client, "layers", ranges)
        layer = min(LAYER, width)
        _add(client, "layers", _layers(count // layer, layer, first=_range(-1, -1)))
        layered = processes.megabytes(found.batch)
    what = "memory of the Batch service"
    rows = [
        Row(f"{what}, {count:,} tasks that wait for one each", "MB", [chained], "at rest", [before], 90.0),
        Row(f"{what}, and {count:,} that wait for ranges", "MB", [layered], "at rest", [before], 90.0),
        Row(f"adding a task that waits for {width:,}", "ms", wide, "that waits for 9", narrow),
        Row("adding a task that waits for 9", "ms", narrow, "that waits for nothing", plain),
    ]
    remark = (
        f"The first are a chain whose first task waits for one that nobody adds; the others {count // layer} "
        f"layers of {layer:,}, of which each waits for all of the one before. Nothing runs meanwhile."
    )
    return Measured(rows, [remark])


# -- tasks


Tasks = Iterable[dict[str, Any]]


def _plain(count: int) -> Tasks:
    return ({"id": operations.task_id(number), "commandLine": "/bin/true"} for number in range(count))


def _chain(count: int, command: str) -> Tasks:
    return (_after([f"c{one - 1}"] if one else [], f"c{one}", command) for one in range(count))


def _chains(count: int, length: int) -> Tasks:
    for step in range(length):
        for chain in range(count):
            yield _after([f"c{chain}-{step - 1}"] if step else [], f"c{chain}-{step}")


def _waiting(count: int) -> Tasks:
    return (_after([f"w{one - 1}"], f"w{one}") for one in range(count))


def _after(parents: list[str], name: str, command: str = "/bin/true") -> dict[str, Any]:
    depends_on = {"dependsOn": {"taskIds": parents}} if parents else {}
    return {"id": name, "commandLine": command, **depends_on}


def _layers(count: int, width: int, first: dict[str, Any] | None = None) -> Tasks:
    for layer in range(count):
        begin = layer * width
        depends_on = _range(begin - width, begin - 1) if layer else first or {}
        for number in range(begin, begin + width):
            yield {"id": str(number), "commandLine": "/bin/true", **depends_on}


def _range(first: int, last: int) -> dict[str, Any]:
    return {"dependsOn": {"taskIdRanges": [{"start": first, "end": last}]}}


# -- what is done with them


def _create(client: Client, job: str, pool: str = POOL) -> None:
    client.post("/jobs", {"id": job, "poolInfo": {"poolId": pool}, "usesTaskDependencies": True})


def _bodies(tasks: Tasks) -> Iterator[bytes]:
    some: list[dict[str, Any]] = []
    for task in tasks:
        some.append(task)
        if len(some) == operations.COLLECTION:
            yield json.dumps({"value": some}).encode()
            some = []
    if some:
        yield json.dumps({"value": some}).encode()


def _add(client: Client, job: str, tasks: Tasks) -> None:
    for body in _bodies(tasks):
        operations.add(client, job, [body])


def _rate(client: Client, job: str, tasks: Tasks, pool: str = POOL) -> float:
    """Tasks per second, from the first request until all have succeeded."""
    bodies = list(_bodies(tasks))
    count = sum(len(json.loads(body)["value"]) for body in bodies)
    _create(client, job, pool)
    began = time.monotonic()
    operations.add(client, job, bodies)
    operations.wait_until_completed(client, job, count)
    return count / (time.monotonic() - began)


def _in_turn(client: Client, job: str, kinds: dict[str, dict[str, Any]]) -> list[list[float]]:
    """Milliseconds of each request that adds a task of a kind."""
    taken: list[list[float]] = [[] for _ in kinds]
    for number in range(ASKED):
        for kind, (name, depends_on) in zip(taken, kinds.items(), strict=True):
            began = time.monotonic()
            client.post(
                f"/jobs/{job}/tasks", {"id": f"{name}{number}", "commandLine": "/bin/true", **depends_on}
            )
            kind.append(1000 * (time.monotonic() - began))
    return taken


def _check(client: Client, job: str, count: int) -> None:
    counts = client.get(f"/jobs/{job}/taskcounts")["taskCounts"]
    if counts["active"] != count:
        raise operations.WorkloadError(f"not all tasks wait: {counts}")
