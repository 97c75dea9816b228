"""The tutorial as a newcomer runs it, with the start of the services."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from benchmarks.figures import Measured, Row
from benchmarks.operations import WorkloadError
from benchmarks.scale import Scale

RUNNER = Path(__file__).resolve().parent.parent / "examples" / "run_tutorial.py"
CLOUD_SECONDS = 362.0
"""What the transcript of the same steps in the cloud says."""
ELAPSED = re.compile(r"From starting the services to the results in ([0-9.]+) s")


def measure(scale: Scale) -> Measured:
    taken = [_run() for _ in range(scale.repeats)]
    row = Row(
        "tutorial, services' start included", "s", taken, "the same steps in the cloud", [CLOUD_SECONDS], 6.0
    )
    remark = (
        "The tutorial is `make tutorial` without the installation: a program of the official SDKs that "
        "uploads, makes a pool of nodes with a start task, runs three tasks and downloads their results. "
        "Its reference is not measured here: it is the time that the transcript of the same steps in the "
        "cloud shows."
    )
    return Measured([row], [remark])


def _run() -> float:
    answer = subprocess.run(
        [sys.executable, str(RUNNER)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True
    )
    found = ELAPSED.search(answer.stdout)
    if answer.returncode or not found:
        raise WorkloadError(f"the tutorial ended with {answer.returncode}: {answer.stdout[-2000:]}")
    return float(found[1])
