"""How a pool is scaled by its formula, as that is stored."""

from __future__ import annotations

from typing import Any, NamedTuple

from batchite.wire.ticks import Duration


class Scaling(NamedTuple):
    """The formula can be read."""

    formula: str
    interval: Duration


def begun(scaling: Scaling, now: int, period: Duration) -> dict[str, Any]:
    """Columns of autoscale that has just been enabled: the formula is evaluated at once, when there is no
    sample yet, which are taken every `period`."""
    return {
        "formula": scaling.formula,
        "interval_ticks": scaling.interval.ticks,
        "enabled": now,
        "evaluate_at": now,
        "sample_at": now + period.ticks,
        "run": None,
    }


def changed(scaling: Scaling, now: int, is_anew: bool) -> dict[str, Any]:
    """Columns of autoscale that is on already, and has another formula from its next turn on; its turns
    begin anew, at once, if its interval is given anew."""
    turn = {"evaluate_at": now} if is_anew else {}
    return {"formula": scaling.formula, "interval_ticks": scaling.interval.ticks, "enabled": now, **turn}
