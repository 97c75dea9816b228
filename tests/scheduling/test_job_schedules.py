"""What becomes of a job schedule."""

from __future__ import annotations

from typing import Any

import pytest

from batchite.resources.rules import ScheduleRules
from batchite.resources.states import SCHEDULE
from batchite.scheduling import reasons
from batchite.scheduling.job_schedules import Decision, OpenJob, ScheduleState, decide, why
from batchite.scheduling.reasons import Reason
from batchite.wire.batch.models.enums import BatchJobScheduleState
from batchite.wire.ticks import Timestamp

HOURLY = ScheduleRules(recurrence_interval=60)
SHORT = ScheduleRules(recurrence_interval=60, start_window=10)
ENDING = ScheduleRules(recurrence_interval=60, do_not_run_after=50)
ACTIVE, TERMINATING = OpenJob("s:job-1", "active"), OpenJob("s:job-1", "terminating")


def schedule(state: str = "active", rules: ScheduleRules = HOURLY, **about: Any) -> ScheduleState:
    given = {"due": 0, "open_job": None, "has_jobs": False, **about}
    return ScheduleState(state, rules, **given)


def test_schedules_are_stored_in_the_states_of_the_api() -> None:
    assert set(SCHEDULE) == {state.value for state in BatchJobScheduleState}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (schedule(), Decision("wait", 60, 0, 60)),
        (schedule("disabled"), Decision("wait", 0, None, 60)),
        (schedule(open_job=ACTIVE), Decision("wait", 0, None, 60)),
        (schedule(rules=SHORT, open_job=ACTIVE), Decision("wait", 0, None, 10)),
        (schedule(due=70), Decision("wait", 70, None, 70)),
        (schedule(rules=ScheduleRules(), due=None), Decision("complete")),
        (schedule("disabled", ScheduleRules(), due=None), Decision("complete")),
        (schedule(rules=ScheduleRules(), due=None, open_job=ACTIVE), Decision("wait")),
        (schedule("terminating"), Decision("complete")),
        (schedule("terminating", open_job=ACTIVE), Decision("end the job", 0)),
        (schedule("terminating", open_job=OpenJob("s:job-1", "disabled")), Decision("end the job", 0)),
        (schedule("terminating", open_job=TERMINATING), Decision("wait", 0)),
        (schedule("terminating", open_job=TERMINATING, forced=True), Decision("end the job", 0)),
        (
            schedule("terminating", open_job=OpenJob("s:job-1", "terminating", True), forced=True),
            Decision("wait", 0),
        ),
        (
            schedule("terminating", open_job=OpenJob("s:job-1", "deleting"), forced=True),
            Decision("wait", 0),
        ),
        (schedule("deleting", has_jobs=True, open_job=ACTIVE), Decision("delete the jobs")),
        (schedule("deleting"), Decision("remove")),
        (schedule("completed"), Decision("wait", 0)),
    ],
)
def test_what_is_done_about_a_schedule(found: ScheduleState, expected: Decision) -> None:
    assert decide(found, 5) == expected


@pytest.mark.parametrize(
    ("found", "reason", "is_blocking"),
    [
        (schedule(), reasons.ScheduleDue(), False),
        (schedule(due=70), reasons.ScheduleWaits(Timestamp(70)), False),
        (schedule("disabled"), reasons.ScheduleDisabled(Timestamp(0)), True),
        (schedule("disabled", ENDING, due=None), reasons.ScheduleDisabled(), True),
        (schedule(rules=ENDING, due=None), reasons.ScheduleMakesNoMore(Timestamp(50)), False),
        (schedule(open_job=ACTIVE, due=70), reasons.ScheduleJobActive("s:job-1", Timestamp(70)), False),
        (schedule(open_job=ACTIVE, due=None), reasons.ScheduleJobActive("s:job-1"), False),
        (
            schedule(rules=SHORT, open_job=ACTIVE),
            reasons.ScheduleWaitsForJob("s:job-1", Timestamp(0), Timestamp(10)),
            True,
        ),
        (schedule("deleting"), reasons.ScheduleEnding("deleting"), True),
        (schedule("completed", jobs_made=3), reasons.ScheduleCompleted(3), True),
    ],
)
def test_why_it_makes_no_job(found: ScheduleState, reason: Reason, is_blocking: bool) -> None:
    assert why(found, 5)[:2] == (reason, is_blocking)
