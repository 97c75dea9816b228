"""Next step: more nodes. The same tasks on the pool that is there, and on one of twice as many nodes."""

from __future__ import annotations

import argparse
import sys
import time

import accounts
import helpers
import same_pool
from azure.batch import BatchClient, models

TASKS = 8
LARGER = "MoreNodes"


def run(batch: BatchClient, pool_id: str, nodes: int, seconds: float) -> None:
    """Does not count the time in which nodes start."""
    same_pool.find_or_make(batch, pool_id, nodes)
    helpers.wait_for_nodes(batch, pool_id, [models.BatchNodeState.IDLE], same_pool.TIMEOUT)
    command = helpers.wrap_in_shell([f"sleep {seconds}"])
    tasks = [models.BatchTaskCreateOptions(id=f"t{n}", command_line=command) for n in range(TASKS)]
    with same_pool.job(batch, "spread", pool_id) as job_id:
        start = time.monotonic()
        batch.create_tasks(job_id, tasks)
        helpers.wait_for_tasks(batch, job_id, same_pool.TIMEOUT)
        took = time.monotonic() - start
        used = {task.node_info.node_id for task in batch.list_tasks(job_id)}
    print(f"{TASKS} tasks of {seconds:g} s each took {took:.1f} s on {len(used)} nodes.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1, help="how long each task takes")
    seconds = parser.parse_args().seconds
    with accounts.batch_client(accounts.read()) as batch:
        run(batch, same_pool.POOL, same_pool.NODES, seconds)
        try:
            run(batch, LARGER, 2 * same_pool.NODES, seconds)
        finally:
            batch.begin_delete_pool(LARGER)


if __name__ == "__main__":
    sys.exit(main())
