"""An evaluation as `autoScaleRun` tells it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from batchite.scheduling.autoscale.errors import FormulaError, ShortageError
from batchite.scheduling.autoscale.evaluation import Outcome
from batchite.scheduling.autoscale.values import shown
from batchite.scheduling.autoscale.variables import DEALLOCATION, TARGET_DEDICATED, TARGET_LOW_PRIORITY
from batchite.wire.batch.models.common import NameValuePair
from batchite.wire.batch.models.pools import AutoScaleRun, AutoScaleRunError
from batchite.wire.ticks import Timestamp

EVALUATION_FAILED: Final = "AutoScalingFormulaEvaluationError"
FEW_SAMPLES: Final = "InsufficientSampleData"


def run(outcome: Outcome, at: Timestamp) -> AutoScaleRun:
    error = None if outcome.error is None else _error(outcome.error)
    made = AutoScaleRun(timestamp=at, results=results(outcome))
    return made if error is None else AutoScaleRun(timestamp=at, results=made.results, error=error)


def results(outcome: Outcome) -> str:
    """In one line, as the service tells them."""
    return ";".join(f"{name}={value}" for name, value in pairs(outcome))


def pairs(outcome: Outcome) -> Sequence[tuple[str, str]]:
    """The service's variables, always all three, then those of the formula, sorted by characters."""
    targets = outcome.targets
    return [
        (TARGET_DEDICATED, str(targets.dedicated)),
        (TARGET_LOW_PRIORITY, str(targets.low_priority)),
        (DEALLOCATION, targets.deallocation),
        *((name, shown(value)) for name, value in sorted(outcome.variables.items())),
    ]


def _error(error: FormulaError) -> AutoScaleRunError:
    if isinstance(error, ShortageError):
        code, message = FEW_SAMPLES, "Autoscale evaluation failed due to insufficient sample data"
    else:
        code, message = EVALUATION_FAILED, "Autoscale evaluation failed: the formula comes to no result"
    return AutoScaleRunError(
        code=code, message=message, values=(NameValuePair(name="Message", value=str(error)),)
    )
