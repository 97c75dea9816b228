"""What a measurement gives: rows, and the table made of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

Samples = Sequence[float]


@dataclass(frozen=True, slots=True)
class Row:
    """One measured thing, in one unit with what it is compared to.

    `samples` and `reference` are repeats. `higher_is_better` and `goal` belong to the ratio if
    `goal_of_ratio` is true, else `goal` is in the row's unit.
    """

    what: str
    unit: str
    samples: Samples
    reference_name: str
    reference: Samples
    goal: float | None = None
    goal_of_ratio: bool = False
    higher_is_better: bool = False

    @property
    def ratio(self) -> float:
        """Infinite if there is nothing to compare with."""
        reference = statistics.median(self.reference)
        return statistics.median(self.samples) / reference if reference else math.inf

    @property
    def verdict(self) -> str:
        """The goal and whether it is met; empty without one."""
        if self.goal is None:
            return ""
        value = self.ratio if self.goal_of_ratio else statistics.median(self.samples)
        met = value >= self.goal if self.higher_is_better else value <= self.goal
        sign = "≥" if self.higher_is_better else "≤"
        unit = " ×" if self.goal_of_ratio else f" {self.unit}"
        return f"{sign} {number(self.goal)}{unit}: {'met' if met else 'missed'}"


@dataclass(frozen=True, slots=True)
class Measured:
    """The rows of one family and the remarks that belong to them."""

    rows: Sequence[Row]
    remarks: Sequence[str] = field(default=())


HEAD = ("what", "min", "median", "max", "unit", "reference, in the same run", "its median", "ratio", "goal")


def cells(row: Row) -> tuple[str, ...]:
    low, middle, high = min(row.samples), statistics.median(row.samples), max(row.samples)
    return (
        row.what,
        number(low),
        number(middle),
        number(high),
        row.unit,
        row.reference_name,
        number(statistics.median(row.reference)),
        number(row.ratio),
        row.verdict,
    )


def table(rows: Sequence[Row]) -> str:
    """A Markdown table that is also readable as plain text."""
    lines = [HEAD, *(cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    padded = [[text.ljust(width) for text, width in zip(line, widths, strict=True)] for line in lines]
    rule = ["-" * width for width in widths]
    return "\n".join("| " + " | ".join(line) + " |" for line in [padded[0], rule, *padded[1:]])


def number(value: float) -> str:
    """Three digits that matter."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def percentile(samples: Samples, percent: int) -> float:
    """The smallest sample that at least `percent` of all do not exceed."""
    ordered = sorted(samples)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
