"""The autoscale of a pool: its formula, tried and changed; its turns; what it looks back at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from batchite.batch.conditions import Conditions
from batchite.batch.pools import actions, autoscaling, trials
from batchite.batch.pools.trials import Trial
from batchite.portal import definitions, durations
from batchite.portal.answers import Answer, Done, Page, watch
from batchite.portal.pools import chart, formulas, resizing, troubles
from batchite.portal.pools.formulas import Marked
from batchite.portal.reasons import Reason
from batchite.portal.routes import ask, change, show
from batchite.portal.visit import Visit
from batchite.resources import pools
from batchite.resources.evaluations import MOST
from batchite.resources.pools import PoolRow
from batchite.wire.batch.errors import BatchError
from batchite.wire.batch.models.pools import BatchPoolEnableAutoScaleOptions
from batchite.wire.batch.validation.autoscaling import INTERVAL, accept_enabling, check_formula
from batchite.wire.ticks import TICKS_PER_SECOND, Duration, Timestamp

SPANS: Final = {"hour": 3600, "6 hours": 6 * 3600, "day": 86_400}
"""Seconds that the chart shows, by name; the first unless the URL says otherwise."""
TURNS = 20
"""of the log, unless all that are kept are asked for"""
AGAIN_SECONDS = 5.0
"""No change tells of a sample, nor of a turn after which the pool stays as it is."""
_TURN_COMES: Final = "PoolScaled"
"""the reason that says only when the next turn is, as the page does anyway"""


@dataclass(frozen=True, slots=True)
class Typed:
    """What stands in the form, with what is wrong with it, and what its formula has come to."""

    formula: str
    interval: str
    marked: Marked
    problem: str = ""
    trial: Trial | None = None


async def show_one(visit: Visit) -> Answer:
    row = await actions.find(visit.acting, visit.params["pool"])
    return await _page(visit, row, _fresh(visit, row))


def _fresh(visit: Visit, row: PoolRow) -> Typed:
    """As the pool has it, or one of those that are ready-made (`?start=`)."""
    formula = row.formula or "" if row.auto_scale else ""
    ready, chosen = formulas.ready_made(), visit.number("start")
    if 1 <= chosen <= len(ready):
        formula = ready[chosen - 1][1]
    return Typed(formula, str(_interval(row) or INTERVAL), Marked(formula))


def _interval(row: PoolRow) -> Duration | None:
    return Duration(row.interval_ticks) if row.auto_scale and row.interval_ticks else None


async def _page(visit: Visit, row: PoolRow, typed: Typed, status: int = 200) -> Page:
    span = visit.query("span") if visit.query("span") in SPANS else next(iter(SPANS))
    length = SPANS[span] * TICKS_PER_SECOND
    _, log = await autoscaling.log(visit.acting, row.id, MOST)
    since = Timestamp(max(visit.now.ticks - 2 * length, 0))
    history = await trials.history(visit.acting, row.id, chart.SAMPLED, since)
    has_all = visit.query("turns") == "all"
    values = {
        "pool": pools.shown(row, visit.url),
        "can": resizing.possible(visit, row),
        "typed": typed,
        "ready": formulas.ready_made(),
        "least": autoscaling.least_interval(visit.services),
        "reasons": await _reasons(visit, row),
        "next_turn": history.next_turn,
        "every": history.every,
        "drawn": chart.of(history, log, length),
        "box": chart.BOX,
        "grid": chart.GRID,
        "span": span,
        "spans": list(SPANS),
        "turns": log if has_all else log[:TURNS],
        "has_more": len(log) > TURNS and not has_all,
    }
    watches = watch("pool", pool=row.id) if visit.request.verb == "GET" else None
    return Page("pools/autoscale.html", values, watches, status, again=AGAIN_SECONDS)


async def _reasons(visit: Visit, row: PoolRow) -> Sequence[Reason]:
    """What stands in the way of the size that the formula asks for."""
    if not row.auto_scale:
        return ()
    return [reason for reason in await troubles.of(visit, row.id) if reason.code != _TURN_COMES]


async def check(visit: Visit) -> Answer:
    """Whether the formula can be read, while it is typed."""
    await actions.find(visit.acting, visit.params["pool"])
    typed = _typed(visit.form)
    return Page("pools/formula.html", {"typed": typed})


async def try_(visit: Visit) -> Answer:
    """What the formula would ask for now."""
    row = await actions.find(visit.acting, visit.params["pool"])
    typed = _typed(visit.form)
    try:
        check_formula(typed.formula)
        trial = await trials.evaluate(visit.acting, row.id, typed.formula, beforehand=True)
    except BatchError as error:
        return await _page(visit, row, replace(typed, problem=definitions.reason(error)), error.status)
    marked = formulas.marked(typed.formula, trial.mistake)
    return await _page(visit, row, replace(typed, marked=marked, trial=trial))


async def enable(visit: Visit) -> Answer:
    """Also by another formula than before; its turns begin anew only with another interval."""
    row = await actions.find(visit.acting, visit.params["pool"])
    typed = _typed(visit.form)
    try:
        wanted = accept_enabling(_wanted(row, typed), autoscaling.least_interval(visit.services))
        await autoscaling.enable(visit.acting, row.id, wanted, Conditions())
    except BatchError as error:
        problem = "" if typed.marked.sentence else definitions.reason(error)
        return await _page(visit, row, replace(typed, problem=problem), error.status)
    every = wanted.auto_scale_evaluation_interval or _interval(row) or INTERVAL
    what = f"The pool {row.id} is scaled by the formula, which has its turn every {durations.words(every)}."
    return Done(visit.url("pools", row.id, "autoscale"), what)


def _wanted(row: PoolRow, typed: Typed) -> BatchPoolEnableAutoScaleOptions:
    """Raises BatchError."""
    present = _interval(row)
    interval = None if present is not None and typed.interval == str(present) else typed.interval or None
    given = {"autoScaleFormula": typed.formula, "autoScaleEvaluationInterval": interval}
    return definitions.made(BatchPoolEnableAutoScaleOptions, given)


async def disable(visit: Visit) -> Answer:
    pool_id = visit.params["pool"]
    await autoscaling.disable(visit.acting, pool_id)
    return Done(visit.url("pools", pool_id, "autoscale"), f"The pool {pool_id} keeps the size that it has.")


def _typed(form: Mapping[str, str]) -> Typed:
    formula = formulas.typed(form.get("formula", ""))
    return Typed(formula, form.get("interval", "").strip(), formulas.checked(formula))


_HERE: Final = "/batch/{account}/pools/{pool}/autoscale"
ROUTES: Final = (
    show(_HERE, show_one),
    ask(f"{_HERE}/check", check),
    ask(f"{_HERE}/try", try_),
    change(f"{_HERE}/enable", enable),
    change(f"{_HERE}/disable", disable),
)
