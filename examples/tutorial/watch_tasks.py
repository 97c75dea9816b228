"""Next step: tasks that take a while, and how they come on, to be watched here or in the portal."""

from __future__ import annotations

import argparse
import sys
import time

import accounts
import helpers
import same_pool
from azure.batch import BatchClient, models

TASKS = 4
PAUSE = 0.1


def counts(batch: BatchClient, job_id: str) -> tuple[int, int, int]:
    """How many tasks are active, running and completed."""
    found = batch.get_job_task_counts(job_id).task_counts
    return found.active, found.running, found.completed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=5, help="how long each task takes")
    seconds = parser.parse_args().seconds
    command = helpers.wrap_in_shell([f"sleep {seconds}"])
    with accounts.batch_client(accounts.read()) as batch:
        same_pool.find_or_make(batch)
        with same_pool.job(batch, "watch") as job_id:
            tasks = [models.BatchTaskCreateOptions(id=f"t{n}", command_line=command) for n in range(TASKS)]
            batch.create_tasks(job_id, tasks)
            print(f"Added {TASKS} tasks of {seconds:g} s each to job [{job_id}].")
            seen = None
            while seen != (0, 0, TASKS):
                now = counts(batch, job_id)
                if now != seen:
                    print("active {}, running {}, completed {}".format(*now), flush=True)
                seen = now
                time.sleep(PAUSE)


if __name__ == "__main__":
    sys.exit(main())
