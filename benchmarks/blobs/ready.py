"""From the start of a service's process to the first answer it gives."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmarks.blobs import azurite, ours
from benchmarks.blobs.rows import Compared
from benchmarks.blobs.sides import AZURITE, OURS, Kind, running
from benchmarks.figures import Measured, Row
from benchmarks.references import interpreter_seconds
from benchmarks.scale import Scale

GOAL_SECONDS = 1.0
REMARK = (
    "The Blob service has started when a request on a new connection gets an answer, whatever it says; new "
    "data means an empty directory, where accounts and databases have yet to be made."
)


def measure(scale: Scale) -> Measured:
    first, again = Compared(), Compared()
    azurite.program()
    for _ in range(scale.repeats):
        for kind in (OURS, AZURITE):
            with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
                first.add(kind.name, _seconds(kind, Path(name)))
                again.add(kind.name, _seconds(kind, Path(name)))
    plain = interpreter_seconds(scale.repeats)
    rows = []
    for data, compared in (("new data", first), ("again", again)):
        what, taken = f"start of the Blob service, {data}", compared.samples[ours.NAME]
        rows.append(Row(what, "s", taken, azurite.NAME, compared.samples[azurite.NAME], GOAL_SECONDS))
        rows.append(Row(what, "s", taken, "python -c ''", plain))
    return Measured(rows, [REMARK])


def _seconds(kind: Kind, directory: Path) -> float:
    began = time.monotonic()
    with running(kind, directory):
        return time.monotonic() - began
