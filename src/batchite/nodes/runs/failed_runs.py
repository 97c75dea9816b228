"""Runs that ended with an exit code, which a retry may follow on the same node."""

from __future__ import annotations

from batchite.link.messages import Run
from batchite.wire.batch.runs import Kind

MAX_KEPT = 10_000
"""Whatever is retried after so many others failed here begins in an empty directory."""


class FailedRuns:
    """The last ones, by kind and number."""

    def __init__(self) -> None:
        self._runs: dict[tuple[Kind, int], tuple[int, int]] = {}

    def add(self, run: Run) -> None:
        self._runs.pop((run.kind, run.number), None)
        self._runs[(run.kind, run.number)] = (run.retries, run.requeues)
        if len(self._runs) > MAX_KEPT:
            del self._runs[next(iter(self._runs))]

    def precede(self, run: Run) -> bool:
        """Whether this run is the retry of one of them, which is asked once. What was retried elsewhere or
        requeued meanwhile does not go on here."""
        return self._runs.pop((run.kind, run.number), None) == (run.retries - 1, run.requeues)
