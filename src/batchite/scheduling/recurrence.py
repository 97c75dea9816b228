"""When a job schedule makes its jobs, and when it is over.

Runs lie on a grid: the first, and from there on one after each interval. Of the runs whose time has come only
the latest counts, up to the next one, and within its start window if there is one: then a job is made as soon
as none is active. A run that comes to nothing by then is skipped, and nothing makes up for it; so a service
that slept through many runs makes one job at most. From `do_not_run_after` on none is made.

Source: the documentation of `startWindow`, `recurrenceInterval`, `doNotRunUntil` and `doNotRunAfter`.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from batchite.resources.rules import ScheduleRules
from batchite.wire.ticks import Timestamp

LAST_MOMENT: Final = Timestamp.parse("9999-12-31T23:59:59.9999999Z").ticks
"""No run can be told that is later."""


class Turn(NamedTuple):
    """What there is to be done about a schedule at a moment. Times are ticks."""

    due: int | None
    """when the next run is, or was, if its job has still to be made; None: there is none any more"""
    run: int | None = None
    """the run for which a job is to be made now"""
    is_over: bool = False
    """no job is made any more, and none is active"""
    look: int | None = None
    """when time alone changes any of this; None: never"""


def first(rules: ScheduleRules, now: int, last: int | None) -> int | None:
    """The next run of a schedule that gets these rules now, and whose `last` run, if it had one, was by
    others."""
    if last is None:
        return _told(max(now, rules.do_not_run_until))
    if rules.recurrence_interval is None:
        return None
    return _told(max(last + rules.recurrence_interval, rules.do_not_run_until))


def turn(rules: ScheduleRules, due: int | None, now: int, *, is_free: bool, is_enabled: bool) -> Turn:
    """`due` is what the last turn has left; `is_free`: no job of the schedule is active."""
    due = _current(rules, due, now)
    if due is None or due > now or not (is_free and is_enabled):
        return Turn(due, None, is_free and _is_over(rules, due, now), _look(rules, due, now))
    following = _within(rules, _following(rules, due))
    return Turn(following, due, False, _look(rules, following, now))


def coming(rules: ScheduleRules, due: int, most: int) -> list[int]:
    """The runs from `due` on, at most so many: those that there are if no job keeps the next from being
    made."""
    found = [due]
    while len(found) < most and (following := _within(rules, _following(rules, found[-1]))) is not None:
        found.append(following)
    return found


def _current(rules: ScheduleRules, due: int | None, now: int) -> int | None:
    """The run that counts now, or the next one."""
    interval, window = rules.recurrence_interval, rules.start_window
    if due is None:
        return None
    if interval is not None and now >= due + interval:
        due = _told(due + (now - due) // interval * interval)
    if due is not None and window is not None and now >= due + window:
        due = _following(rules, due)
    is_late = rules.do_not_run_after is not None and now >= rules.do_not_run_after
    return None if is_late else _within(rules, due)


def _following(rules: ScheduleRules, due: int) -> int | None:
    return None if rules.recurrence_interval is None else _told(due + rules.recurrence_interval)


def _within(rules: ScheduleRules, due: int | None) -> int | None:
    after = rules.do_not_run_after
    return None if due is not None and after is not None and due >= after else due


def _told(moment: int) -> int | None:
    return moment if moment <= LAST_MOMENT else None


def _is_over(rules: ScheduleRules, due: int | None, now: int) -> bool:
    """A schedule that recurs is there until the time is up after which it makes no jobs."""
    after = rules.do_not_run_after
    waits = rules.recurrence_interval is not None and after is not None and now < after
    return due is None and not waits


def _look(rules: ScheduleRules, due: int | None, now: int) -> int | None:
    times = [rules.do_not_run_after]
    if due is not None and due > now:
        times.append(due)
    elif due is not None:
        times += [due + more for more in (rules.start_window, rules.recurrence_interval) if more is not None]
    return min((at for at in times if at is not None and now < at <= LAST_MOMENT), default=None)
