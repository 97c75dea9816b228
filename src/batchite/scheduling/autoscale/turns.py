"""One turn of a pool's formula: what it has come to, and what is told of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from msgspec import UNSET

from batchite.resources.evaluations import (
    SHOWN_SAMPLES,
    AutoScaleEvaluation,
    SampledVariable,
    What,
)
from batchite.scheduling.autoscale import evaluation, results
from batchite.scheduling.autoscale.errors import FormulaSyntaxError, underlined
from batchite.scheduling.autoscale.evaluation import Formula, Outcome, Surroundings
from batchite.scheduling.autoscale.samples import Samples
from batchite.wire.batch.models.pools import AutoScaleRun
from batchite.wire.ticks import Timestamp


class Evaluated(NamedTuple):
    """Of the pool of this number."""

    pool: int
    text: str
    outcome: Outcome
    run: AutoScaleRun
    seen: Sequence[SampledVariable]
    """what the formula found of the variables that it names"""
    obstacles: Sequence[str]
    """codes of the errors with which the pool's last resize ended"""


def evaluated(pool: int, text: str, surroundings: Surroundings, obstacles: Sequence[str]) -> Evaluated:
    outcome = evaluation.evaluate(text, surroundings)
    run = results.run(outcome, surroundings.now)
    return Evaluated(pool, text, outcome, run, _seen(text, surroundings.samples), obstacles)


def entry(turn: Evaluated, what: What, why: str = "") -> AutoScaleEvaluation:
    error = turn.outcome.error
    return AutoScaleEvaluation(
        time=turn.run.timestamp,
        what=what,
        why=why or UNSET,
        formula=turn.text,
        results=turn.run.results,
        error=turn.run.error,
        marked=UNSET if error is None else underlined(turn.text, error.place),
        samples=tuple(turn.seen),
    )


def skipped(turn: Evaluated, at: Timestamp, why: str) -> AutoScaleEvaluation:
    return AutoScaleEvaluation(time=at, what="skipped", why=why, formula=turn.text)


def _seen(text: str, samples: Samples) -> Sequence[SampledVariable]:
    try:
        names = Formula.parse(text).sampled
    except FormulaSyntaxError:
        return ()
    return [_found(name, samples) for name in names]


def _found(name: str, samples: Samples) -> SampledVariable:
    begin = samples.begin(name)
    return SampledVariable(
        name=name,
        count=samples.count(name),
        begin=UNSET if begin is None else Timestamp(begin),
        last=samples.last(name, SHOWN_SAMPLES),
    )
