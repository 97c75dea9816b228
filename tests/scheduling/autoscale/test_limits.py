"""The longest, deepest and dearest formulas there may be."""

from __future__ import annotations

import sys

import pytest
from tests.scheduling.autoscale.surroundings import NOW, PERIOD, come_to, surroundings

from batchite.scheduling.autoscale import limits
from batchite.scheduling.autoscale.evaluation import Formula
from batchite.scheduling.autoscale.samples import Samples, Series

FRAMES = 650
"""That formulas may take, of the 1,000 that a program has; the service uses fewer than 200 of them."""
ALL_LEVELS = "1 || 1 && 1 == 1 < 1 + 1 * "
"""Opens one level after the other."""
ALL_CHAINS = " * 1 + 1 < 1 == 1 && 1 || 1"
"""Closes one level after the other."""


def shallow(formula: str) -> str:
    """Why it fails where there are few frames, empty if it does not."""
    frame, used = sys._getframe(), 0
    while frame is not None:
        frame, used = frame.f_back, used + 1  # type: ignore[assignment]
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(used + FRAMES)
    try:
        error = come_to(formula).error
    finally:
        sys.setrecursionlimit(before)
    return "" if error is None else error.message


@pytest.mark.parametrize(
    "formula",
    [
        "x = " + "(" * 63 + "1" + ")" * 63,
        "x = " + "max(" * 63 + "1" + ")" * 63,
        "x = " + "1 ? (" * 31 + "1" + ") : 2" * 31,
        "x = " + "0 ? 1 : (" * 63 + "2" + ")" * 63,
        "x = " + "(" * 14 + "1" + f"{ALL_CHAINS})" * 14,
        "x = " + f"{ALL_LEVELS}(" * 9 + "1" + ")" * 9,
        "x = " + "-!" * 4000 + "1",
        "x = 1" + "+1" * 4000,
        "x = 1" + "||0" * 2700,
        "x = " + "0?1:" * 2000 + "1",
        "x = vec(" + ",".join(["1"] * 4000) + ")",
        "x = 1" + ";" * 8000,
        "//" + "/" * 8000 + "\nx = 1",
        "x = '" + "\\'" * 4000 + "'",
    ],
)
def test_what_is_within_the_limits_fits_on_the_stack(formula: str) -> None:
    assert shallow(formula) == ""


@pytest.mark.parametrize(
    "formula",
    [
        "x = " + "(" * 8000,
        "x = " + "(" * 64 + "1" + ")" * 64,
        "x = " + "max(" * 2000,
        "x = " + "1?" * 4000,
        "x = " + "1 ? (" * 600,
        "x = " + "(" * 30 + "1" + f"{ALL_CHAINS})" * 30,
        "x = " + f"{ALL_LEVELS}(" * 90 + "1" + ")" * 90,
        "x = " + "$ActiveTasks.GetSample(" * 300,
    ],
)
def test_what_is_nested_too_deep_is_refused(formula: str) -> None:
    assert "nested more than" in shallow(formula)


def test_no_vector_grows_without_bounds() -> None:
    doubling = "v = vec(1, 2);" + "v = vec(v, v);" * 60
    assert "a doubleVec has at most 50,000 elements" in str(come_to(doubling).error)


def test_no_formula_repeats_without_bounds() -> None:
    growing = "v = vec(1, 2);" + "v = vec(v, v);" * 14
    for repeated in ("w = v" + "+v" * 2000, "w = len(" + ",".join(["v"] * 2000) + ")"):
        assert "takes too long" in str(come_to(growing + repeated).error)


def test_a_day_of_samples_may_be_looked_at_in_every_statement() -> None:
    times = tuple(NOW.ticks - PERIOD.ticks * back for back in range(2880, 0, -1))
    samples = Samples(PERIOD, {"$CPUPercent": Series(times, (50.0,) * 2880)})
    statement = "x{} = percentile($CPUPercent.GetSample(TimeInterval_Day), 90);"
    formula = "".join(statement.format(number) for number in range(limits.STATEMENTS))
    outcome = Formula.parse(formula).evaluate(surroundings(samples))
    assert outcome.error is None
    assert set(outcome.variables.values()) == {50.0}
