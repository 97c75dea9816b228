"""The tasks of a job by state, as pages show them."""

from __future__ import annotations

from collections.abc import Sequence

from batchite.wire.batch.models.counts import BatchTaskCounts

Shares = Sequence[tuple[str, int]]
ORDER = ("succeeded", "failed", "running", "active")
NONE = BatchTaskCounts(active=0, running=0, completed=0, succeeded=0, failed=0)


def of(counts: BatchTaskCounts) -> Shares:
    """What is done first, so that a bar of them grows from the left."""
    return [(state, int(getattr(counts, state))) for state in ORDER]


def total(counts: BatchTaskCounts) -> int:
    return int(counts.active + counts.running + counts.completed)
