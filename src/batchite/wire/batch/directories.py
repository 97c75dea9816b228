"""Where jobs, tasks and the start task have their directories: names that lead there from the root of a
node."""

from __future__ import annotations

WORKITEMS = "workitems"
STARTUP = "startup"


def of_job(job_id: str) -> tuple[str, ...]:
    """`workitems`, the job, `job-1`; a job of a schedule (`nightly:job-7`) lies below its schedule."""
    schedule, colon, name = job_id.partition(":")
    return WORKITEMS, schedule, name if colon else "job-1"


def of_task(job_id: str, task_id: str) -> tuple[str, ...]:
    """The directory with the task's output files and its `wd`."""
    return *of_job(job_id), task_id
