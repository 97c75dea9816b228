"""Formulas as people write them for the cloud: their idioms, spellings and blanks."""

from __future__ import annotations

import pytest
from tests.scheduling.autoscale.surroundings import PERIOD, come_to

from batchite.scheduling.autoscale.samples import Samples

FORMULAS = {
    "average of what waits": (
        """
        startingNumberOfVMs = 1;
        maxNumberofVMs = 25;
        share = $PendingTasks.GetSamplePercent(180 * TimeInterval_Second);
        pending = share < 70 ? startingNumberOfVMs :
            avg($PendingTasks.GetSample(180 *   TimeInterval_Second));
        $TargetDedicatedNodes=min(maxNumberofVMs, pending)
        """,
        1,
        1,
    ),
    "last sample or the average, half as many when nothing waits": (
        """
        // what has waited for five minutes
        $samples = $ActiveTasks.GetSamplePercent(TimeInterval_Minute * 5);
        $tasks = $samples < 70 ? max(0, $ActiveTasks.GetSample(1)) :
        max( $ActiveTasks.GetSample(1), avg($ActiveTasks.GetSample(TimeInterval_Minute * 5)));
        $targetVMs = $tasks > 0 ? $tasks : max(0, $TargetDedicatedNodes / 2);
        cappedPoolSize = 20;
        $TargetDedicatedNodes = max(0, min($targetVMs, cappedPoolSize));
        $NodeDeallocationOption = taskcompletion;
        """,
        20,
        2,
    ),
    "by the time of day": (
        """$curTime = time();
        $workHours = $curTime.hour >= 8 && $curTime.hour < 18;
        $isWeekday = $curTime.weekday >= 1 && $curTime.weekday <= 5;
        $isWorkingWeekdayHour = $workHours && $isWeekday;
        $TargetDedicatedNodes = $isWorkingWeekdayHour ? 20:10;""",
        20,
        20,
    ),
    "by processor, in one line, with names of 2015": (
        """totalNodes=($CPUPercent.GetSamplePercent(TimeInterval_Minute*0,TimeInterval_Minute*10)<0.7?5:(\
min($CPUPercent.GetSample(TimeInterval_Minute*0, TimeInterval_Minute*10))>0.8?\
($CurrentDedicated*1.1):$CurrentDedicated));$TargetDedicated=min(100,totalNodes);""",
        4,
        5,
    ),
    "slots of a node, rounded up": (
        "$TargetDedicatedNodes = $PendingTasks / $TaskSlotsPerNode + 0.9;",
        2,
        None,
    ),
    "a share of samples that has to be there": (
        "$TargetDedicatedNodes = max($ActiveTasks.GetSample(TimeInterval_Minute * 5, 70)) > 0 ? 5 : 0;",
        5,
        None,
    ),
    "a pool that has just been made keeps its size": (
        """
        lifespan = time() - time("2026-01-30T11:58:00.1234567Z");
        startup = TimeInterval_Minute * 10;
        span = TimeInterval_Second * 90; ratio = 10;
        $TargetDedicatedNodes = (lifespan > startup ? (max($RunningTasks.GetSample(span, ratio),
            $ActiveTasks.GetSample(span, ratio)) == 0 ? 0 : $TargetDedicatedNodes) : 3);
        """,
        3,
        3,
    ),
    "conditions with ! and == that balance two kinds of nodes": (
        """
        rebalance = 0 == 1; isEmpty = !($PendingTasks.GetSample(1) > 0);
        preempted = min(25, $PreemptedNodeCount.GetSample(1));
        $TargetLowPriorityNodes = (isEmpty) ? 0 : ((rebalance) ? 7 : 6);
        $TargetDedicatedNodes = rebalance || preempted > 1 ? preempted : 0
        """,
        2,
        None,
    ),
}


@pytest.mark.parametrize(("formula", "nodes", "at_first"), FORMULAS.values(), ids=FORMULAS.keys())
def test_it_is_read_and_comes_to_a_number(formula: str, nodes: int, at_first: int | None) -> None:
    """With samples, and without any; None where it fails for want of them."""
    outcome = come_to(formula)
    assert outcome.error is None, outcome.error
    assert outcome.targets.dedicated == nodes
    first = come_to(formula, Samples(PERIOD))
    assert (None if first.error else first.targets.dedicated) == at_first


def test_a_variable_of_the_formula_may_differ_from_a_service_s_in_case_only() -> None:
    outcome = come_to(
        "$pendingTasks = max($PendingTasks.GetSample(2)) + 1; x = $pendingTasks + $PendingTasks"
    )
    assert outcome.error is None
    assert outcome.variables["x"] == 13.0


def test_blanks_of_web_pages_and_marks_of_editors_are_blanks() -> None:
    assert come_to("\ufeff$TargetDedicatedNodes\u00a0=\u00a03;\r\n\t").targets.dedicated == 3
