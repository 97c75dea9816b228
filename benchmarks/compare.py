"""Processor time of this checkout beside that of another one: `python -m benchmarks.compare OTHER`.

Both are measured in turn, each time with services of their own, on a file system in memory if there is one,
since making files on a disk takes the kernel now more, now less time. Each checkout uses its own virtual
environment (`.venv`) and its own `benchmarks`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

PAIRS = 7
TASKS = 3_000
ADDED = 30_000
WHAT: Final[Mapping[str, str]] = {
    "task": f"one of {TASKS:,} × /bin/true end to end",
    "add": f"one of {ADDED:,} tasks added, 100 in a request",
}
ONCE = f"""
import json
from benchmarks import operations, processes, throughput
with operations.fresh_service() as (service, client):
    operations.ask_for_pool(client, "pool", nodes=2, slots=8)
    operations.wait_until_idle(client, "pool", 2)
    throughput.POOL = "pool"
    found = processes.find(service)
    throughput.run(client, found, "warm-up", 400)
    task = throughput.run(client, found, "run", {TASKS}).cpu
    operations.create_job(client, "added", "not-there")
    bodies = operations.collections({ADDED}, "/bin/true")
    before = found.cpu_seconds
    operations.add(client, "added", bodies)
    print(json.dumps({{"task": task, "add": 1000 * (found.cpu_seconds - before) / {ADDED}}}))
"""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.compare", description=__doc__)
    parser.add_argument("other", type=Path, help="the other checkout, with its virtual environment")
    parser.add_argument("--pairs", type=int, default=PAIRS)
    arguments = parser.parse_args()
    here = Path(__file__).parent.parent
    runs: dict[Path, list[Mapping[str, float]]] = {arguments.other: [], here: []}
    for pair in range(arguments.pairs):
        for checkout in (arguments.other, here) if pair % 2 == 0 else (here, arguments.other):
            runs[checkout].append(once(checkout))
    for name, what in WHAT.items():
        print(line(what, [run[name] for run in runs[arguments.other]], [run[name] for run in runs[here]]))


def once(checkout: Path) -> Mapping[str, float]:
    """Milliseconds of processor time, by the names of `WHAT`."""
    variables = {"PYTHONPATH": ".", "BATCHITE_SANDBOX_TIER": "process"}
    if os.path.isdir("/dev/shm"):  # noqa: S108 - to look whether it is there
        variables["TMPDIR"] = "/dev/shm"  # noqa: S108
    answer = subprocess.run(
        [str(checkout.resolve() / ".venv/bin/python"), "-c", ONCE],
        cwd=checkout,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=sys.stderr,
        check=True,
    )
    measured: Mapping[str, float] = json.loads(answer.stdout)
    return measured


def line(what: str, other: Sequence[float], here: Sequence[float]) -> str:
    before, now = statistics.median(other), statistics.median(here)
    single = sorted(round(b / a, 2) for a, b in zip(other, here, strict=True))
    return f"{what}: {now:.3f} ms beside {before:.3f} ms, ratio of medians {now / before:.3f}, pairs {single}"


if __name__ == "__main__":
    main()
