"""Parts of a whole: so many of each state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from batchite.wire.batch.models.counts import BatchTaskCounts

Shares: TypeAlias = Sequence[tuple[str, int]]
"""names with numbers, in the order in which they are shown"""


def by_state(nodes: Mapping[tuple[bool, str], int]) -> Shares:
    """Of dedicated and low-priority nodes together, the most numerous state first."""
    totals: dict[str, int] = {}
    for (_, state), count in nodes.items():
        totals[state] = totals.get(state, 0) + count
    return sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))


NO_TASKS = BatchTaskCounts(active=0, running=0, completed=0, succeeded=0, failed=0)


def of_tasks(counts: BatchTaskCounts) -> Shares:
    """What is over first, so that a bar of them grows from the left."""
    return [(state, int(getattr(counts, state))) for state in ("succeeded", "failed", "running", "active")]


def total(shares: Shares) -> int:
    return sum(count for _, count in shares)
