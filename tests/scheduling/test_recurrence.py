"""When a job schedule makes its jobs, against a model that knows nothing but the grid and looks at every
moment."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchite.resources.rules import ScheduleRules
from batchite.scheduling.recurrence import LAST_MOMENT, Turn, first, turn

END = 60
"""Moments that are looked at."""


class Course(NamedTuple):
    """What happens around a schedule: how long each of its jobs is active, when it is disabled and enabled,
    and when nobody looks, as a service that is down."""

    lasting: list[int]
    toggles: set[int]
    asleep: set[int]


class Seen(NamedTuple):
    made: list[int]
    over: int | None


def modelled(rules: ScheduleRules, course: Course) -> Seen:
    """Looks at every moment, and at every run there could ever be."""
    interval, after = rules.recurrence_interval, rules.do_not_run_after
    runs = [rules.do_not_run_until + number * interval for number in range(END)] if interval else []
    runs = [run for run in runs or [rules.do_not_run_until] if after is None or run < after]
    used: set[int] = set()
    made: list[int] = []
    is_enabled, busy_until = True, -1
    for now in range(END):
        is_enabled ^= now in course.toggles
        if now in course.asleep:
            continue
        candidates = [
            run
            for run in runs
            if run <= now
            and run not in used
            and (rules.start_window is None or now < run + rules.start_window)
            and (interval is None or now < run + interval)
            and (after is None or now < after)
        ]
        is_free = now >= busy_until
        if candidates and is_free and is_enabled:
            used.add(candidates[-1])
            busy_until = now + course.lasting[len(made) % len(course.lasting)]
            made.append(now)
            is_free = False
        to_come = [
            run
            for run in runs
            if run not in used
            and (after is None or now < after)
            and (rules.start_window is None or now < run + rules.start_window)
            and (interval is None or now < run + interval)
        ]
        ends = interval is None or after is not None
        waits = interval is not None and after is not None and now < after
        if is_free and ends and not to_come and not waits:
            return Seen(made, now)
    return Seen(made, None)


def acted(rules: ScheduleRules, course: Course) -> Seen:
    """Looks only when a turn has said so, when a job has ended, or when something was done to it."""
    due, look = first(rules, 0, None), 0
    made: list[int] = []
    is_enabled, busy_until, slept = True, -1, False
    for now in range(END):
        is_enabled ^= now in course.toggles
        if now in course.asleep:
            slept = True
            continue
        is_told = slept or now in course.toggles or now == busy_until
        slept = False
        while is_told or (look is not None and now >= look):
            found = turn(rules, due, now, is_free=now >= busy_until, is_enabled=is_enabled)
            assert found.look is None or found.look > now
            due, look = found.due, found.look
            if found.is_over:
                return Seen(made, now)
            if found.run is not None:
                assert found.run <= now
                busy_until = now + course.lasting[len(made) % len(course.lasting)]
                made.append(now)
            is_told = False
    return Seen(made, None)


LENGTHS = st.integers(1, 12)
RULES = st.builds(
    ScheduleRules,
    do_not_run_until=st.integers(0, 20),
    do_not_run_after=st.none() | st.integers(0, END),
    start_window=st.none() | LENGTHS,
    recurrence_interval=st.none() | LENGTHS,
)
MOMENTS = st.sets(st.integers(0, END - 1))
STRETCHES = st.lists(st.tuples(st.integers(1, END), st.integers(1, 20)), max_size=3).map(
    lambda found: {moment for start, length in found for moment in range(start, start + length)}
)
COURSES = st.builds(
    Course, st.lists(st.integers(1, 25), min_size=1, max_size=6), MOMENTS | st.just(set()), STRETCHES
)


@pytest.mark.parametrize("examples", [300, pytest.param(3000, marks=pytest.mark.endurance)])
def test_jobs_are_made_when_the_model_makes_them(examples: int) -> None:
    @settings(max_examples=examples)
    @given(rules=RULES, course=COURSES)
    def compare(rules: ScheduleRules, course: Course) -> None:
        assert acted(rules, course) == modelled(rules, course)

    compare()


HOURLY = ScheduleRules(recurrence_interval=60)


@pytest.mark.parametrize(
    ("rules", "now", "is_free", "expected"),
    [
        (ScheduleRules(), 5, True, Turn(None, 0)),
        (ScheduleRules(), 5, False, Turn(0)),
        (ScheduleRules(start_window=5), 5, True, Turn(None, is_over=True)),
        (HOURLY, 0, True, Turn(60, 0, look=60)),
        (HOURLY, 200, True, Turn(240, 180, look=240)),
        (HOURLY, 200, False, Turn(180, look=240)),
        (ScheduleRules(start_window=10, recurrence_interval=60), 200, True, Turn(240, look=240)),
        (ScheduleRules(start_window=10, recurrence_interval=60), 189, False, Turn(180, look=190)),
        (ScheduleRules(start_window=99, recurrence_interval=60), 200, False, Turn(180, look=240)),
        (ScheduleRules(do_not_run_after=50, recurrence_interval=60), 0, True, Turn(None, 0, look=50)),
        (ScheduleRules(do_not_run_after=50, recurrence_interval=60), 50, False, Turn(None)),
        (ScheduleRules(do_not_run_after=50, recurrence_interval=60), 50, True, Turn(None, is_over=True)),
        (ScheduleRules(recurrence_interval=LAST_MOMENT), 1, True, Turn(LAST_MOMENT, 0, look=LAST_MOMENT)),
        (ScheduleRules(recurrence_interval=2**63 - 1), 1, True, Turn(None, 0)),
        (ScheduleRules(start_window=2**63 - 1), 1, False, Turn(0)),
    ],
)
def test_a_turn_of_a_schedule_that_was_due_at_the_beginning(
    rules: ScheduleRules, now: int, is_free: bool, expected: Turn
) -> None:
    assert turn(rules, 0, now, is_free=is_free, is_enabled=True) == expected


@pytest.mark.parametrize(
    ("rules", "last", "expected"),
    [
        (ScheduleRules(), None, 100),
        (ScheduleRules(do_not_run_until=500), None, 500),
        (ScheduleRules(do_not_run_until=5), None, 100),
        (ScheduleRules(), 90, None),
        (HOURLY, 90, 150),
        (HOURLY, 10, 70),
        (ScheduleRules(do_not_run_until=500, recurrence_interval=60), 90, 500),
        (ScheduleRules(recurrence_interval=2**63 - 1), 90, None),
    ],
)
def test_the_next_run_by_new_rules(rules: ScheduleRules, last: int | None, expected: int | None) -> None:
    assert first(rules, 100, last) == expected
