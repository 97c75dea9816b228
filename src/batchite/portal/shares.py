"""Parts of a whole: so many of each state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

Shares: TypeAlias = Sequence[tuple[str, int]]
"""names with numbers, in the order in which they are shown"""


def by_state(nodes: Mapping[tuple[bool, str], int]) -> Shares:
    """Of dedicated and low-priority nodes together, the most numerous state first."""
    totals: dict[str, int] = {}
    for (_, state), count in nodes.items():
        totals[state] = totals.get(state, 0) + count
    return sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
