"""The limit on how long one run may take, counted from the moment it leaves the node's queue."""

from __future__ import annotations

import functools

from batchite.nodes.definition import Definition
from batchite.wire.ticks import Duration

_LONGEST = 10 * 365 * 86_400.0


def written(definition: Definition) -> str | None:
    """The run's maxWallClockTime."""
    return definition.constraints.max_wall_clock_time if definition.constraints else None


def limit(text: str | None) -> str | None:
    """A maxWallClockTime, or None if it limits nothing. Raises ValueError if it is no duration."""
    return text if text is not None and seconds(text) < _LONGEST else None


@functools.lru_cache(maxsize=256)  # tasks of a job mostly have the same one
def seconds(text: str) -> float:
    """Raises ValueError if `text` is no duration."""
    return Duration.parse(text).seconds
