"""What formulas ask a pool to have."""

from __future__ import annotations

import pytest
from tests.scheduling.autoscale.surroundings import NOW, come_to

from batchite.scheduling.autoscale.results import results, run
from batchite.scheduling.autoscale.targets import Targets

ASKED = {
    "x = 1": Targets(4, 2),
    "$TargetDedicatedNodes = 7": Targets(7, 2),
    "$TargetLowPriorityNodes = 7;": Targets(4, 7),
    "$targetDedicatedNodes = 7; $NODEDEALLOCATIONOPTION = Terminate": Targets(7, 2, "terminate"),
    "$TargetDedicated = 1; $TargetLowPriority = 3": Targets(1, 3),
    "$TargetDedicated = 1; $TargetDedicatedNodes = 9": Targets(9, 2),
    "$TargetDedicatedNodes = 9; $TargetDedicated = 1": Targets(9, 2),
    "$TargetDedicatedNodes = 9; $TargetDedicatedNodes = 8": Targets(8, 2),
    "$TargetDedicatedNodes = $TargetDedicatedNodes + 1; $TargetDedicatedNodes = $TargetDedicatedNodes * 2": (
        Targets(10, 2)
    ),
    "$TargetDedicatedNodes = 2.99": Targets(2, 2),
    "$TargetDedicatedNodes = -0.5": Targets(0, 2),
    "$TargetDedicatedNodes = -7": Targets(0, 2),
    "$TargetDedicatedNodes = vec(3)": Targets(3, 2),
    "$TargetDedicatedNodes = $PendingTasks": Targets(5, 2),
    "$TargetDedicatedNodes = 2147483647": Targets(2**31 - 1, 2),
    "$NodeDeallocationOption = taskcompletion": Targets(4, 2, "taskcompletion"),
    "$NodeDeallocationOption = 'requeue'": Targets(4, 2, "requeue"),
    '$NodeDeallocationOption = 1 == 2 ? terminate : "RetainedData"': Targets(4, 2, "retaineddata"),
    "$TargetDedicatedNodes = 1; stop(); $TargetDedicatedNodes = 2": Targets(1, 2),
    "$TargetDedicatedNodes = 1; x = 1 ? stop() : 5; $TargetDedicatedNodes = 2": Targets(1, 2),
    "$TargetDedicatedNodes = 1; x = 0 ? stop() : 5; $TargetDedicatedNodes = 2": Targets(2, 2),
}


@pytest.mark.parametrize(("formula", "asked"), ASKED.items())
def test_it_asks_for(formula: str, asked: Targets) -> None:
    outcome = come_to(formula)
    assert outcome.error is None
    assert outcome.targets == asked


@pytest.mark.parametrize(
    ("formula", "why"),
    [
        ("$TargetDedicatedNodes = 2147483648", "a pool has at most 2,147,483,647 nodes"),
        ("$TargetDedicatedNodes = vec(1, 2)", "$TargetDedicatedNodes is to be one number"),
        ("$TargetDedicatedNodes = vec()", "this doubleVec has 0 elements"),
        ("$TargetLowPriorityNodes = requeue", "$TargetLowPriorityNodes is to be a double"),
        ("$NodeDeallocationOption = 1", "is one of requeue, terminate, taskcompletion, retaineddata"),
        ('$NodeDeallocationOption = "keep"', "and this is keep"),
    ],
)
def test_what_no_pool_can_have_leaves_it_as_it_is(formula: str, why: str) -> None:
    outcome = come_to(f"a = 1; $TargetDedicatedNodes = 9; {formula}")
    assert why in str(outcome.error)
    assert outcome.targets == Targets(4, 2)


def test_results_are_written_as_the_service_writes_them() -> None:
    formula = """
        round = 3;
        $zeit = time();
        $isWeekday = $zeit.weekday >= 1 && $zeit.weekday <= 5;
        Big = 1234567; $share = 29 / 30 * 100; $v = vec(1, 2.5, 3);
        $TargetDedicatedNodes = 10.7; $NodeDeallocationOption = taskcompletion
    """
    assert results(come_to(formula)) == (
        "$TargetDedicatedNodes=10;$TargetLowPriorityNodes=2;$NodeDeallocationOption=taskcompletion;"
        "$isWeekday=1;$share=96.6667;$v=[1,2.5,3];$zeit=2026-01-30T12:00:05.000Z;Big=1.23457e+06;round=3"
    )


def test_a_run_that_fails_keeps_the_size_and_says_why() -> None:
    failed = run(come_to("$TargetDedicatedNodes = 9; $NodeDeallocationOption = terminate; x = 1 / 0"), NOW)
    assert failed.timestamp == NOW
    assert failed.results == (
        "$TargetDedicatedNodes=4;$TargetLowPriorityNodes=2;$NodeDeallocationOption=requeue"
    )
    error = failed.error
    assert error
    assert error.code == "AutoScalingFormulaEvaluationError"
    assert error.values
    assert (error.values[0].name, error.values[0].value) == ("Message", "Line 1, Col 71: division by zero")


def test_a_run_without_samples_has_a_code_of_its_own() -> None:
    error = run(come_to("x = $WallClockSeconds.GetSample(TimeInterval_Hour, 70)"), NOW).error
    assert error
    assert error.code == "InsufficientSampleData"
    assert error.message == "Autoscale evaluation failed due to insufficient sample data"
    assert error.values
    assert error.values[0].value == (
        "Line 1, Col 23: Insufficient data from data set: $WallClockSeconds wanted 70%, received 0%"
    )


def test_a_run_that_succeeds_has_no_error() -> None:
    assert not run(come_to("$TargetDedicatedNodes = 3"), NOW).error
