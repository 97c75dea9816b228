"""What became of an autoscale formula, each time its turn came: an endpoint of ours tells the last ones."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import UNSET

from batchite.wire.batch.models.fields import Given, Model
from batchite.wire.batch.models.pools import AutoScaleRun, AutoScaleRunError
from batchite.wire.ticks import Timestamp

MOST: Final = 100
"""That are kept, of every pool."""
SHOWN_SAMPLES: Final = 20

What = Literal["resized", "unchanged", "failed", "skipped"]


class SampledVariable(Model, frozen=True, kw_only=True):
    """What a formula found of a variable that it names; `last` is the newest of its samples, the oldest
    first."""

    name: str
    count: int
    begin: Given[Timestamp] = UNSET
    last: tuple[float, ...] = ()


class AutoScaleEvaluation(Model, frozen=True, kw_only=True):
    """One turn of a pool's formula.

    `what` was done: the pool was `resized` to the targets of the `results`, or left `unchanged` because it
    has them, or because the formula `failed`, or it was not evaluated at all (`skipped`); `why` says more.
    """

    time: Timestamp
    what: What
    why: Given[str] = UNSET
    formula: str
    results: Given[str] = UNSET
    error: Given[AutoScaleRunError] = UNSET
    marked: Given[str] = UNSET
    """the line of the formula with the error, and a mark below its place"""
    samples: tuple[SampledVariable, ...] = ()


class AutoScaleTrial(Model, frozen=True, kw_only=True):
    """What a formula would ask for; `recorded`: over what was sampled, else over this moment alone."""

    auto_scale_run: AutoScaleRun
    recorded: bool


class AutoScaleLog(Model, frozen=True, kw_only=True):
    pool_id: str
    evaluations: tuple[AutoScaleEvaluation, ...]
    """the newest first"""
