"""Tasks per second: Batchite, and what a user would pick instead, in turn."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import operations, processes, references, throughput
from benchmarks.figures import Measured, Row
from benchmarks.peers import installing
from benchmarks.scale import Scale

HERE = Path(__file__).resolve().parent
REMARK = (
    "`/bin/true` by Batchite as in *throughput*, and by what else runs many commands on one machine, each as "
    "its documentation begins and with its outputs kept: HyperQueue by its LocalCluster with the two cores, "
    "a file each for stdout and stderr; GNU parallel with `--results`; Dask by its LocalCluster, two workers "
    "of four threads that run the command by subprocess; `xargs -P 2`, which keeps nothing. Neither Dask, "
    "GNU parallel nor xargs survives a kill, nor does a HyperQueue server without a journal; Batchite "
    "answers for every task that it acknowledged. Each repeat measures all of them one after the other."
)


def measure(scale: Scale) -> Measured:
    count = scale.peer_tasks
    peers = _peers()
    ours: list[float] = []
    theirs: dict[str, list[float]] = {name: [] for name in peers}
    with operations.fresh_service() as (service, client):
        operations.ask_for_pool(client, throughput.POOL, nodes=throughput.NODES, slots=throughput.SLOTS)
        operations.wait_until_idle(client, throughput.POOL, throughput.NODES)
        found = processes.find(service)
        throughput.run(client, found, "warm-up", max(count // 20, 50))
        for repeat in range(scale.repeats):
            ours.append(throughput.run(client, found, f"run{repeat}", count).rate)
            for name, rate in peers.items():
                theirs[name].append(rate(count))
    what = f"{count:,} × /bin/true end to end"
    rows = [Row(what, "tasks/s", ours, name, rates) for name, rates in theirs.items()]
    return Measured(rows, [REMARK])


def _peers() -> Mapping[str, Callable[[int], float]]:
    """Those that are here."""
    peers: dict[str, Callable[[int], float]] = {
        "HyperQueue 0.27": _script("hyperqueue_run.py", installing.HYPERQUEUE),
        "Dask 2026.8": _script("dask_run.py", installing.DASK),
        "xargs -P 2": references.xargs_rate,
    }
    if shutil.which("parallel"):
        peers["GNU parallel --results"] = _parallel
    return peers


def _script(name: str, requirement: str) -> Callable[[int], float]:
    python = installing.python_with(requirement)

    def rate(count: int) -> float:
        command = [str(python), str(HERE / name), str(count)]
        answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        return count / float(answer.stdout.split()[-1])

    return rate


def _parallel(count: int) -> float:
    names = "\n".join(map(str, range(count))).encode()
    with tempfile.TemporaryDirectory() as directory:
        command = ["parallel", "-j", "2", "--results", directory, "/bin/true"]
        began = time.monotonic()
        subprocess.run(command, input=names, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return count / (time.monotonic() - began)
