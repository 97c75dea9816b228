"""Where jobs, tasks and the start task have their directories: names that lead there from the root of a
node."""

from __future__ import annotations

WORKITEMS = "workitems"
STARTUP = "startup"
WORKING = "wd"
"""where a command works, in the directory of its run"""
_PLAIN = "job-1"
"""what a job of no schedule is called below its id"""


def of_job(job_id: str) -> tuple[str, ...]:
    """`workitems`, the job, `job-1`; a job of a schedule (`nightly:job-7`) lies below its schedule."""
    schedule, colon, name = job_id.partition(":")
    return WORKITEMS, schedule, name if colon else _PLAIN


def jobs_of(first: str, name: str) -> tuple[str, ...]:
    """Ids of the jobs whose directory this is, by its names below `workitems`: a plain job and the first one
    of a schedule of its name have the same."""
    of_schedule = f"{first}:{name}"
    return (first, of_schedule) if name == _PLAIN else (of_schedule,)


def of_path(path: str) -> tuple[tuple[str, ...], str] | None:
    """Jobs (see `jobs_of`), and the id of the task, in whose directory a path lies, from the root of a node;
    None if in none."""
    words = [word for word in path.split("/") if word not in ("", ".")]
    if len(words) < 4 or words[0] != WORKITEMS:
        return None
    _, first, name, task_id, *_ = words
    return jobs_of(first, name), task_id


def of_task(job_id: str, task_id: str) -> tuple[str, ...]:
    """The directory with the task's output files and its `wd`."""
    return *of_job(job_id), task_id
