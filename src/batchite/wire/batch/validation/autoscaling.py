"""By which formulas pools may have their size. Whether a formula can be read, this does not know."""

from __future__ import annotations

from msgspec import UNSET

from batchite.wire.batch.errors import BatchError, invalid_property, missing_property
from batchite.wire.batch.models.fields import Maybe
from batchite.wire.batch.models.pools import (
    BatchPoolEnableAutoScaleOptions,
    BatchPoolEvaluateAutoScaleOptions,
    PoolShape,
)
from batchite.wire.batch.validation.nulls import without_nulls
from batchite.wire.ticks import Duration

INTERVAL = Duration.of(minutes=15)
LEAST_INTERVAL = Duration.of(minutes=5)
LONGEST_INTERVAL = Duration.of(days=7)
LONGEST_FORMULA = 8192

_FORMULA = "autoScaleFormula"
_INTERVAL = "autoScaleEvaluationInterval"


def check(pool: PoolShape, where: str = "", least: Duration = LEAST_INTERVAL) -> None:
    """Refuse what does not go together. `pool` is without nulls; `least` is the shortest interval."""
    given = {_FORMULA: pool.auto_scale_formula, _INTERVAL: pool.auto_scale_evaluation_interval}
    if pool.enable_auto_scale is not True:
        for name, value in given.items():
            if value is not UNSET:
                raise _unfit(f"{where}{name}", str(value), "goes with enableAutoScale: true only")
        return
    targets = {
        "targetDedicatedNodes": pool.target_dedicated_nodes,
        "targetLowPriorityNodes": pool.target_low_priority_nodes,
    }
    for name, target in targets.items():
        if target is not UNSET:
            raise _unfit(f"{where}{name}", str(target), "must not be given where enableAutoScale is true")
    if not isinstance(pool.auto_scale_formula, str):
        raise missing_property(f"{where}{_FORMULA}")
    check_formula(pool.auto_scale_formula)
    _check_interval(f"{where}{_INTERVAL}", pool.auto_scale_evaluation_interval, least)


def accept_enabling(
    options: BatchPoolEnableAutoScaleOptions, least: Duration = LEAST_INTERVAL
) -> BatchPoolEnableAutoScaleOptions:
    """Formula or interval, or both. Raises BatchError."""
    options = without_nulls(options)
    if options.auto_scale_formula is UNSET and options.auto_scale_evaluation_interval is UNSET:
        raise missing_property(_FORMULA)
    check_formula(options.auto_scale_formula)
    _check_interval(_INTERVAL, options.auto_scale_evaluation_interval, least)
    return options


def accept_evaluation(options: BatchPoolEvaluateAutoScaleOptions) -> str:
    """The formula. Raises BatchError."""
    check_formula(options.auto_scale_formula)
    return options.auto_scale_formula


def check_formula(formula: Maybe[str]) -> None:
    if isinstance(formula, str) and len(formula) > LONGEST_FORMULA:
        detail = f"It has {len(formula):,} characters, and may have {LONGEST_FORMULA:,}."
        raise BatchError("AutoScaleFormulaTooLong", detail, (("Length", str(len(formula))),))


def _check_interval(where: str, interval: Maybe[Duration], least: Duration) -> None:
    if isinstance(interval, Duration) and not least <= interval <= LONGEST_INTERVAL:
        rule = f"must lie between {least} and {LONGEST_INTERVAL}"
        raise invalid_property(where, str(interval), rule)


def _unfit(name: str, value: str, rule: str) -> BatchError:
    values = (("PropertyName", name), ("PropertyValue", value[:200]), ("Reason", f"{name} {rule}"))
    return BatchError("InvalidAutoScalingSettings", f"{name} {rule}.", values)
