"""What tasks of real nodes used."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.service.house import House

ROUNDED = timedelta(microseconds=10)
"""Python's times have a digit less than ours."""
BUSY = "python3 -c 'import time\nwhile time.process_time() < 0.3: pass'"


def stats(house: House, job_id: str, task_id: str) -> Any:
    return house.batch.get_task(job_id, task_id, expand=["stats"]).task_statistics


def test_processor_time_is_the_command_s_with_all_that_it_waited_for(house: House, job: str) -> None:
    task = house.run(job, f'/bin/sh -c "{BUSY}; exit 3"')
    used = stats(house, job, task.id)
    took = used.user_cpu_time + used.kernel_cpu_time
    assert took >= timedelta(seconds=0.3)
    info = task.execution_info
    assert abs(used.wall_clock_time - (info.end_time - info.start_time)) < ROUNDED
    assert abs(used.wait_time - (info.start_time - task.creation_time)) < ROUNDED


def test_what_is_left_behind_counts_where_it_is_found(house: House, job: str) -> None:
    """It is ended with its task, having used what it used."""
    script = f"({BUSY}; touch done; sleep 600) & until [ -e done ]; do sleep 0.01; done"
    task = house.run(job, f'/bin/bash -c "{script}"')
    used = stats(house, job, task.id)
    assert used.user_cpu_time + used.kernel_cpu_time >= timedelta(seconds=0.3)


def test_the_job_has_used_what_its_tasks_have(house: House, job: str) -> None:
    for number in range(4):
        house.add_task(job, f"/bin/sh -c 'exit {number % 2}'")
    tasks = house.wait_for_all(job)
    each = [stats(house, job, task.id) for task in tasks]
    of_job = house.batch.get_job(job, expand=["stats"]).job_statistics
    for name in ("wall_clock_time", "user_cpu_time", "wait_time"):
        together = sum((getattr(one, name) for one in each), timedelta(0))
        assert abs(getattr(of_job, name) - together) < ROUNDED, name
    assert (of_job.succeeded_tasks_count, of_job.failed_tasks_count) == (2, 2)
