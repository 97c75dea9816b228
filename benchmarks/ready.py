"""How long `batchite serve` takes until it says that it is ready."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time

from benchmarks.figures import Measured, Row
from benchmarks.operations import WorkloadError
from benchmarks.references import interpreter_seconds
from benchmarks.scale import Scale


def measure(scale: Scale) -> Measured:
    first: list[float] = []
    again: list[float] = []
    for _ in range(scale.repeats):
        with tempfile.TemporaryDirectory() as data_dir:
            first.append(_start(data_dir))
            again.append(_start(data_dir))
    plain = interpreter_seconds(scale.repeats)
    rows = [
        Row("batchite serve → ready, new data", "s", first, "python -c ''", plain, 1.0),
        Row("batchite serve → ready, again", "s", again, "python -c ''", plain, 1.0),
    ]
    return Measured(rows, ["Ready is when `batchite serve` prints it: both services answer requests then."])


def _start(data_dir: str) -> float:
    command = [sys.executable, "-m", "batchite", "serve", "--data-dir", data_dir]
    command += ["--batch-port", "0", "--blob-port", "0"]
    began = time.monotonic()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        assert process.stdout is not None
        try:
            for line in process.stdout:
                if line.startswith("Ready"):
                    return time.monotonic() - began
            raise WorkloadError("the services did not get ready")
        finally:
            process.send_signal(signal.SIGINT)
            process.stdout.read()
