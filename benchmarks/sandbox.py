"""Nodes that are machines beside nodes that are processes: their tasks, their start, their memory."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from batchite.testing import running_service
from benchmarks import operations, processes, references, throughput
from benchmarks.client import Client
from benchmarks.figures import Measured, Row
from benchmarks.processes import Processes
from benchmarks.scale import Scale

TIERS = ("machine", "process")
RATIO = 0.7
"""Of the rate of nodes that are processes."""
SECONDS = 0.5
"""Until a new pool of three machines is idle."""
NODES = 3
_FORGE = "batchite.nodes.sandbox.forge"
REMARK = (
    f"`/bin/true` as in *throughput*, one tier after the other in turns; a pool of {NODES} as in *pools*. "
    "The memory of a node's first process is its share (PSS) of the pages that it has in common with others."
)


def measure(scale: Scale) -> Measured:
    if os.geteuid() != 0:
        return Measured([], ["Only root can make nodes that are machines."])
    rates: dict[str, list[float]] = {tier: [] for tier in TIERS}
    pools: dict[str, list[float]] = {tier: [] for tier in TIERS}
    xargs: list[float] = []
    with contextlib.ExitStack() as stack:
        services = {tier: stack.enter_context(_service(tier)) for tier in TIERS}
        for client, found in services.values():
            throughput.run(client, found, "warm-up", scale.run_tasks // 20)
        memory = _memory()
        for repeat in range(scale.repeats):
            for tier, (client, found) in services.items():
                rates[tier].append(throughput.run(client, found, f"run{repeat}", scale.run_tasks).rate)
            xargs.append(references.xargs_rate(scale.run_tasks))
        for repeat in range(scale.repeats):
            for tier, (client, _) in services.items():
                pools[tier].append(_pool(client, f"pool{repeat}"))
    plain = [references.interpreter_bytes() / processes.MEGABYTE]
    what = f"{scale.run_tasks:,} × /bin/true, machines"
    rows = [
        Row(
            what,
            "tasks/s",
            rates["machine"],
            "the same, processes",
            rates["process"],
            RATIO,
            goal_of_ratio=True,
            higher_is_better=True,
        ),
        Row(what, "tasks/s", rates["machine"], "xargs -P 2", xargs),
        Row(
            f"new pool of {NODES} machines → all idle",
            "s",
            pools["machine"],
            "the same, processes",
            pools["process"],
            SECONDS,
        ),
        Row("memory of a machine's first process", "MB", memory, "python without imports", plain),
    ]
    return Measured(rows, [REMARK])


@contextlib.contextmanager
def _service(tier: str) -> Iterator[tuple[Client, Processes]]:
    """With a pool as for throughput."""
    with (
        running_service(variables={"BATCHITE_SANDBOX_TIER": tier}) as service,
        operations.connected(service) as client,
    ):
        operations.ask_for_pool(client, throughput.POOL, nodes=throughput.NODES, slots=throughput.SLOTS)
        operations.wait_until_idle(client, throughput.POOL, throughput.NODES)
        yield client, processes.find(service)


def _pool(client: Client, pool_id: str) -> float:
    began = time.monotonic()
    operations.ask_for_pool(client, pool_id, nodes=NODES)
    operations.wait_until_idle(client, pool_id, NODES)
    taken = time.monotonic() - began
    client.call("DELETE", f"/pools/{pool_id}")
    return taken


def _memory() -> list[float]:
    """Of all first processes that there are; the forge itself is the service's user's."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if _FORGE in process.cmdline() and process.uids().real != os.geteuid():
                found.append(_share(process.pid))
    return found


def _share(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines()
    return sum(1024 * int(line.split()[1]) for line in lines if line.startswith("Pss:")) / processes.MEGABYTE
