"""What formulas of tests find."""

from __future__ import annotations

from collections.abc import Iterable

from batchite.scheduling.autoscale.evaluation import Outcome, Surroundings, evaluate
from batchite.scheduling.autoscale.samples import Samples, Series
from batchite.scheduling.autoscale.targets import Targets
from batchite.wire.ticks import TICKS_PER_SECOND, Duration, Timestamp

NOW = Timestamp.parse("2026-01-30T12:00:05Z")
"""A Friday."""
PERIOD = Duration.of(seconds=30)


def series(values: Iterable[float], *, ended: int = 0) -> Series:
    """One sample every half minute, the last one so many periods ago, as `NOW` is a little later than it."""
    kept = tuple(float(value) for value in values)
    last = NOW.ticks - 5 * TICKS_PER_SECOND - ended * PERIOD.ticks
    times = tuple(last - PERIOD.ticks * (len(kept) - 1 - index) for index in range(len(kept)))
    return Series(times, kept)


SAMPLES = Samples(
    PERIOD,
    {
        "$ActiveTasks": series(range(1, 41)),
        "$PendingTasks": series([8, 6, 7, 5]),
        "$RunningTasks": series([2] * 10, ended=10),
        "$CPUPercent": series([50, 70]),
        "$CurrentDedicatedNodes": series([3, 4]),
        "$CurrentLowPriorityNodes": series([1]),
        "$PreemptedNodeCount": series([2]),
        "$ActiveTaskSlots": series([9]),
        "$PendingTaskSlots": series([12]),
    },
)


def surroundings(samples: Samples = SAMPLES) -> Surroundings:
    return Surroundings(NOW, samples, Targets(4, 2), slots_per_node=4, random=lambda: 0.25)


def come_to(formula: str, samples: Samples = SAMPLES) -> Outcome:
    return evaluate(formula, surroundings(samples))
