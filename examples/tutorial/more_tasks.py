"""Next step: more tasks. A thousand of them are added by a few requests and counted by one."""

from __future__ import annotations

import argparse
import sys
import time

import accounts
import same_pool
from azure.batch import models

PAUSE = 0.1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1000)
    number = parser.parse_args().tasks
    with accounts.batch_client(accounts.read()) as batch:
        same_pool.find_or_make(batch)
        with same_pool.job(batch, "many") as job_id:
            start = time.monotonic()
            tasks = [
                models.BatchTaskCreateOptions(id=f"t{n}", command_line="/bin/true") for n in range(number)
            ]
            batch.create_tasks(job_id, tasks)
            print(f"Added {number} tasks in {time.monotonic() - start:.1f} s.")
            while (counts := batch.get_job_task_counts(job_id).task_counts).completed < number:
                time.sleep(PAUSE)
            print(f"{counts.succeeded} of them have succeeded after {time.monotonic() - start:.1f} s.")


if __name__ == "__main__":
    sys.exit(main())
