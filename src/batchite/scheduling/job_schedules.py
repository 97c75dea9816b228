"""What becomes of a job schedule: it makes a job, waits, ends its job, is completed, goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, TypeAlias

from batchite.resources.job_schedules import ScheduleRow
from batchite.resources.rules import ScheduleRules, of_stored_schedule
from batchite.resources.states import ENDABLE, SCHEDULE
from batchite.scheduling import reasons
from batchite.scheduling.explaining import Finding
from batchite.scheduling.reasons import Reason
from batchite.scheduling.recurrence import Turn, turn
from batchite.wire.ticks import Timestamp

DUE: Final = "job-schedule"
"""The kind of row in `due` by which a schedule is looked at again."""

Step: TypeAlias = Literal["wait", "end the job", "complete", "delete the jobs", "remove"]


class OpenJob(NamedTuple):
    """The job of a schedule that is not over."""

    id: str
    state: str
    is_forced: bool = False
    """its end waits for no node"""

    def is_to_end(self, state: str, *, forced: bool) -> bool:
        """Whether it has still to be told that it is to come to its end by this state."""
        return self.state != state or (forced and not self.is_forced)


@dataclass(frozen=True, slots=True)
class ScheduleState:
    """A schedule as it is stored, and what there is of its jobs."""

    state: str
    rules: ScheduleRules
    due: int | None
    """when its next run is, or was"""
    open_job: OpenJob | None
    has_jobs: bool
    """also such as are over"""
    jobs_made: int = 0
    forced: bool = False
    """its end waits for no node"""


def as_stored(row: ScheduleRow, open_job: OpenJob | None, *, has_jobs: bool) -> ScheduleState:
    rules, forced = of_stored_schedule(row.rules), bool(row.forced)
    return ScheduleState(row.state, rules, row.next_run, open_job, has_jobs, row.jobs_made, forced)


class Decision(NamedTuple):
    """What is to be done now. Times are ticks."""

    step: Step
    due: int | None = None
    """when the next run is from now on"""
    run: int | None = None
    """the run for which a job is to be made before that"""
    look: int | None = None
    """when it is to be looked at again, if nothing happens before"""


def decide(schedule: ScheduleState, now: int) -> Decision:
    """What has been decided and done is not decided again: so whoever looks twice comes to the same."""
    match schedule.state:
        case "completed":
            return Decision("wait", schedule.due)
        case "deleting":
            return Decision("delete the jobs" if schedule.has_jobs else "remove")
        case "terminating":
            if schedule.open_job is None:
                return Decision("complete")
            return Decision(_ending(schedule.open_job, forced=schedule.forced), schedule.due)
        case _:
            return _run(schedule, now)


def _ending(job: OpenJob, *, forced: bool) -> Step:
    """One that is being deleted comes to its end by itself."""
    can_end = job.state in ENDABLE or job.state == "terminating"
    return "end the job" if can_end and job.is_to_end("terminating", forced=forced) else "wait"


def _turn(schedule: ScheduleState, now: int) -> Turn:
    is_free, is_enabled = schedule.open_job is None, SCHEDULE[schedule.state].makes_jobs
    return turn(schedule.rules, schedule.due, now, is_free=is_free, is_enabled=is_enabled)


def _run(schedule: ScheduleState, now: int) -> Decision:
    found = _turn(schedule, now)
    if found.is_over:
        return Decision("complete")
    return Decision("wait", found.due, found.run, found.look)


def why(schedule: ScheduleState, now: int) -> Finding:
    """Why it makes no job now, by what decides."""
    if schedule.state == "completed":
        return Finding(reasons.ScheduleCompleted(schedule.jobs_made), True)
    if schedule.state in ("terminating", "deleting"):
        return Finding(reasons.ScheduleEnding(schedule.state), True)
    found = _turn(schedule, now)
    if schedule.state == "disabled":
        return Finding(reasons.ScheduleDisabled(_moment(found.due)), True)
    reason = _why_not_yet(schedule, found, now)
    return Finding(reason, isinstance(reason, reasons.ScheduleWaitsForJob))


def _why_not_yet(schedule: ScheduleState, found: Turn, now: int) -> Reason:
    due, look = _moment(found.due), _moment(found.look)
    if schedule.open_job is not None:
        if due is not None and due.ticks <= now:
            return reasons.ScheduleWaitsForJob(schedule.open_job.id, due, look)
        return reasons.ScheduleJobActive(schedule.open_job.id, due)
    if found.run is not None or found.is_over:
        return reasons.ScheduleDue()
    if due is not None:
        return reasons.ScheduleWaits(due)
    return reasons.ScheduleMakesNoMore(Timestamp(schedule.rules.do_not_run_after or now))


def _moment(ticks: int | None) -> Timestamp | None:
    return None if ticks is None else Timestamp(ticks)
