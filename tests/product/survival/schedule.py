"""A job schedule whose jobs end by themselves, and what has to hold of it when everything is over."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Final

from azure.batch import BatchClient
from azure.batch import models as m
from azure.core.exceptions import ResourceExistsError
from tests.product.survival.house import until
from tests.product.survival.insisting import insist

SCHEDULE: Final = "every-minute"
INTERVAL: Final = timedelta(minutes=1)


def add_schedule(client: BatchClient, pool_id: str) -> None:
    """A job each minute, whose time is soon up."""
    jobs = m.BatchJobSpecification(
        pool_info=m.BatchPoolInfo(pool_id=pool_id),
        constraints=m.BatchJobConstraints(max_wall_clock_time=timedelta(seconds=10)),
    )
    client.create_job_schedule(
        m.BatchJobScheduleCreateOptions(
            id=SCHEDULE,
            schedule=m.BatchJobScheduleConfiguration(recurrence_interval=INTERVAL),
            job_specification=jobs,
        )
    )


def check_schedule(client: BatchClient) -> None:
    """It knows the jobs that it has made, one at most for each run, and runs lie where they lay. Then it
    ends."""
    found = insist(lambda: client.get_job_schedule(SCHEDULE))
    jobs = insist(lambda: list(client.list_jobs_from_schedule(SCHEDULE)))
    assert [job.id for job in jobs] == [f"{SCHEDULE}:job-{number}" for number in range(1, len(jobs) + 1)]
    runs = [(job.creation_time - found.creation_time) // INTERVAL for job in jobs]
    assert runs[0] == 0
    assert runs == sorted(set(runs)), "a run has made two jobs"
    next_run = found.execution_info.next_run_time
    assert next_run is not None
    assert (next_run - found.creation_time) % INTERVAL == timedelta(0)
    with contextlib.suppress(ResourceExistsError):  # by the request that broke off
        insist(lambda: client._terminate_job_schedule_internal(SCHEDULE, force=False))
    until(lambda: client.get_job_schedule(SCHEDULE).state == "completed", "the schedule ends")
    reasons = {
        job.execution_info.termination_reason
        for job in client.list_jobs_from_schedule(SCHEDULE)
        if job.execution_info is not None
    }
    assert reasons <= {"MaxWallClockTimeExpiry", "TerminateJobSchedule"}
